"""A difference between two levels as tables."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwcompress.cli.guard import plain
from hwcompress.levels.difference import Difference, DiffReport, Follows, TensorRow, Window

__all__ = ["show_difference"]

# Tensors that are shown before and behind the first one that differs, or at all.
_BEFORE, _BEHIND, _MOST = 6, 12, 40


def show_difference(console: Console, report: DiffReport) -> None:
    """Compared tensors, the first difference, and the verdict."""
    _line(console, f"A: {report.a}, B: {report.b}; {_count(report.samples, 'sample')}")
    shown = _shown(report)
    console.print(_tensors(shown, explained=report.explained > 0))
    left = len(report.rows) - len(shown)
    if left:
        console.print(f"({left} tensors farther away are in --json)", style="dim")
    for name, tensors in ((report.a, report.only_a), (report.b, report.only_b)):
        if tensors:
            listed = ", ".join(tensors[:8]) + (" ..." if len(tensors) > 8 else "")
            _line(console, f"Only {name} has {len(tensors)}: {listed}", "dim")
    for note in report.notes:
        _line(console, f"- {note}", "dim")
    if report.first is not None:
        _first(console, report, report.first)
    if report.failure:
        _line(console, report.failure, "bold red")
    _verdict(console, report)


def _shown(report: DiffReport) -> tuple[TensorRow, ...]:
    """All rows, or those around the first one that differs."""
    if len(report.rows) <= _MOST:
        return report.rows
    if report.first is None:
        return report.rows[:_MOST]
    place = [row.tensor for row in report.rows].index(report.first.tensor)
    return report.rows[max(place - _BEFORE, 0) : place + _BEHIND]


def _tensors(rows: tuple[TensorRow, ...], *, explained: bool) -> Table:
    table = Table("tensor", "operation")
    sources = any(row.source for row in rows)
    if sources:
        table.add_column("source tensor")
    for name in ("integers", "differ", *(("explained",) if explained else ()), "first sample"):
        table.add_column(name, justify="right")
    for row in rows:
        cells = [_cell(row.tensor), _cell(row.operation.partition(" ")[0])]
        cells += [_cell(row.source)] if sources else []
        cells += [f"{row.integers:,}", f"{row.differing:,}"]
        cells += [f"{row.explained:,}"] if explained else []
        cells.append("" if row.first_sample is None else f"{row.first_sample:,}")
        wrong = row.differing > row.explained
        table.add_row(*cells, style="red" if wrong else "yellow" if row.differing else "")
    return table


def _first(console: Console, report: DiffReport, item: Difference) -> None:
    """One sentence, and what is around it."""
    places = {1: "position {}", 2: "row {}, column {}"}
    template = places.get(len(item.position), "position " + ", ".join("{}" for _ in item.position))
    place = f"{template.format(*item.position)}, " if item.position else ""
    made = f", {item.operation}" if item.operation else ""
    source = f" (source tensor {item.source!r})" if item.source else ""
    reason = ", a rounding tie" if item.explained else ""
    _line(
        console,
        f"First difference{reason}: tensor {item.tensor!r}{made}{source}, sample {item.sample},"
        f" {place}channel {item.channel}:"
        f" {report.a} has {item.a}{_real(item.a_real)},"
        f" {report.b} has {item.b}{_real(item.b_real)}",
        "bold",
    )
    console.print(_window(item.window, item.channel))
    listed = ", ".join(map(str, item.channels[:12])) + (", ..." if item.channels[12:] else "")
    _line(
        console,
        f"Integers of the tensor that differ: {item.in_sample:,} in this sample, in all samples"
        f" {item.in_tensor:,} (in {_count(len(item.channels), 'channel')}: {listed}), in the"
        f" tensors behind it {item.behind:,}.",
    )
    for side in report.follows:
        _line(console, _own(side))


def _own(side: Follows) -> str:
    """Whether a side follows from its own operands."""
    if not side.operations:
        return f"{side.side}: its operands are not known, so that nothing says whether it is right."
    if not side.wrong:
        count = _count(side.operations, "operation")
        return f"{side.side}: every result follows from its own operands, of {count} looked at."
    listed = ", ".join(side.wrong[:8]) + (", ..." if side.wrong[8:] else "")
    return f"{side.side}: does not follow from its own operands in {listed}" + (
        f"; it does in the {side.operations - len(side.wrong)} other operations looked at."
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _real(value: float | None) -> str:
    return "" if value is None else f" ({value:.9g})"


def _window(window: Window, channel: int) -> Table:
    """Integers of both sides where they differ, as A/B, else the common one."""
    title = "A/B around it" + ("" if window.axis == "channel" else f", channel {channel}")
    table = Table(title=title, title_justify="left", title_style="")
    table.add_column(window.axis)
    for index in range(len(window.a[0])):
        table.add_column(str(window.columns + index), justify="right")
    for number, (a, b) in enumerate(zip(window.a, window.b, strict=True)):
        head = "" if window.rows is None else f"row {window.rows + number}"
        pairs = zip(a, b, strict=True)
        table.add_row(head, *(str(x) if x == y else f"[bold red]{x}/{y}[/]" for x, y in pairs))
    return table


def _verdict(console: Console, report: DiffReport) -> None:
    if not report.equal:
        wrong = report.differing - report.explained
        verdict = f"Not equal: {_count(wrong, 'integer')} {'differs' if wrong == 1 else 'differ'}."
        style = "red"
        if report.explained:
            verdict += f" {report.explained:,} more are rounding ties, each proven to be one."
        if not wrong:
            verdict = "Not all samples could be compared; those that were are equal."
    elif report.differing:
        verdict = f"Equal but for {report.differing:,} rounding ties, each proven to be one."
        style = "green"
    else:
        verdict, style = "Equal in every integer.", "green"
    _line(console, verdict, f"bold {style}")


def _cell(name: str) -> str:
    """A name of a file's without what a terminal would act on."""
    return escape(plain(name))


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(plain(text), style=style, markup=False, highlight=False, soft_wrap=True)
