"""The page of a sensitivity: one picture for each part, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from hwcompress.flow.compressing.exploring import SensitivityFacts, SensitivityRow

__all__ = ["sensitivity_page", "sensitivity_svg"]

_PARTS = ("weights", "activations", "both")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 330, 250, 46, 28, 34
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b")
_DASHES = ("", "6 3", "2 2")

_STYLE = """
body { font-family: sans-serif; margin: 2em auto; max-width: 72em; color: #222; }
table { border-collapse: collapse; margin-top: 1em; }
th, td { border-bottom: 1px solid #ddd; padding: 0.25em 0.8em; text-align: right; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
"""


def sensitivity_page(facts: SensitivityFacts) -> str:
    """The whole page; it needs no other file."""
    rows = "\n".join(
        f"<tr><td>{escape(row.layer)}</td><td>{row.part}</td><td>{row.bits}</td>"
        f"<td>{row.accuracy:.2%}</td><td>{row.loss:.4f}</td></tr>"
        for row in facts.rows
    )
    notes = "".join(f"<p>{escape(note)}; {facts.samples:,} samples.</p>" for note in facts.notes)
    name = escape(facts.model)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{name}: sensitivity'
        f"</title>\n<style>{_STYLE}</style>\n<h1>{name}: accuracy against bits, layer by layer</h1>"
        f"\n{notes}\n{sensitivity_svg(facts)}\n<table>\n<tr><th>layer</th><th>part</th>"
        "<th>bits</th><th>accuracy</th><th>loss</th></tr>\n"
        f"{rows}\n</table>\n</html>\n"
    )


def sensitivity_svg(facts: SensitivityFacts) -> str:
    """Accuracy against bits: a panel for each part, a line for each layer."""
    legend = 18 * (1 + (len(facts.layers) - 1) // 3)
    width, height = len(_PARTS) * _WIDTH, _HEIGHT + legend + 10
    bits = sorted({row.bits for row in facts.rows})
    low = min(row.accuracy for row in facts.rows)
    low = min(int(low * 10) / 10, 0.9)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" font-family="sans-serif" font-size="11">',
        "<title>Accuracy against bits, layer by layer</title>",
    ]
    for index, part in enumerate(_PARTS):
        rows = [row for row in facts.rows if row.part == part]
        panel = _panel(part, rows, facts.layers, bits, low)
        parts.append(f'<g transform="translate({index * _WIDTH},0)">{panel}</g>')
    for index, layer in enumerate(facts.layers):
        x, y = _LEFT + (index % 3) * _WIDTH, _HEIGHT + 12 + 18 * (index // 3)
        parts.append(
            f'<line x1="{x}" y1="{y - 4}" x2="{x + 24}" y2="{y - 4}" {_stroke(index)}/>'
            f'<text x="{x + 30}" y="{y}">{escape(layer)}</text>'
        )
    return "\n".join([*parts, "</svg>"])


def _panel(
    part: str,
    rows: Sequence[SensitivityRow],
    layers: Sequence[str],
    bits: Sequence[int],
    low: float,
) -> str:
    right, bottom = _WIDTH - 12, _HEIGHT - _BOTTOM

    def across(number: int) -> float:
        span = max(bits[-1] - bits[0], 1)
        return _LEFT + 8 + (number - bits[0]) / span * (right - _LEFT - 16)

    def up(accuracy: float) -> float:
        return bottom - (accuracy - low) / (1 - low) * (bottom - _TOP)

    drawn = [f'<text x="{_LEFT}" y="16" font-weight="bold">{part}</text>']
    for step in range(6):
        value = low + (1 - low) * step / 5
        y = up(value)
        drawn.append(
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 4}" y="{y + 4:.1f}" text-anchor="end">{value:.0%}</text>'
        )
    for number in bits:
        drawn.append(
            f'<text x="{across(number):.1f}" y="{bottom + 14}" text-anchor="middle">{number}</text>'
        )
    drawn.append(
        f'<text x="{(_LEFT + right) / 2}" y="{bottom + 28}" text-anchor="middle">bits</text>'
    )
    for index, layer in enumerate(layers):
        found = sorted((row.bits, row.accuracy) for row in rows if row.layer == layer)
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in found)
        drawn.append(f'<polyline points="{points}" fill="none" {_stroke(index)}/>')
        drawn += [
            f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="2.5" fill="{_color(index)}">'
            f"<title>{escape(layer)}, {x} bits: {y:.2%}</title></circle>"
            for x, y in found
        ]
    return "".join(drawn)


def _color(index: int) -> str:
    return _COLORS[index % len(_COLORS)]


def _stroke(index: int) -> str:
    dash = _DASHES[index // len(_COLORS) % len(_DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{_color(index)}" stroke-width="1.6"{dashed}'
