"""Cells of the 7 series and the resources they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

__all__ = ["Resources", "resources_of", "unmapped"]

_LOGIC_LUTS = {f"LUT{n}" for n in range(1, 7)} | {"INV"}
"""One LUT each. Yosys leaves inverters as cells; placed alone, one is a LUT."""

# AMD UG474, tables "Distributed RAM configuration" and "Shift registers": LUTs
# that a primitive takes. Two 16-bit shift registers can share a LUT; they are
# counted singly.
_MEMORY_LUTS = {
    "RAM16X1S": 1, "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4,
    "RAM16X1D": 2, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4,
    "RAM32M": 4, "RAM64M": 4, "ROM32X1": 1, "ROM64X1": 1, "ROM128X1": 2, "ROM256X1": 4,
    "SRL16": 1, "SRL16E": 1, "SRLC16": 1, "SRLC16E": 1, "SRLC32E": 1,
}  # fmt: skip

# A latch occupies the storage element of a flip-flop.
_FLIP_FLOPS = {
    "FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1", "LDCE", "LDPE",
}  # fmt: skip
_BRAM18 = {"RAMB18E1", "FIFO18E1"}
_BRAM36 = {"RAMB36E1", "FIFO36E1"}
_DSP = {"DSP48E1"}
_CARRY = {"CARRY4"}


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources of a design or module.

    Args:
        lut_logic: LUTs used for logic.
        lut_memory: LUTs used as distributed RAM or shift register.
        ff: flip-flops (and latches).
        bram18: 18 kbit block RAMs that are used singly.
        bram36: 36 kbit block RAMs.
        dsp: DSP slices.
        carry4: carry chains of four bits; not limited apart from the LUTs.
    """

    lut_logic: int = 0
    lut_memory: int = 0
    ff: int = 0
    bram18: int = 0
    bram36: int = 0
    dsp: int = 0
    carry4: int = 0

    @property
    def lut(self) -> int:
        """All LUTs."""
        return self.lut_logic + self.lut_memory

    @property
    def bram(self) -> float:
        """36 kbit block RAMs; a single 18 kbit one is half."""
        return self.bram36 + self.bram18 / 2

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )


def resources_of(cells: Mapping[str, int]) -> Resources:
    """Resources of cells by type; types that take none (buffers, muxes F7, F8) are ignored."""

    def total(types: set[str]) -> int:
        return sum(count for kind, count in cells.items() if kind in types)

    return Resources(
        lut_logic=total(_LOGIC_LUTS),
        lut_memory=sum(cells.get(kind, 0) * luts for kind, luts in _MEMORY_LUTS.items()),
        ff=total(_FLIP_FLOPS),
        bram18=total(_BRAM18),
        bram36=total(_BRAM36),
        dsp=total(_DSP),
        carry4=total(_CARRY),
    )


def unmapped(cells: Mapping[str, int]) -> list[str]:
    """Generic cells that synthesis left, so that the counts would be too low."""
    # $scopeinfo marks where a dissolved module was; it is no hardware.
    return sorted(kind for kind in cells if kind.startswith("$") and kind != "$scopeinfo")
