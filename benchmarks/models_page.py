"""The page of imported models, from the records."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.model_records import Record

__all__ = ["documented", "page"]

_HEAD = """\
# Models made by others

Written by `python -m benchmarks.models_table --write docs/imported-models.md`; nothing
here is typed by hand. Every model was looked at with `hwcompress inspect` and compared
with its own runtime by `hwcompress compare`, on the samples named: random ones are
uniform over the levels of the model's input, extremes included.

A float model is first quantized to 8 bits with the samples as calibration set; what is
compared is the quantized one, with PyTorch."""

_EXACTNESS = """\
## Exactness

Output integers of the simulator against the model's own runtime in float32, and the
integer graph, every tensor of it, against the model's arithmetic in float64. A
difference is *explained* where rounding ties of float32 alone can cause it
([verification](verification.md)); the runtime of a model whose scales are no powers of
two rounds in every layer, float64 in none."""

_ACCURACY = """\
## Accuracy

On the samples above, so with some of the test set. *Documented* is what the maker says, or
what was measured when the models were collected, on other samples."""

_SIZE = """\
## What they consist of

Of the integer graph; MACs a sample. *Sum* is the widest accumulator."""

_REFUSED = """\
## Refused

The reasons as the command line gives them."""

_BUILT = """\
## As designs

`hwcompress build --board {board}`: every frame passes through the verilated design and
equals the simulator in every integer. The interval is in cycles between frames,
predicted and measured alike; resources are counted by Yosys."""

Column = tuple[str, Callable[[Record], str]]


def documented(readme: Path) -> dict[str, str]:
    """What the README of the models says of accuracy, by the name of the file."""
    if not readme.is_file():
        return {}
    found: dict[str, str] = {}
    place: int | None = None
    for line in readme.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if "accuracy" in cells:
            place = cells.index("accuracy")
        elif not line.startswith("|"):
            place = None
        elif (
            place is not None
            and len(cells) > place
            and (match := re.fullmatch(r"`(.+\.onnx)`", cells[0]))
        ):
            found[Path(match[1]).stem] = cells[place]
    return found


def page(records: Sequence[Record], known: Mapping[str, str]) -> str:
    """The whole page."""
    taken = [record for record in records if record.comparison]
    refused = [record for record in records if not record.comparison]
    decided = [record for record in taken if _right(record)]
    built = [record for record in records if record.built is not None]
    lines = [*_HEAD.splitlines(), ""]
    lines += [_count(records, taken), "", *_EXACTNESS.splitlines(), ""]
    lines += _table(taken, _COMPARED)
    lines += ["", *_notes(taken)]
    if decided:
        columns = (*_DECIDED, ("documented", lambda r: known.get(Path(r.name).stem, "")))
        lines += ["", *_ACCURACY.splitlines(), "", *_table(decided, columns)]
    lines += ["", *_SIZE.splitlines(), "", *_table(taken, _SIZES)]
    if refused:
        lines += ["", *_REFUSED.splitlines(), ""]
        for record in refused:
            lines += [f"`{record.name}`", "", *_reasons(record), ""]
    if built:
        board = built[0].built.board if built[0].built else ""
        lines += ["", *_BUILT.format(board=board).splitlines(), "", *_table(built, _DESIGNS)]
        rest = [Path(record.name).stem for record in taken if record.built is None]
        if rest:
            names = ", ".join(f"`{name}`" for name in rest)
            lines += ["", f"Imported and compared, but not built for this page: {names}."]
    text = "\n".join([*lines, ""])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _count(records: Sequence[Record], taken: Sequence[Record]) -> str:
    exact = sum(bool(record.comparison["exact"]) for record in taken)
    return (
        f"Of {len(records)} models {len(taken)} are imported; {exact} of these have no"
        " unexplained difference."
    )


def _row(record: Record, scope: str) -> dict[str, Any] | None:
    """The first agreement of a scope; of the outputs that with the file's own runtime."""
    rows = [row for row in record.comparison["agreements"] if row["scope"] == scope]
    return rows[0] if rows else None


def _runtime(record: Record) -> str:
    row = _row(record, "outputs")
    return row["level"] if row else "did not run"


def _differ(record: Record, scope: str) -> str:
    row = _row(record, scope)
    if row is None:
        return "-"
    if not row["mismatches"]:
        return "0"
    left = row["mismatches"] - row["explained"]
    return f"{row['explained']:,} explained, {left:,} not"


def _integers(record: Record, scope: str) -> str:
    row = _row(record, scope)
    return f"{row['values']:,}" if row else "-"


def _samples_of(record: Record, scope: str) -> str:
    row = _row(record, scope)
    return f"{row['samples']:,}" if row else "-"


_TENSORS = "every quantized tensor"

_COMPARED: tuple[Column, ...] = (
    ("kind", lambda r: _kind(r)),
    ("samples", lambda r: r.samples),
    ("runtime", _runtime),
    ("samples run", lambda r: _samples_of(r, "outputs")),
    ("output integers", lambda r: _integers(r, "outputs")),
    ("differ", lambda r: _differ(r, "outputs")),
    ("float64: samples", lambda r: _samples_of(r, _TENSORS)),
    ("integers", lambda r: _integers(r, _TENSORS)),
    ("differ ", lambda r: _differ(r, _TENSORS)),
)


def _kind(record: Record) -> str:
    return str((record.inspection.get("source") or {}).get("kind", ""))


def _right(record: Record) -> bool:
    return any(row["correct"] is not None for row in record.comparison["decisions"])


def _share(record: Record, simulator: bool) -> str:
    for row in record.comparison["decisions"]:
        if (row["level"] == "Numba simulator") == simulator and row["correct"] is not None:
            return f"{row['correct'] / row['samples']:.2%} of {row['samples']:,}"
    return "-"


_DECIDED: tuple[Column, ...] = (
    ("simulator", lambda r: _share(r, True)),
    ("source", lambda r: _share(r, False)),
)


def _possible(record: Record, realisation: str) -> str:
    """Whether a realisation has every layer."""
    gaps = [gap for gap in record.inspection["gaps"] if gap["realisation"] == realisation]
    return f"{len(gaps)} layer(s) lacking" if gaps else "yes"


def _total(name: str) -> Callable[[Record], str]:
    return lambda record: f"{record.inspection['totals'][name]:,}"


_SIZES: tuple[Column, ...] = (
    ("layers", _total("layers")),
    ("MACs", _total("macs")),
    ("weights", _total("weights")),
    ("weight bits", _total("weight_bits")),
    ("sum", lambda r: f"{r.inspection['totals']['widest_accumulator']} bits"),
    ("Verilog", lambda r: _possible(r, "rtl")),
    ("hls4ml", lambda r: _possible(r, "hls4ml")),
)


def _designed(show: Callable[[Any], str]) -> Callable[[Record], str]:
    return lambda record: show(record.built)


_DESIGNS: tuple[Column, ...] = (
    ("interval", _designed(lambda b: "-" if b.interval is None else f"{b.interval:,}")),
    ("LUT", _designed(lambda b: "-" if b.lut is None else f"{b.lut:,}")),
    ("BRAM36", _designed(lambda b: "-" if b.bram is None else f"{b.bram:g}")),
    ("DSP", _designed(lambda b: "-" if b.dsp is None else f"{b.dsp}")),
    ("frames compared", _designed(lambda b: f"{b.frames}")),
    ("integers that differ", _designed(lambda b: f"{b.mismatches}" if b.frames else "-")),
    ("", _designed(lambda b: _cell(b.failure.splitlines()[0][:300]) if b.failure else "")),
)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _notes(records: Sequence[Record]) -> list[str]:
    """Runtimes that cannot run their own model."""
    lines = []
    for record in records:
        if _row(record, "outputs") is None:
            reason = " ".join(str(record.comparison["runtime"]).split())
            lines.append(f"- `{record.name}`: {reason}")
    return lines


def _reasons(record: Record) -> list[str]:
    problems = record.inspection.get("problems") or []
    lines = [
        f"- {item['message']}" + (f". Remedy: {item['remedy']}" if item["remedy"] else "")
        for item in problems
    ]
    remedy = record.inspection.get("remedy")
    lines += [f"- Remedy: {remedy}"] if remedy else []
    return lines or [f"- {' '.join(record.failure.split())}"]


def _table(records: Sequence[Record], columns: Sequence[Column]) -> list[str]:
    head = ["model", *(title.strip() for title, _ in columns)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for record in records:
        cells = [f"`{Path(record.name).stem}`", *(_cell(show(record)) for _, show in columns)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
