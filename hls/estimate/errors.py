"""How far the estimates of modules that were held out are from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.hls.estimate.coefficients import Coefficients, HeldOut
from hwcompress.hls.estimate.fit import Compared, compare, is_held_out
from hwcompress.hls.estimate.rows import Rows

__all__ = ["Errors", "held_out", "judged"]

_HALF = 0.5  # LUTs: estimates of modules are whole numbers
_GOALS = (0.05, 0.15, 0.98)  # median, 95 %, exact


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

    @classmethod
    def of_drawn(cls, items: Sequence[Compared]) -> Errors:
        """Of those that were drawn, not parts of others alone: the goals are about these."""
        return cls.of([item for item in items if item.row.number >= 0])

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


def held_out(rows: Rows, coefficients: Coefficients, family: str) -> list[Compared]:
    """The estimates of a family's modules that were kept from the fit."""
    members = (row for row in rows if row.family == family and is_held_out(row))
    return compare(rows, coefficients, family, members)


def judged(rows: Rows, coefficients: Coefficients) -> Coefficients:
    """The coefficients with their errors on modules that were drawn and held out."""
    found = {}
    for family in coefficients.families:
        errors = Errors.of_drawn(held_out(rows, coefficients, family))
        median, most = (
            round(float(np.quantile(errors.lut, share)), 4) if len(errors.lut) else 0.0
            for share in (0.5, 0.95)
        )
        found[family] = HeldOut(errors.count, median, most)
    return replace(coefficients, errors=found)


def _percent(errors: np.ndarray, share: float) -> str:
    return f"{100 * float(np.quantile(errors, share)):.1f} %" if len(errors) else ""
