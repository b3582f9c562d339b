"""The page docs/estimates.md: how far the estimates are from what they stand for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcompress.hls.catalogue.header import names
from hwcompress.hls.estimate.coefficients import Coefficients
from hwcompress.hls.estimate.configurations import WEIGHTS
from hwcompress.hls.estimate.fit import Compared, compare, is_held_out
from hwcompress.hls.estimate.rows import Rows
from hwcompress.hls.estimate.shape import has_model

__all__ = ["errors_of", "page"]

_HEAD = """# Estimates before synthesis

What a design will take, from its plan alone, in milliseconds
(`hwcompress.hls.estimate`). Printed by
`python -m hwcompress.hls.estimate fit --page docs/estimates.md`; do not edit.

- A module is estimated by its structure. Flip-flops, LUTs as memory, block RAMs
  and DSP blocks follow from its parameters and the rules of Yosys; LUTs for logic
  are a sum of features (bits of adders, of comparators, of multiplexers, tables that
  differ) with coefficients that were fitted, none of them negative.
- Products of numbers of up to 8 bits in logic (`hwc_mul`) that are in the table are taken
  from it; the formula is for the others. The errors below are without those held out.
- They stand for counts of {yosys}, out of context, modules kept apart, neither
  placed nor routed.
- The tables `measured*.csv.gz` hold {count} measured modules.
  `python -m hwcompress.hls.estimate sweep --family xc7` (or `ecp5`, `ice40`) draws random
  configurations of the library's modules, always the same ones in the same order, and
  measures what the family's table lacks; it can be stopped at any time. For iCE40, which
  has no distributed RAM, configurations that ask for it are left out.
  A module of a table is one that was drawn, or a part of one.
- A fifth of them, chosen by a hash of the parameters, is kept from the fit. The
  errors below are those of that fifth, each module with everything inside:
  |estimate - measured| / measured, of LUTs and flip-flops; *exact*: the share of modules
  whose block RAMs and DSP blocks are as estimated; *none*: modules with a feature
  that the fit has not seen, for which an estimate is refused.
"""

_COLUMNS = (
    "module", "fit", "held out", "none", "LUT median", "LUT 95 %", "LUT worst", "FF median",
    "FF 95 %", "FF worst", "BRAM, DSP exact",
)  # fmt: skip


def page(rows: Rows, coefficients: Coefficients) -> str:
    """The page as Markdown."""
    count = len(rows)
    lines = [_HEAD.format(yosys=coefficients.yosys, count=count)]
    for family in coefficients.families:
        members = [row for row in rows if row.family == family]
        held = compare(rows, coefficients, family, filter(is_held_out, members))
        lines += [
            f"## {family}",
            "",
            _line(_COLUMNS),
            _line(["---", *["--:"] * (len(_COLUMNS) - 1)]),
        ]
        for module in sorted({row.module for row in members}):
            fitted = sum(1 for row in members if row.module == module and not is_held_out(row))
            own = [item for item in held if item.row.module == module]
            lines.append(_line([f"`{module}`", str(fitted), *_figures(own)]))
        drawn = [item for item in held if item.row.number >= 0]
        fitted = sum(1 for row in members if row.number >= 0 and not is_held_out(row))
        lines += [_line(["*all that were drawn*", str(fitted), *_figures(drawn)]), ""]
        measured = {row.module for row in members}
        if never := [name for name in WEIGHTS if name not in measured]:
            lines += ["Not measured yet: " + ", ".join(f"`{name}`" for name in never) + ".", ""]
    without = [name for name in names() if not has_model(name)]
    if without:
        lines += [
            "Modules without a model, so that a design with them has no estimate: "
            + ", ".join(f"`{name}`" for name in without) + ".", "",
        ]  # fmt: skip
    return "\n".join(lines)


def errors_of(items: Sequence[Compared]) -> tuple[np.ndarray, np.ndarray]:
    """Relative errors of LUTs and of flip-flops, of those that have some and an estimate."""
    pairs = [(item.real, item.estimate) for item in items if item.estimate is not None]
    lut = [abs(guess.lut - real.lut) / real.lut for real, guess in pairs if real.lut]
    ff = [abs(guess.ff - real.ff) / real.ff for real, guess in pairs if real.ff]
    return np.array(lut), np.array(ff)


def _figures(items: Sequence[Compared]) -> list[str]:
    lut, ff = errors_of(items)
    judged = [item for item in items if item.estimate is not None]
    exact = sum(
        1
        for item in judged
        if item.estimate is not None
        and (item.real.bram18, item.real.bram36, item.real.ebr, item.real.dsp)
        == (
            item.estimate.bram18,
            item.estimate.bram36,
            item.estimate.ebr,
            item.estimate.dsp,
        )
    )
    return [
        str(len(items)),
        str(len(items) - len(judged)) if len(items) > len(judged) else "",
        *(_percent(lut, share) for share in (0.5, 0.95, 1.0)),
        *(_percent(ff, share) for share in (0.5, 0.95, 1.0)),
        f"{100 * exact / len(judged):.0f} %" if judged else "",
    ]


def _percent(errors: np.ndarray, share: float) -> str:
    return f"{100 * float(np.quantile(errors, share)):.1f} %" if len(errors) else ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
