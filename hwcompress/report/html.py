"""The report as one HTML page without any external resource."""

from __future__ import annotations

from importlib.resources import files

from hwcompress.report.assemble import find_figure
from hwcompress.report.model import Report

__all__ = ["render"]


def render(report: Report) -> str:
    """The page as text. The same report gives the same bytes."""
    from jinja2 import Environment, StrictUndefined

    folder = files("hwcompress.report")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": _number,
        "percent": _percent,
        "shape": _shape,
        "signed": _signed,
    }
    template = environment.from_string((folder / "report.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        report=report,
        style=(folder / "report.css").read_text(encoding="utf-8"),
        throughput=find_figure(report.performance, "throughput"),
        interval=find_figure(report.performance, "interval"),
        latency=find_figure(report.performance, "frame latency at the clock"),
        missing=[step.name for step in report.steps if not step.done],
        versions=_versions(report),
    )


def _versions(report: Report) -> list[tuple[str, str, str]]:
    """Tool, version, and the steps it took part in."""
    found: dict[tuple[str, str], list[str]] = {}
    for step in report.steps:
        for tool, version in step.tools.items():
            found.setdefault((tool, version), []).append(step.name)
    return [(tool, version, ", ".join(steps)) for (tool, version), steps in sorted(found.items())]


def _number(value: float) -> str:
    """With thousands separated; at most four significant digits after a point."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:,.4g}"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f} %"


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
