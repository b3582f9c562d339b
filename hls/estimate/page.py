"""The page docs/estimates.md: how far the estimates are from what they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from hwcompress.hls.catalogue.header import names
from hwcompress.hls.estimate.coefficients import Coefficients
from hwcompress.hls.estimate.configurations import WEIGHTS
from hwcompress.hls.estimate.errors import Errors, held_out
from hwcompress.hls.estimate.fit import is_held_out
from hwcompress.hls.estimate.rows import Rows
from hwcompress.hls.estimate.shape import has_model

__all__ = ["page"]

_HEAD = """# Estimates before synthesis

What a design will take, from its plan alone, in milliseconds
(`hwcompress.hls.estimate`). Printed by
`python -m hwcompress.hls.estimate fit --page docs/estimates.md`; do not edit.

- A module is estimated by its structure. Flip-flops, LUTs as memory, block RAMs
  and DSP blocks follow from its parameters and the rules of Yosys; LUTs for logic
  are a sum of features (bits of adders, of comparators, of multiplexers, tables that
  differ) with coefficients that were fitted, none of them negative.
- Products in logic (`hwc_mul`) are taken from the table where it holds one of the same
  structure; the formula is for the others. The errors below are without those held out.
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
- ECP5 and iCE40 have fewer measurements. There, what a memory costs beside its cells is one
  for all modules, and a module's coefficients are fitted together with guesses that count
  little: those of 7 series, times how much more the module takes.
- Every estimate has an interval that nine of ten modules should lie in: from the errors
  of the fitted modules, each estimated by a fit to four fifths of the others. *inside*:
  the share of those held out that do. In a sum the errors of one kind of module add up,
  those of different kinds are taken as independent.

The goals, for the modules that were drawn: a median error of at most 5 % and a 95th
percentile of at most 15 % for LUTs and for flip-flops; block RAMs and DSP blocks exact in at
least 98 %.
"""

_COLUMNS = (
    "module", "fit", "held out", "none", "LUT median", "LUT 95 %", "LUT worst", "FF median",
    "FF 95 %", "FF worst", "BRAM, DSP exact", "inside",
)  # fmt: skip


def page(rows: Rows, coefficients: Coefficients) -> str:
    """The page as Markdown."""
    lines = [_HEAD.format(yosys=coefficients.yosys, count=len(rows))]
    for family in coefficients.families:
        members = [row for row in rows if row.family == family]
        held = held_out(rows, coefficients, family)
        drawn = Errors.of_drawn(held)
        lines += [f"## {family}", "", *_verdict(drawn), ""]
        lines += [_line(_COLUMNS), _line(["---", *["--:"] * (len(_COLUMNS) - 1)])]
        for module in sorted({row.module for row in members}):
            fitted = sum(1 for row in members if row.module == module and not is_held_out(row))
            own = Errors.of([item for item in held if item.row.module == module])
            lines.append(_line([f"`{module}`", str(fitted), *own.cells()]))
        fitted = sum(1 for row in members if row.number >= 0 and not is_held_out(row))
        lines += [_line(["*all that were drawn*", str(fitted), *drawn.cells()]), ""]
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


def _verdict(drawn: Errors) -> list[str]:
    """Whether the goals are met."""
    missed = drawn.missed()
    if not missed:
        return ["All goals are met by the modules that were drawn and held out."]
    return ["Missed by the modules that were drawn and held out:", "", *(f"- {m}" for m in missed)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
