"""The final screen: the report's main figures as tables."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwcompress.cli.console import make_console
from hwcompress.flow.build import build_report
from hwcompress.report.model import Report

__all__ = ["show_report", "show_sections"]

ALL = ("accuracy", "checks", "performance", "resources", "notes")
HTML = "report.html"


def show_report(folder: Path, seconds: float | None) -> None:
    """Every section, then where the report lies."""
    report = build_report(folder)
    console = make_console()
    _show(console, report, ALL)
    if seconds is not None:
        console.print(f"Built in {seconds:.1f} s.", highlight=False)
    console.print(f"Report: {_near(folder / HTML)}", markup=False, highlight=False, soft_wrap=True)


def show_sections(folder: Path, sections: Collection[str]) -> None:
    """Some sections, from what the build folder holds now."""
    _show(make_console(), build_report(folder), sections)


def _show(console: Console, report: Report, sections: Collection[str]) -> None:
    console.print(
        f"\n[bold]{escape(report.model)}[/] for {escape(report.board.title)} ({report.board.part})"
    )
    tables = {
        "accuracy": _accuracy,
        "checks": _checks,
        "performance": _performance,
        "resources": _resources,
    }
    for name, make in tables.items():
        if name in sections:
            table = make(report)
            if table.row_count:
                console.print(table)
    if "notes" in sections:
        for note in report.notes:
            console.print(f"- {note}", style="dim", markup=False, highlight=False)
    missing = [step.name for step in report.steps if not step.done and step.name != "report"]
    if missing and "notes" in sections:
        console.print(f"Not run: {', '.join(missing)}")


def _accuracy(report: Report) -> Table:
    table = Table("accuracy", title_justify="left")
    for name in ("correct", "samples", "share"):
        table.add_column(name, justify="right")
    table.add_column("by")
    for row in report.accuracy:
        share = f"{row.share:.2%}"
        table.add_row(row.who, f"{row.correct:,}", f"{row.samples:,}", share, escape(row.by))
    return table


def _checks(report: Report) -> Table:
    table = Table("exactness", "equals", "compared")
    for name in ("samples", "mismatches", "explained"):
        table.add_column(name, justify="right")
    table.add_column("by")
    for check in report.checks:
        style = "red" if check.mismatches else "green"
        table.add_row(
            check.level,
            check.against,
            check.scope,
            f"{check.samples:,}",
            f"[{style}]{check.mismatches:,}[/]",
            f"{check.explained:,}",
            escape(check.by),
        )
    return table


def _performance(report: Report) -> Table:
    table = Table("performance")
    table.add_column("value", justify="right")
    for name in ("unit", "", "by"):
        table.add_column(name)
    for figure in report.performance:
        value = f"{figure.value:,.0f}" if figure.value >= 1000 else f"{figure.value:,.4g}"
        table.add_row(figure.name, value, figure.unit, figure.basis, escape(figure.by))
    return table


def _resources(report: Report) -> Table:
    table = Table("resources")
    for name in ("used", f"of {report.board.name}", "share"):
        table.add_column(name, justify="right")
    for name in ("", "by"):
        table.add_column(name)
    for share in report.resources:
        style = "red" if share.fraction > 1 else "green"
        table.add_row(
            share.name,
            f"{share.used:,g}",
            f"{share.available:,}",
            f"[{style}]{share.fraction:.1%}[/]",
            share.basis,
            escape(share.by),
        )
    found = report.estimate
    if found is not None:
        table.add_row(
            "LUT before synthesis",
            f"{found.total.lut:,}",
            "",
            f"{found.total.low:,} to {found.total.high:,}",
            found.basis,
            escape(found.by),
        )
    return table


def _near(path: Path) -> str:
    """Relative to the working folder if it lies below, which is shorter."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path.absolute())
