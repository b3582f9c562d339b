"""The page docs/estimates.md: how far the estimates are from what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.hls.catalogue.header import names
from hwcompress.hls.estimate.coefficients import Coefficients
from hwcompress.hls.estimate.configurations import WEIGHTS
from hwcompress.hls.estimate.fit import Compared, compare, is_held_out
from hwcompress.hls.estimate.rows import Rows
from hwcompress.hls.estimate.shape import has_model

__all__ = ["Errors", "page"]

_HALF = 0.5  # LUTs: estimates of modules are whole numbers

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

_GOALS = (0.05, 0.15, 0.98)  # median, 95 %, exact
_COLUMNS = (
    "module", "fit", "held out", "none", "LUT median", "LUT 95 %", "LUT worst", "FF median",
    "FF 95 %", "FF worst", "BRAM, DSP exact", "inside",
)  # fmt: skip


@dataclass(frozen=True)
class Errors:
    """Of some measured modules: how far the estimates are off.

    Args:
        count: modules.
        none: those without an estimate.
        lut: relative errors of LUTs, of those that have some.
        ff: likewise, of flip-flops.
        exact: share whose block RAMs and DSP blocks are as estimated.
        inside: share whose LUTs lie in the interval of the estimate.
    """

    count: int
    none: int
    lut: np.ndarray
    ff: np.ndarray
    exact: float
    inside: float

    @classmethod
    def of(cls, items: Sequence[Compared]) -> Errors:
        """Of measurements beside estimates."""
        pairs = [(item.real, item.estimate) for item in items if item.estimate is not None]
        lut = [abs(guess.lut - real.lut) / real.lut for real, guess in pairs if real.lut]
        ff = [abs(guess.ff - real.ff) / real.ff for real, guess in pairs if real.ff]
        names = ("bram18", "bram36", "ebr", "dsp")
        exact = [all(getattr(real, n) == getattr(guess, n) for n in names) for real, guess in pairs]
        inside = [
            -guess.below - _HALF <= real.lut - guess.lut <= guess.above + _HALF
            for real, guess in pairs
            if real.lut
        ]
        shares = [sum(some) / len(some) if some else 1.0 for some in (exact, inside)]
        return cls(len(items), len(items) - len(pairs), np.array(lut), np.array(ff), *shares)

    def missed(self) -> list[str]:
        """The goals that these errors miss, each with its figure."""
        median, most, exact = _GOALS
        found = []
        for name, errors in (("LUTs", self.lut), ("flip-flops", self.ff)):
            for share, bound in ((0.5, median), (0.95, most)):
                if len(errors) and np.quantile(errors, share) > bound:
                    found.append(f"{name} {100 * share:.0f} %: {_percent(errors, share)}")
        if self.exact < exact:
            found.append(f"BRAM and DSP exact: {100 * self.exact:.1f} %")
        if self.none:
            found.append(f"without an estimate: {self.none}")
        return found

    def cells(self) -> list[str]:
        """For a line of the table."""
        return [
            str(self.count),
            str(self.none) if self.none else "",
            *(_percent(self.lut, share) for share in (0.5, 0.95, 1.0)),
            *(_percent(self.ff, share) for share in (0.5, 0.95, 1.0)),
            f"{100 * self.exact:.0f} %" if self.count > self.none else "",
            f"{100 * self.inside:.0f} %" if len(self.lut) else "",
        ]


def page(rows: Rows, coefficients: Coefficients) -> str:
    """The page as Markdown."""
    lines = [_HEAD.format(yosys=coefficients.yosys, count=len(rows))]
    for family in coefficients.families:
        members = [row for row in rows if row.family == family]
        held = compare(rows, coefficients, family, filter(is_held_out, members))
        drawn = Errors.of([item for item in held if item.row.number >= 0])
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


def _percent(errors: np.ndarray, share: float) -> str:
    return f"{100 * float(np.quantile(errors, share)):.1f} %" if len(errors) else ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
