"""The growth of the simulator's time as a plot, in SVG with logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.simulator_scaling import Growth

__all__ = ["plot"]

_WIDTH, _HEIGHT, _LEFT, _TOP = 250.0, 190.0, 62.0, 34.0
_PANEL = _WIDTH + _LEFT + 18.0
_TOTAL = _HEIGHT + _TOP + 48.0


def plot(found: Sequence[Growth]) -> str:
    """One panel for each: measured points, and a line through the last one that is linear."""
    panels = [_panel(item, index * _PANEL) for index, item in enumerate(found)]
    wide = _PANEL * len(found)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {_TOTAL:g}"'
        f' width="{wide:g}" height="{_TOTAL:g}" font-family="sans-serif" font-size="11">'
        f'<rect width="{wide:g}" height="{_TOTAL:g}" fill="white"/>'
    )
    return head + "".join(panels) + "</svg>\n"


def _panel(item: Growth, start: float) -> str:
    left, bottom = start + _LEFT, _TOP + _HEIGHT
    x_span, y_span = _decades(item.macs), _decades(item.seconds)

    def x_of(value: float) -> float:
        return left + _WIDTH * _part(value, x_span)

    def y_of(value: float) -> float:
        return bottom - _HEIGHT * _part(value, y_span)

    parts = [
        f'<text x="{left:g}" y="14" font-weight="bold">{escape(item.axis)}</text>',
        f'<text x="{left:g}" y="27" fill="#555">{escape(item.unit)}</text>',
        f'<text x="{left + _WIDTH / 2:g}" y="{bottom + 34:g}" text-anchor="middle">'
        "multiplications and additions a call</text>",
    ]
    for power in range(x_span[0], x_span[1] + 1):
        x = x_of(10.0**power)
        parts.append(_line(x, _TOP, x, bottom, "#ddd"))
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16:g}" text-anchor="middle">1e{power}</text>')
    for power in range(y_span[0], y_span[1] + 1):
        y = y_of(10.0**power)
        parts.append(_line(left, y, left + _WIDTH, y, "#ddd"))
        parts.append(
            f'<text x="{left - 5:g}" y="{y + 4:.1f}" text-anchor="end">{_time(power)}</text>'
        )
    last = (item.macs[-1], item.seconds[-1])
    low = max(10.0 ** x_span[0], last[0] * 10.0 ** y_span[0] / last[1])
    parts.append(
        _line(x_of(low), y_of(last[1] * low / last[0]), x_of(last[0]), y_of(last[1]), "#999", "4 3")
    )
    points = [(x_of(a), y_of(b)) for a, b in zip(item.macs, item.seconds, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="#0b63a5" stroke-width="1.5"/>')
    for (x, y), size in zip(points, item.sizes, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="#0b63a5"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{y - 6:.1f}" text-anchor="middle" font-size="9">{size}</text>'
        )
    return "".join(parts)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Whole powers of ten around some numbers."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _part(value: float, span: tuple[int, int]) -> float:
    return (math.log10(value) - span[0]) / (span[1] - span[0])


def _time(power: int) -> str:
    """``10 ** power`` seconds with a prefix."""
    unit, base = ("s", 0) if power >= 0 else ("ms", -3) if power >= -3 else ("us", -6)
    return f"{10.0 ** (power - base):g} {unit}"


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
        f' stroke="{colour}"{dashed}/>'
    )
