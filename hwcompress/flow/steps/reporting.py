"""From the records of the steps to report.json and report.html."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path

from hwcompress import boards
from hwcompress.flow.manifest import Record, write_text
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.step import Context
from hwcompress.report.assemble import Findings, assemble
from hwcompress.report.convert import from_json
from hwcompress.report.facts import (
    BenchFacts,
    DataFacts,
    DesignFacts,
    ExpectedFacts,
    FoldFacts,
    GraphFacts,
    HlsFacts,
    PackageFacts,
    SimulateFacts,
    SourceFacts,
    SynthFacts,
    VerifyFacts,
)
from hwcompress.report.html import render
from hwcompress.report.model import REPORT, BoardFacts, Report, StepState

__all__ = ["HTML", "REPORTED", "make_report", "run_report", "write_report"]

HTML = "report.html"

_KINDS: Mapping[str, tuple[str, type]] = {
    "data": ("data", DataFacts),
    "train": ("source", SourceFacts),
    "import": ("graph", GraphFacts),
    "simulate": ("simulate", SimulateFacts),
    "fold": ("fold", FoldFacts),
    "generate": ("design", DesignFacts),
    "estimate": ("expected", ExpectedFacts),
    "synthesize": ("synth", SynthFacts),
    "bench": ("bench", BenchFacts),
    "verify": ("verify", VerifyFacts),
    "hls4ml": ("hls", HlsFacts),
    "package": ("package", PackageFacts),
}
"""Step to the field of :class:`Findings` and the type of its result."""

REPORTED = tuple(_KINDS)


def make_report(settings: BuildSettings, records: Mapping[str, Record]) -> Report:
    """The report of the steps that have a record."""
    board = boards.load(settings.board)
    held = board.capacity
    findings = Findings(
        **{
            field: from_json(kind, records[step].result)
            for step, (field, kind) in _KINDS.items()
            if step in records
        }
    )
    steps = tuple(
        StepState(step, step in records, dict(records[step].tools) if step in records else {})
        for step in REPORTED
    )
    return assemble(
        _model_name(settings),
        BoardFacts(
            board.name,
            board.title,
            board.part,
            board.clock_mhz,
            held.lut,
            held.ff,
            held.bram,
            held.dsp,
            board.kind.bram_name,
        ),
        command_line(settings),
        {name: _shown(name, value) for name, value in dataclasses.asdict(settings).items()},
        steps,
        findings,
    )


def write_report(folder: Path, report: Report) -> None:
    """Both files."""
    write_text(folder / REPORT, report.to_json())
    write_text(folder / HTML, render(report))


def run_report(context: Context) -> None:
    """The last step of a build."""
    write_report(context.out, make_report(context.settings, context.records))


def _model_name(settings: BuildSettings) -> str:
    file = settings.model_file
    if file is None:
        return "embedded digits network"
    return f"{file.name}:{settings.model_function}" if settings.model_function else file.name


def _shown(name: str, value: object) -> str:
    """A setting as text; of a path the name only: a report does not tell where it was made."""
    if value in (None, ""):
        return ""
    if name in ("model", "weights", "data", "labels", "board", "folding"):
        return Path(str(value)).name
    return str(value)


def command_line(settings: BuildSettings) -> str:
    """The command that asks for this build, with the names of the files."""
    words = ["hwcompress", "build"]
    words += [_shown("model", settings.model)] if settings.model else []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name in ("model", "labels"):
            continue
        if field.name == "board" or value != field.default:
            shown = _shown(field.name, value)
            if field.name == "data" and settings.labels:
                shown += f",{_shown('labels', settings.labels)}"
            option = f"--{field.name.replace('_', '-')}"
            words += [option] if isinstance(value, bool) else [option, shown]
    return shlex.join(words)
