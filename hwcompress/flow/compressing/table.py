"""The table that a compression ends with: the float model, its 8-bit twin, the result."""

from __future__ import annotations

from dataclasses import dataclass

from hwcompress.flow.compressing.facts import GraphSize, HardwareFacts, ResultFacts
from hwcompress.report.facts import Accuracy

__all__ = ["COLUMNS", "Row", "result_notes", "result_rows", "result_text"]

COLUMNS = ("", "float", "8-bit twin", "compressed", "by")
_NONE = "-"


@dataclass(frozen=True)
class Row:
    """One figure of the three models.

    Attributes:
        name: what it is.
        original: of the float model, as text; ``-`` where there is none.
        twin: of its 8-bit twin.
        result: of the compressed model.
        by: how it was found.
    """

    name: str
    original: str
    twin: str
    result: str
    by: str

    @property
    def cells(self) -> tuple[str, ...]:
        """As :data:`COLUMNS`."""
        return self.name, self.original, self.twin, self.result, self.by


def result_rows(facts: ResultFacts) -> list[Row]:
    """The rows, in order; the figures of hardware only where there is a design."""
    original, before, size = facts.original, facts.before, facts.size
    twin = before.size
    rows = [
        Row(
            "accuracy",
            _share(before.accuracy),
            _share(before.twin),
            _share(facts.accuracy),
            "simulator; float in PyTorch" + _samples(facts.accuracy),
        ),
        Row("weight bits", "32", _bits(twin, "weight_bits"), _bits(size, "weight_bits"), "mean"),
        Row("activation bits", "32", _bits(twin, "act_bits"), _bits(size, "act_bits"), "mean"),
        Row(
            "size on disk, bytes",
            f"{original.size:,}",
            _NONE if twin is None else f"{twin.size:,}",
            f"{size.size:,} ({original.size / size.size:.1f}x less)",
            "float32; else the .hwc file",
        ),
        Row(
            "weights that are zero",
            _part(original.zeros, original.weights),
            _NONE if twin is None else _part(twin.zeros, twin.weights),
            _part(size.zeros, size.weights),
            "",
        ),
        Row("MACs", _NONE, _count(twin, "macs"), _count(size, "macs"), "integer graph"),
        Row(
            "bit operations",
            _NONE,
            _count(twin, "bit_operations"),
            _count(size, "bit_operations"),
            "MACs x weight bits x activation bits: structural, no resource",
        ),
    ]
    return rows + _hardware(before.hardware, facts.hardware, facts.board)


def _hardware(before: HardwareFacts, after: HardwareFacts, board: str) -> list[Row]:
    rows = []
    names = {"lut": "LUT", "ff": "flip-flops", "bram36": "BRAM36", "dsp": "DSP"}
    for key, name in names.items():
        twin, result = (_figure(item.resources, key) for item in (before, after))
        if (twin, result) != (_NONE, _NONE):
            rows.append(Row(name, _NONE, twin, result, f"measured: {after.by or before.by}"))
    said = f"cycle model, equal to the Verilog; {board}"
    for key in ("interval", "latency"):
        twin, result = (_figure(item, key) for item in (before, after))
        if (twin, result) != (_NONE, _NONE):
            rows.append(Row(f"{key}, cycles", _NONE, twin, result, said))
    return rows


def _figure(facts: object, name: str) -> str:
    value = getattr(facts, name, None)
    return _NONE if value is None else f"{value:,.10g}"


def _share(found: Accuracy | None) -> str:
    return _NONE if found is None else f"{found.share:.2%}"


def _samples(found: Accuracy | None) -> str:
    return "" if found is None else f"; {found.samples:,} test samples"


def _bits(size: GraphSize | None, name: str) -> str:
    return _NONE if size is None else f"{getattr(size, name):.3g}"


def _count(size: GraphSize | None, name: str) -> str:
    return _NONE if size is None else f"{getattr(size, name):,}"


def _part(some: int, of: int) -> str:
    return f"{some / of:.1%}" if of else _NONE


def result_text(facts: ResultFacts) -> str:
    """The table as plain text, with the notes below."""
    rows = [COLUMNS, *(row.cells for row in result_rows(facts))]
    widths = [max(len(row[index]) for row in rows) for index in range(len(COLUMNS))]
    lines = [f"{facts.model}, compressed by {facts.recipe}, for {facts.board}", ""]
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if index in (0, len(row) - 1) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if not number:
            lines.append("  ".join("-" * width for width in widths))
    lines += ["", *(f"- {note}" for note in result_notes(facts))]
    return "\n".join(lines) + "\n"


def result_notes(facts: ResultFacts) -> list[str]:
    """What was done, and why a design is missing."""
    problems = [item.problem for item in (facts.before.hardware, facts.hardware) if item.problem]
    notes = [*facts.original.notes, *facts.before.notes, *facts.notes, *problems]
    return list(dict.fromkeys(notes))
