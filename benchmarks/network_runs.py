"""A network of the zoo as a design: generated, simulated, and compared with its models.

What is checked of each one, everything exactly:

* three or more frames back to back: all outputs against the simulator, the
  first and the last beat of every frame on every port against the cycle model,
  and with taps those of every layer;
* the same frames with random pauses of all ports (`STALLS`);
* with pauses given cycle by cycle: outputs, and every frame's cycles against the
  token machine under the same pauses. Once with pauses that the surroundings of
  a design may make without costing rate (:func:`short_pauses`), where the
  interval must be the one without pauses; once with bursts of longer ones, which
  may cost rate, as the token machine says how much.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.hls.cosim.verilated import Patterns, Run, Stalls, VerilatedDesign
from hwcompress.hls.folding import default_folding
from hwcompress.hls.rtl import Design, generate
from hwcompress.hls.rtl.timing import DesignTiming, design_network, timing_of
from hwcompress.ir import Graph
from hwcompress.models.zoo import ZOO, Entry
from hwcompress.sim import Simulator
from hwcompress.sim.timing import simulate, steady
from tests.compress.zoo import prepare

__all__ = [
    "STALLS",
    "TARGETS",
    "Built",
    "Checked",
    "build",
    "check",
    "long_pauses",
    "short_pauses",
]

TARGETS: dict[str, int] = {
    "resnet8": 16_384,
    "mobilenet_v1_025": 16_384,
    "mobilenet_v2_blocks": 16_384,
    "ds_cnn": 16_384,
    "shufflenet_v2_unit": 8_192,
    "squeeze_excite": 4_096,
    "squeeze_excite_hard": 4_096,
    "tiny_unet": 16_384,
    "conv1d_net": 2_048,
    "autoencoder_64": 512,
}
"""Cycles a frame that each network is folded for."""

STALLS = (Stalls(300, 300, 5), Stalls(20, 20, 6, burst=40))
"""Random pauses: short and many, and long ones. They take the rate that they take."""

_LONGEST = 64
_PHASES = 5


@dataclass(frozen=True, eq=False)
class Built:
    """A generated design with its samples; times in seconds.

    ``generation`` is that of folding, buffers and Verilog, ``modelling`` that
    of the cycle model.
    """

    name: str
    folder: Path
    graph: Graph
    design: Design
    timing: DesignTiming
    integers: np.ndarray
    expected: Mapping[str, np.ndarray]
    importing: float
    generation: float
    modelling: float


@dataclass(frozen=True)
class Checked:
    """What the checks of one design counted. Intervals are cycles a frame, once settled.

    Args:
        frames: simulated, of all runs together.
        values: output integers that were compared.
        cycles: first and last beats, of ports and layers, compared with the model.
        interval: measured, back to back.
        short: measured with :func:`short_pauses`.
        short_model: in the long run with them, by the token machine.
        long: measured with :func:`long_pauses`.
        paused: share of the cycles in which each port is shut in the former, by port.
        compiling: seconds of Verilator and g++.
        simulating: seconds of all simulations.
    """

    frames: int
    values: int
    cycles: int
    interval: Fraction
    short: Fraction
    short_model: Fraction
    long: Fraction
    paused: Mapping[str, float]
    compiling: float
    simulating: float


def build(
    name: str,
    folder: Path,
    *,
    entry: Entry | None = None,
    target: int | None = None,
    x: np.ndarray | None = None,
    seed: int = 0,
) -> Built:
    """Quantize, import, fold, generate, and predict one network.

    Args:
        name: in ``ZOO``.
        folder: where everything goes.
        entry: another one, for samples of another shape.
        target: cycles a frame, default that in ``TARGETS``.
        x: real samples for statistics and calibration; default: random ones.
        seed: of weights and batch norms.
    """
    start = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    prepared = prepare(entry or ZOO[name], folder, seed=seed, x=x)
    graph = prepared.imported.graph
    imported = time.perf_counter()
    folding = default_folding(graph, target_cycles=target or TARGETS[name])
    design = generate(graph, folding, folder / "rtl")
    generated = time.perf_counter()
    timing = timing_of(Design.load(folder / "rtl"))
    modelled = time.perf_counter()
    integers = graph.inputs[0].encode(prepared.samples)
    tensor = graph.outputs[0].inputs[0]
    expected = {tensor: Simulator(graph)(integers)}
    return Built(
        name,
        folder,
        graph,
        design,
        timing,
        integers,
        expected,
        imported - start,
        generated - imported,
        modelled - generated,
    )


def short_pauses(design: Design, interval: Fraction, seed: int) -> Patterns:
    """Random pauses, none longer than the mean time between two beats of its port.

    A port of ``b`` beats a frame needs ``b / interval`` of the cycles. It is shut
    for up to half of the others, and never for more than ``interval / b`` cycles
    (or 64) in a row.
    """
    return _patterns(design, interval, seed, None)


def long_pauses(design: Design, interval: Fraction, seed: int) -> Patterns:
    """As :func:`short_pauses`, but of up to 64 cycles wherever they are."""
    return _patterns(design, interval, seed, _LONGEST)


def _patterns(design: Design, interval: Fraction, seed: int, longest: int | None) -> Patterns:
    rng = np.random.default_rng([seed, 29])
    # Five frames are four patterns: a pause meets five places of a frame.
    length = max(1, round(interval * _PHASES / (_PHASES - 1)))

    def row(beats: int) -> np.ndarray:
        spacing = max(1, int(interval) // beats)
        most = min(longest or spacing, _LONGEST)
        left = int(length * min(0.5, (1 - beats / float(interval)) / 2))
        pattern = np.ones(length, np.int64)
        for place in rng.permutation(length - most - 1) + 1:
            pause = int(rng.integers(1, most + 1))
            if left < pause:
                break
            if pattern[place - 1 : place + pause + 1].all():
                pattern[place : place + pause] = 0
                left -= pause
        return pattern

    return Patterns(
        {port.port: row(port.beats_per_frame) for port in design.inputs},
        {port.port: row(port.beats_per_frame) for port in design.outputs},
    )


def check(built: Built, *, stalled: int = 3, taps: bool = True) -> Checked:
    """Everything that this file's head says, for one design.

    Args:
        built: from :func:`build`.
        stalled: frames with each kind of `STALLS`.
        taps: observe the layers, too.

    Raises:
        CheckFailed: something differs, stands still, or is slower than predicted.
    """
    start = time.perf_counter()
    model = VerilatedDesign.build(built.folder / "rtl", built.folder / "sim", taps=taps)
    compiled = time.perf_counter()
    steady_run = built.timing.steady
    count = steady_run.settled + max(_PHASES, steady_run.frames) + 2
    compared = [0, 0, 0]

    def run(what: str, frames: int, pauses: Stalls | Patterns | None) -> Run:
        rows = np.arange(frames) % len(built.integers)
        seen = model.run(built.integers[rows], stalls=pauses, values=False)
        compared[0] += frames
        for tensor, values in built.expected.items():
            compared[1] += values[rows].size
            if not np.array_equal(seen.values[tensor], values[rows]):
                raise CheckFailed(f"{what}: {tensor} differs", where=built.name)
        if not isinstance(pauses, Stalls):
            compared[2] += _same_cycles(built, seen, pauses or Patterns(), taps)
        return seen

    free = _interval(run("back to back", count, None), max(1, steady_run.frames))
    for pauses in STALLS:
        run(str(pauses), stalled, pauses)
    interval = built.timing.interval
    brief = short_pauses(built.design, interval, 1)
    settled = steady(design_network(built.design), offers=brief.offers, accepts=brief.accepts)
    short = run("short pauses", settled.settled + 2 * settled.frames, brief)
    slow = run("long pauses", count, long_pauses(built.design, interval, 2))
    found = Checked(
        *compared,
        free,
        _interval(short, settled.frames),
        settled.interval,
        _interval(slow, _PHASES),
        {
            port: 1 - float(pattern.mean())
            for port, pattern in {**brief.offers, **brief.accepts}.items()
        },
        compiled - start,
        time.perf_counter() - compiled,
    )
    for what, measured in (("back to back", free), ("short pauses", found.short)):
        if measured != interval:
            raise CheckFailed(
                f"{what}: {float(measured):g} cycles a frame, predicted {float(interval):g}",
                where=built.name,
            )
    return found


def _interval(run: Run, frames: int) -> Fraction:
    """Cycles a frame over the last ``frames`` frames."""
    ends = run.frame_end_cycles
    return Fraction(int(ends[-1] - ends[-1 - frames]), frames)


def _same_cycles(built: Built, run: Run, patterns: Patterns, taps: bool) -> int:
    """Compare a run with the token machine under the same pauses; how many cycles agree."""
    frames = len(run.frame_end_cycles)
    network = design_network(built.design)
    made = simulate(network, frames, offers=patterns.offers, accepts=patterns.accepts)
    seen = {**run.input_ports, **run.output_ports}
    where = {port: port for port in seen}
    if taps:
        names = {tap.stream.tensor: tap.wires for tap in built.design.taps}
        for tensor, cycles in run.tap_cycles.items():
            if names[tensor] in made.streams:  # the rest are wires under another name
                seen[tensor], where[tensor] = cycles, names[tensor]
    compared = 0
    for name, cycles in seen.items():
        stream = made.streams[where[name]]
        for what, ours, theirs in (
            ("first", stream.first, cycles.first),
            ("last", stream.last, cycles.last),
        ):
            known = ours[ours >= 0]  # the model stops with the last output beat
            if not np.array_equal(known, theirs[: len(known)]):
                frame = int(np.flatnonzero(known != theirs[: len(known)])[0])
                raise CheckFailed(
                    f"the {what} beat of frame {frame} passes in cycle {theirs[frame]},"
                    f" the model says {known[frame]}",
                    where=f"{name} of {built.name}",
                )
            compared += len(known)
    return compared
