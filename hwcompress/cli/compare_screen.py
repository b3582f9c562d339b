"""A comparison as tables."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwcompress.inspect.compare_facts import Agreement, CompareFacts, FirstDifference

__all__ = ["show_comparison"]

# Tensors that are shown before and behind the first one that differs.
_BEFORE, _BEHIND = 4, 12


def show_comparison(console: Console, facts: CompareFacts) -> None:
    """Agreements, decisions, and the first tensor that differs."""
    console.print(
        f"[bold]{escape(facts.model)}[/]: {escape(facts.kind)}; {facts.samples:,} samples",
        highlight=False,
    )
    for line in facts.drawn:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    console.print(_agreements(facts.agreements))
    for row in facts.agreements:
        if len(row.tensors) > 1 and row.mismatches:
            for item in row.tensors:
                console.print(
                    f"  {row.level}, output {item.tensor!r}: {item.mismatches:,} of"
                    f" {item.values:,} integers differ, {item.explained:,} explained",
                    markup=False,
                    highlight=False,
                )
    if facts.decisions:
        console.print(_decisions(facts))
    for difference in facts.first:
        _difference(console, difference)
    for note in facts.notes:
        console.print(f"- {note}", style="dim", markup=False, highlight=False, soft_wrap=True)
    if not any(row.scope == "outputs" for row in facts.agreements):
        console.print(
            f"The source's own runtime did not run: {facts.runtime}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    mismatches = sum(row.mismatches for row in facts.agreements)
    explained = sum(row.explained for row in facts.agreements)
    if not facts.exact:
        verdict, style = f"Not equal: {mismatches - explained:,} unexplained differences.", "red"
    elif mismatches:
        verdict = f"Equal but for {explained:,} rounding ties, each proven to be one."
        style = "green"
    else:
        verdict, style = "Equal in every integer.", "green"
    console.print(verdict, style=f"bold {style}", markup=False)


def _agreements(rows: tuple[Agreement, ...]) -> Table:
    table = Table("level", "equals", "compared")
    for name in ("samples", "exact", "integers", "equal", "differ", "explained", "unexplained"):
        table.add_column(name, justify="right")
    table.add_column("by")
    for row in rows:
        table.add_row(
            escape(row.level),
            escape(row.against),
            row.scope,
            f"{row.samples:,}",
            f"{row.exact_samples:,}",
            f"{row.values:,}",
            _share(row),
            f"{row.mismatches:,}",
            f"{row.explained:,}",
            f"{row.unexplained:,}",
            escape(row.by),
            style="red" if row.unexplained else "",
        )
    return table


def _share(row: Agreement) -> str:
    """Rounded down: only what is equal throughout shows as 100 %."""
    if not row.mismatches:
        return "100 %"
    return f"{int(row.exact_rate * 1e6) / 1e4:.4f} %"


def _decisions(facts: CompareFacts) -> Table:
    table = Table("decides")
    table.add_column("samples", justify="right")
    table.add_column("as the simulator", justify="right")
    table.add_column("correct", justify="right")
    table.add_column("accuracy", justify="right")
    for row in facts.decisions:
        right = row.correct
        table.add_row(
            escape(row.level),
            f"{row.samples:,}",
            f"{row.agree / row.samples:.2%}",
            "no labels" if right is None else f"{right:,}",
            "" if right is None else f"{right / row.samples:.2%}",
        )
    return table


def _difference(console: Console, item: FirstDifference) -> None:
    """One sentence, and the layers of that sample."""
    places = {1: "position {}", 2: "row {}, column {}"}
    template = places.get(len(item.position), "position " + ", ".join("{}" for _ in item.position))
    place = f"{template.format(*item.position)}, " if item.position else ""
    source = f" (source tensor {item.source!r})" if item.source else ""
    reason = ", a rounding tie" if item.explained else ""
    console.print(
        f"First difference between {item.level} and {item.against}{reason}: sample {item.sample},"
        f" {item.operation!r}{source}, {place}channel {item.channel}: {item.level} has"
        f" {item.theirs} ({item.theirs_real:.9g}), {item.against} has {item.ours}"
        f" ({item.ours_real:.9g})",
        style="bold",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    table = Table("operation", "tensor", "source tensor")
    table.add_column("integers", justify="right")
    table.add_column("differ", justify="right")
    place_of = [row.tensor for row in item.tensors].index(item.tensor)
    shown = slice(max(place_of - _BEFORE, 0), place_of + _BEHIND)
    for row in item.tensors[shown]:
        style = "red" if row.differing else ""
        names = [escape(text) for text in (row.operation.split()[0], row.tensor, row.source)]
        table.add_row(*names, f"{row.values:,}", f"{row.differing:,}", style=style)
    console.print(table)
    left = len(item.tensors) - len(item.tensors[shown])
    if left:
        console.print(f"({left} tensors farther away are in --json)", style="dim")
