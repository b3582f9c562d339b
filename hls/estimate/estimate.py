"""Resources of a module before synthesis."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import hypot

from hwcompress.hls.estimate.coefficients import Coefficients
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.shape import Contents, shape_of

__all__ = ["Estimate", "Estimator"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Resources, and how far the LUTs may be off.

    Args:
        lut_logic: LUTs for logic.
        lut_memory: LUTs as memory.
        ff: flip-flops.
        bram18: 18 kbit block RAMs that are used singly.
        bram36: 36 kbit block RAMs.
        dsp: DSP blocks.
        below: LUTs that it may be less: nine of ten lie between.
        above: LUTs that it may be more.
    """

    lut_logic: float = 0.0
    lut_memory: int = 0
    ff: int = 0
    bram18: int = 0
    bram36: int = 0
    dsp: int = 0
    below: float = 0.0
    above: float = 0.0

    @property
    def lut(self) -> float:
        """All LUTs."""
        return self.lut_logic + self.lut_memory

    @property
    def bram(self) -> float:
        """Block RAMs of 36 kbit; a single one of 18 kbit is half."""
        return self.bram36 + self.bram18 / 2

    def plus(self, other: Estimate, times: int = 1) -> Estimate:
        """With ``times`` of another one, all equal, so that their errors are, too.

        Errors of different modules are taken as independent.
        """
        counts = {
            field.name: getattr(self, field.name) + times * getattr(other, field.name)
            for field in fields(self)
            if field.name not in ("below", "above")
        }
        return Estimate(
            **counts,
            below=hypot(self.below, times * other.below),
            above=hypot(self.above, times * other.above),
        )


class Estimator:
    """Estimates of modules; equal ones are worked out once.

    Args:
        family: device family.
        coefficients: of the LUTs.
        contents: bits of the memories' files.
    """

    def __init__(self, family: str, coefficients: Coefficients, contents: Contents) -> None:
        self._family, self._coefficients, self._contents = family, coefficients, contents
        self._known: dict[Part, Estimate] = {}

    def of(self, part: Part) -> Estimate:
        """A module with everything inside.

        Raises:
            UnsupportedError: there is no model of it.
            InputError: its model has no coefficients for the family.
        """
        if part not in self._known:
            shape = shape_of(part, self._contents)
            luts = below = above = 0.0
            if shape.logic:
                fitted = self._coefficients.of(self._family, part.module)
                if part.parameters in fitted.measured:
                    luts = float(fitted.measured[part.parameters])
                else:
                    luts = fitted.luts(shape.logic)
                    below, above = max(0.0, -fitted.low * luts), max(0.0, fitted.high * luts)
            found = Estimate(
                lut_logic=luts, lut_memory=shape.lut_memory, ff=shape.ff, bram18=shape.bram18,
                bram36=shape.bram36, dsp=shape.dsp, below=below, above=above,
            )  # fmt: skip
            for inner, times in shape.parts.items():
                found = found.plus(self.of(inner), times)
            self._known[part] = found
        return self._known[part]
