"""Puts the findings of the steps together into one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hwcompress import __version__
from hwcompress.report.facts import (
    ESTIMATED,
    BenchFacts,
    Check,
    DataFacts,
    DesignFacts,
    EstimateFacts,
    ExpectedFacts,
    Figure,
    FoldFacts,
    GraphFacts,
    HlsFacts,
    LayerHardware,
    PackageFacts,
    SimulateFacts,
    SourceFacts,
    SynthFacts,
    VerifyFacts,
)
from hwcompress.report.model import (
    SCHEMA,
    BoardFacts,
    LayerRow,
    Report,
    Share,
    StepState,
)

__all__ = ["Findings", "assemble", "find_figure"]

Facts = TypeVar("Facts")

_NO_TIMING = (
    "the clock is the board's nominal one: Yosys does not place and route, so whether the design"
    " reaches it has not been measured"
)


@dataclass(frozen=True)
class Findings:
    """What the steps returned; ``None`` for a step that has not run."""

    data: DataFacts | None = None
    source: SourceFacts | None = None
    graph: GraphFacts | None = None
    simulate: SimulateFacts | None = None
    fold: FoldFacts | None = None
    design: DesignFacts | None = None
    expected: ExpectedFacts | None = None
    hls: HlsFacts | None = None
    verify: VerifyFacts | None = None
    bench: BenchFacts | None = None
    synth: SynthFacts | None = None
    package: PackageFacts | None = None

    @property
    def estimate(self) -> EstimateFacts | None:
        """Resources before synthesis, if every module has an estimate."""
        return self.expected.estimate if self.expected else None


def assemble(
    model: str,
    board: BoardFacts,
    command: str,
    settings: Mapping[str, str],
    steps: Sequence[StepState],
    findings: Findings,
) -> Report:
    """The report of what has been found so far."""
    checks: tuple[Check, ...] = ()
    for part in (findings.simulate, findings.hls, findings.verify, findings.bench):
        checks += part.checks if part is not None else ()
    return Report(
        schema=SCHEMA,
        hwcompress=__version__,
        model=model,
        board=board,
        command=command,
        settings=dict(settings),
        steps=tuple(steps),
        accuracy=findings.simulate.accuracy if findings.simulate else (),
        confusion=findings.simulate.confusion if findings.simulate else None,
        checks=checks,
        performance=_performance(findings, board),
        resources=_resources(findings, board),
        layers=_layers(findings),
        rest=findings.synth.rest if findings.synth else None,
        data=findings.data,
        source=findings.source,
        graph=findings.graph,
        design=findings.design,
        bench=findings.bench,
        package=findings.package,
        notes=_notes(findings),
        estimate=findings.estimate,
    )


def find_figure(figures: Sequence[Figure], name: str) -> Figure | None:
    """The first figure of a name."""
    return next((figure for figure in figures if figure.name == name), None)


def _performance(findings: Findings, board: BoardFacts) -> tuple[Figure, ...]:
    """Cycles, measured before estimated, then what they mean at the board's clock."""
    figures: list[Figure] = []
    for part in (findings.verify, findings.bench, findings.design, findings.hls):
        figures += part.figures if part is not None else ()
    derived = []
    interval = find_figure(figures, "interval")
    if interval is not None:
        derived.append(
            Figure(
                "throughput",
                board.clock_mhz * 1e6 / interval.value,
                "frames/s",
                "estimated",
                f"{board.clock_mhz:g} MHz / interval",
                _NO_TIMING,
            )
        )
    latency = find_figure(figures, "frame latency")
    if latency is not None:
        derived.append(
            Figure(
                "frame latency at the clock",
                latency.value / board.clock_mhz,
                "µs",
                "estimated",
                f"frame latency / {board.clock_mhz:g} MHz",
                _NO_TIMING,
            )
        )
    return (*derived, *figures)


def _resources(findings: Findings, board: BoardFacts) -> tuple[Share, ...]:
    """What synthesis counted; before it ran, what was estimated."""
    found = findings.synth or findings.estimate
    if found is None:
        return ()
    total = found.total
    return tuple(
        Share(name, float(used), available, found.basis, found.by)
        for name, used, available in (
            ("LUT", total.lut, board.lut),
            ("FF", total.ff, board.ff),
            (board.bram_name, total.bram36, board.bram36),
            ("DSP", total.dsp, board.dsp),
        )
    )


def _layers(findings: Findings) -> tuple[LayerRow, ...]:
    if findings.graph is None:
        return ()
    engines: dict[str, LayerHardware] = {}
    for part in (findings.fold, findings.design):
        engines |= {layer.name: layer for layer in part.layers} if part is not None else {}
    rows = []
    for layer in findings.graph.layers:
        engine = engines.get(layer.name)
        synth = findings.synth
        parts = synth.layers.get(layer.name) if synth else None
        rows.append(
            LayerRow(
                layer.name,
                layer.kind,
                layer.out_shape,
                layer.in_type,
                layer.out_type,
                layer.weights,
                layer.weight_type,
                layer.macs,
                engine.pe if engine else None,
                engine.simd if engine else None,
                engine.cycles if engine else None,
                parts,
                ESTIMATED if engine else None,
                synth.basis if synth and parts else None,
                engine.pixels if engine else None,
                engine.first if engine else None,
                engine.last if engine else None,
                findings.estimate.layers.get(layer.name) if findings.estimate else None,
            )
        )
    return tuple(rows)


def _notes(findings: Findings) -> tuple[str, ...]:
    notes: list[str] = []
    for part in (
        findings.data,
        findings.source,
        findings.graph,
        findings.simulate,
        findings.fold,
        findings.expected,
        findings.hls,
        findings.synth,
        findings.package,
    ):
        notes += part.notes if part is not None else ()
    return tuple(dict.fromkeys(notes))
