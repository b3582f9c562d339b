"""What a module consists of: registers, memories, parts, and features of its logic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.hls.estimate.part import Part, bits_for

__all__ = [
    "MODELS",
    "Contents",
    "Shape",
    "compare_luts",
    "has_model",
    "model",
    "shape_of",
    "tree_luts",
]

Contents = Callable[[str, int, int], np.ndarray | None]
"""Bits ``(depth, width)`` of a file, by its name, width and depth; None if unknown."""


def tree_luts(inputs: int, ways: int = 6) -> int:
    """LUTs of a function that splits into a tree (AND, OR): ``inputs`` signals to one."""
    return 0 if inputs <= 1 else ceil((inputs - 1) / (ways - 1))


def compare_luts(bits: int, family: str = "xc7") -> int:
    """LUTs that tell which of two numbers is larger.

    On 7 series two for three bits, and a carry chain; on the others one a bit, those of
    the chain included, but for numbers so short that there is none.
    """
    if family == "xc7":
        return 5 if bits in (5, 6) else ceil(2 * bits / 3)
    short = {"ecp5": {2: 1, 3: 4, 4: 9}, "ice40": {2: 1}}[family]
    return short.get(bits, bits)


@dataclass
class Shape:
    """A module's structure, for one family.

    Args:
        family: device family.
        ff: flip-flops outside its parts; exact.
        lut_memory: LUTs as memory.
        bram18: 18 kbit block RAMs that are used singly.
        bram36: 36 kbit block RAMs.
        dsp: DSP blocks.
        ebr: block RAMs of the Lattice families.
        logic: features that the LUTs for logic are a sum of, see
            :mod:`hwcompress.hls.estimate.coefficients`.
        parts: instances inside, and how often.
        alike: what modules with the same logic share, if measurements of one of them
            are taken for all; see :mod:`hwcompress.hls.estimate.coefficients`.
    """

    family: str = "xc7"
    ff: int = 0
    lut_memory: int = 0
    bram18: int = 0
    bram36: int = 0
    dsp: int = 0
    ebr: int = 0
    logic: Counter[str] = field(default_factory=Counter)
    parts: Counter[Part] = field(default_factory=Counter)
    alike: str = ""

    def part(self, module: str, given: Mapping[str, int | str], times: int = 1) -> None:
        """Instances inside."""
        if times > 0:
            self.parts[Part.of(module, given)] += times

    def luts(self, **features: float) -> None:
        """Add to features of the logic."""
        for name, value in features.items():
            if value:
                self.logic[name] += value  # type: ignore[assignment]  # floats are welcome

    def delay(self, chains: int, length: int) -> None:
        """Chains of registers without a reset: three and more are a LUT, where it can be one."""
        if self.family == "xc7" and length > 2:
            self.lut_memory += chains * -(-length // 32)
        else:
            self.ff += chains * length

    def chain(self, bits: int) -> int:
        """LUTs of a carry chain: on ECP5 a cell is two bits."""
        return 2 * ceil(bits / 2) if self.family == "ecp5" else bits

    def counter(self, count: int) -> None:
        """A counter of ``count`` values: registers, and the comparison with the last one.

        Where that is a power of two it needs no selectors: it wraps on its own.
        """
        width = bits_for(count)
        self.ff += width
        self.wrap(count)

    def single(self, count: int) -> None:
        """The register of a counter that only ever holds zero: 7 series synthesis sees through it.

        A counter of more values has its own, see :meth:`counter`.
        """
        self.ff += int(count == 1 and self.family != "xc7")

    def wrap(self, count: int) -> None:
        """The logic of a counter without its registers."""
        width = bits_for(count)
        if not width:
            return
        even = count == 1 << width
        if self.family != "xc7":
            # In LUTs of four inputs a short counter is a table for each of its bits.
            if width <= 4:
                self.luts(short=1, short_bits=width, short_ragged=int(not even))
            else:
                self.luts(
                    long=1, carry_bits=self.chain(width), even_bits=width * even,
                    ragged_ones=0 if even else count.bit_count(), equal=tree_luts(width, 4),
                )  # fmt: skip
        elif even:
            self.luts(even=1, even_equal=tree_luts(width))
        else:
            self.luts(
                ragged=1, ragged_bits=width, ragged_ones=count.bit_count(), equal=tree_luts(width)
            )

    def loops(self, *counts: int) -> None:
        """Nested counters, the innermost first.

        One of a single value disappears, except that of a loop inside which another
        one moves: its register, which never leaves zero, is not seen through.
        """
        moving = False
        for count in counts:
            if count > 1:
                self.counter(count)
            else:
                self.ff += int(moving)
            moving = moving or count > 1


Model = Callable[[Part, Shape, Contents], None]

MODELS: dict[str, Model] = {}
"""The function that fills in a module's shape, by module."""


def model(name: str) -> Callable[[Model], Model]:
    """Registers a module's function."""

    def put(function: Model) -> Model:
        assert name not in MODELS, name
        MODELS[name] = function
        return function

    return put


def has_model(module: str) -> bool:
    """Whether :func:`shape_of` knows a module."""
    import hwcompress.hls.estimate.models  # noqa: F401  (registers them)

    return module in MODELS


def shape_of(part: Part, contents: Contents, family: str = "xc7") -> Shape:
    """The structure of a module in a device family.

    Raises:
        UnsupportedError: there is no model of it.
    """
    if not has_model(part.module):
        raise UnsupportedError(
            "no estimate", [f"module {part.module} has no model"], where=part.module
        )
    found = Shape(family)
    MODELS[part.module](part, found, contents)
    return found
