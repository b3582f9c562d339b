"""Resources of a module before synthesis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

from hwcompress.hls.estimate.coefficients import Coefficients
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.shape import Contents, shape_of

__all__ = ["Estimate", "Estimator", "Total"]


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
        ebr: block RAMs of the Lattice families.
        below: LUTs that it may be less: nine of ten lie between.
        above: LUTs that it may be more.
        kinds: the parts of ``below`` and ``above`` that modules of one kind have in common.
    """

    lut_logic: float = 0.0
    lut_memory: int = 0
    ff: int = 0
    bram18: int = 0
    bram36: int = 0
    dsp: int = 0
    below: float = 0.0
    above: float = 0.0
    ebr: int = 0
    kinds: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)

    @property
    def lut(self) -> float:
        """All LUTs."""
        return self.lut_logic + self.lut_memory

    @property
    def bram(self) -> float:
        """Block RAMs in the family's unit, as a board's capacity; 18 kbit on 7 series are half."""
        return self.bram36 + self.bram18 / 2 + self.ebr

    def plus(self, other: Estimate, times: int = 1) -> Estimate:
        """With ``times`` of another one, all equal, so that their errors are, too; see Total."""
        found = Total()
        found.add(self)
        found.add(other, times)
        return found.estimate()


class Total:
    """A sum of estimates.

    What is wrong about a kind of module is wrong about all of that kind: those errors
    add up. Errors of different kinds are taken as independent, and so are errors that
    belong to no kind, but for those of equal terms.
    """

    __slots__ = ("_counts", "_kinds", "_loose")

    def __init__(self) -> None:
        self._counts = [0.0, 0, 0, 0, 0, 0, 0]
        self._kinds: dict[str, tuple[float, float]] = {}
        self._loose = [0.0, 0.0]  # squares

    def add(self, one: Estimate, times: int = 1) -> None:
        """Add ``times`` of an estimate, all equal."""
        counts, kinds, loose = self._counts, self._kinds, self._loose
        counts[0] += times * one.lut_logic
        counts[1] += times * one.lut_memory
        counts[2] += times * one.ff
        counts[3] += times * one.bram18
        counts[4] += times * one.bram36
        counts[5] += times * one.dsp
        counts[6] += times * one.ebr
        below, above = one.below * one.below, one.above * one.above
        for kind, (less, more) in one.kinds.items():
            known = kinds.get(kind, (0.0, 0.0))
            kinds[kind] = known[0] + times * less, known[1] + times * more
            below, above = below - less * less, above - more * more
        loose[0] += times * times * max(below, 0.0)
        loose[1] += times * times * max(above, 0.0)

    def estimate(self) -> Estimate:
        """The sum."""
        lut_logic, *others = self._counts
        lut_memory, ff, bram18, bram36, dsp, ebr = map(int, others)
        below, above = self._loose
        for less, more in self._kinds.values():
            below, above = below + less * less, above + more * more
        return Estimate(
            lut_logic, lut_memory, ff, bram18, bram36, dsp, sqrt(below), sqrt(above), ebr,
            self._kinds,
        )  # fmt: skip


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
            shape = shape_of(part, self._contents, self._family)
            luts = below = above = 0.0
            if shape.logic:
                fitted = self._coefficients.of(self._family, part.module)
                if shape.alike in fitted.measured:
                    luts = float(fitted.measured[shape.alike])
                else:
                    luts = float(round(fitted.luts(shape.logic)))
                    below, above = fitted.span(luts)
            found = Total()
            own = Estimate(
                lut_logic=luts, lut_memory=shape.lut_memory, ff=shape.ff, bram18=shape.bram18,
                bram36=shape.bram36, dsp=shape.dsp, below=below, above=above, ebr=shape.ebr,
                kinds={part.module: (below, above)} if below or above else {},
            )  # fmt: skip
            found.add(own)
            for inner, times in shape.parts.items():
                found.add(self.of(inner), times)
            self._known[part] = found.estimate()
        return self._known[part]
