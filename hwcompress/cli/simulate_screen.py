"""A run of the simulator as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwcompress.running.facts import EffectFacts, RangeFacts, RunFacts, Score

__all__ = ["show_run"]

_MOST_CLASSES = 16  # of a confusion matrix on the screen
_NAMED = 6


def show_run(console: Console, facts: RunFacts) -> None:
    """Speed, decisions, ranges, files and notes."""
    console.print(
        f"[bold]{escape(facts.model)}[/]: {escape(facts.kind)}; {facts.samples:,} samples of"
        f" {escape(facts.data)}",
        highlight=False,
    )
    whole = "results" if facts.effects is None else "effects"
    threads = "1 thread" if facts.threads == 1 else f"{facts.threads} threads"
    _line(
        console,
        f"{facts.samples_per_second:,.0f} samples/s in {facts.seconds:.2f} s, data and {whole}"
        f" included; {facts.simulator_samples_per_second:,.0f} samples/s in the simulator"
        f" ({threads})",
    )
    if facts.score is not None:
        _score(console, facts.score)
    if facts.effects is not None:
        _effects(console, facts.effects, facts)
    if facts.ranges:
        _ranges(console, facts.ranges)
    for path in facts.written:
        _line(console, f"Written: {path}")
    for note in facts.notes:
        console.print(f"- {note}", style="dim", markup=False, highlight=False, soft_wrap=True)


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _score(console: Console, score: Score) -> None:
    console.print(
        f"Accuracy [bold]{score.share:.2%}[/]: {score.correct:,} of {score.samples:,} right",
        highlight=False,
    )
    if score.confusion is None or len(score.confusion) > _MOST_CLASSES:
        _line(console, "(the confusion matrix is in --json, up to 32 classes)")
        return
    table = Table("true", title="given", title_justify="left")
    for number in range(len(score.confusion)):
        table.add_column(str(number), justify="right")
    for number, row in enumerate(score.confusion):
        cells = [f"{count:,}" if count else "." for count in row]
        cells[number] = f"[bold green]{cells[number]}[/]"
        table.add_row(str(number), *cells)
    console.print(table)


def _effects(console: Console, facts: EffectFacts, run: RunFacts) -> None:
    given = []
    if facts.accumulator_bits:
        given.append(f"accumulators of {facts.accumulator_bits} bits, {facts.overflow}")
    if facts.faults:
        given.append(f"faults {facts.faults}, seed {facts.seed}")
    if facts.fault_list:
        given.append(f"faults of {facts.fault_list}")
    _line(console, f"With {'; '.join(given)}:")
    if facts.faults or facts.fault_list:
        _line(console, f"  {facts.flipped_bits:,} bits of weights and thresholds flipped")
    if facts.score is not None and run.score is not None:
        lost = run.score.share - facts.score.share
        _line(
            console,
            f"  accuracy {facts.score.share:.2%} instead of {run.score.share:.2%}"
            f" ({0.0 - 100 * lost:+.2f} points)",
        )
    classes = facts.changed_decisions
    decided = "" if classes is None else f", {classes:,} decisions"
    _line(
        console,
        f"  {facts.changed_values:,} of {facts.values:,} output integers changed, in"
        f" {facts.changed_samples:,} of {run.samples:,} samples{decided}",
    )
    table = Table("layer", "overflow")
    for name in ("bits", "sums", "overflowed", "wrong", "samples with one"):
        table.add_column(name, justify="right")
    for row in facts.layers:
        table.add_row(
            escape(row.layer),
            row.overflow,
            str(row.bits),
            f"{row.sums:,}",
            f"{row.overflowed:,}" if row.overflowed else "",
            f"{row.changed:,}" if row.changed else "",
            f"{row.samples_changed:,} ({row.samples_changed / max(row.samples, 1):.1%})"
            if row.samples_changed
            else "",
            style="yellow" if row.changed else "",
        )
    console.print(table)


def _ranges(console: Console, rows: Sequence[RangeFacts]) -> None:
    table = Table("tensor", "made by", "type")
    for name in ("reachable", "observed", "unused bits", "channels", "constant", "dead"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            escape(row.tensor),
            row.operation,
            row.type,
            _interval(row.reachable),
            _interval(row.observed),
            str(row.unused_bits or ""),
            f"{row.channels:,}",
            _channels(row.constant),
            _channels(row.dead),
            style="yellow" if row.constant else "",
        )
    console.print(table)
    _line(
        console,
        "reachable: for any input; constant: channels with one value in this run; dead: channels"
        " that no input changes. Intervals of every channel are in --json.",
    )


def _interval(bounds: tuple[int, int]) -> str:
    return f"{bounds[0]:,}..{bounds[1]:,}"


def _channels(numbers: tuple[int, ...]) -> str:
    """How many, and the first ones."""
    if not numbers:
        return ""
    shown = ", ".join(map(str, numbers[:_NAMED])) + (", ..." if len(numbers) > _NAMED else "")
    return f"{len(numbers)} ({shown})"
