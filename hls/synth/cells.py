"""Cells of the device families and the resources they take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields

__all__ = ["Resources", "resources_of", "unmapped"]

_LOGIC_LUTS = {f"LUT{n}": 1 for n in range(1, 7)} | {"INV": 1}
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

_ICE40_FLIP_FLOPS = {
    f"SB_DFF{edge}{enable}{reset}"
    for edge in ("", "N")
    for enable in ("", "E")
    for reset in ("", "R", "S", "SR", "SS")
}

# What a cell takes. Types that take none (buffers, multiplexers F7, F8, PFUMX)
# are missing.
_COSTS: dict[str, dict[str, int]] = {
    # AMD 7 series.
    **{kind: {"lut_logic": count} for kind, count in _LOGIC_LUTS.items()},
    **{kind: {"lut_memory": count} for kind, count in _MEMORY_LUTS.items()},
    **{kind: {"ff": 1} for kind in _FLIP_FLOPS},
    **{kind: {"bram18": 1} for kind in ("RAMB18E1", "FIFO18E1")},
    **{kind: {"bram36": 1} for kind in ("RAMB36E1", "FIFO36E1")},
    "DSP48E1": {"dsp": 1},
    "CARRY4": {"carry": 1},
    # Lattice iCE40. A carry cell sits beside the LUT of the same logic cell.
    "SB_LUT4": {"lut_logic": 1},
    **{kind: {"ff": 1} for kind in _ICE40_FLIP_FLOPS},
    **{f"SB_RAM40_4K{edges}": {"ebr": 1} for edges in ("", "NR", "NW", "NRNW")},
    "SB_MAC16": {"dsp": 1},
    "SB_CARRY": {"carry": 1},
    # Lattice ECP5. A carry cell is a slice with its two LUTs; a distributed RAM
    # of 16 x 4 takes three slices (ECP5 family data sheet, FPGA-DS-02012, table
    # "Number of Slices Required to Implement Distributed RAM").
    "CCU2C": {"lut_logic": 2, "carry": 1},
    "TRELLIS_DPR16X4": {"lut_memory": 6},
    "TRELLIS_FF": {"ff": 1},
    **{kind: {"ebr": 1} for kind in ("DP16KD", "PDPW16KD")},
    "MULT18X18D": {"dsp": 1},
}


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources of a design or module.

    Args:
        lut_logic: LUTs used for logic.
        lut_memory: LUTs used as distributed RAM or shift register.
        ff: flip-flops (and latches).
        bram18: 18 kbit block RAMs that are used singly.
        bram36: 36 kbit block RAMs.
        dsp: DSP blocks.
        carry: cells of carry chains (7 series: four bits each); not limited apart
            from the LUTs.
        ebr: block RAMs of the Lattice families.
    """

    lut_logic: int = 0
    lut_memory: int = 0
    ff: int = 0
    bram18: int = 0
    bram36: int = 0
    dsp: int = 0
    carry: int = 0
    ebr: int = 0

    @property
    def lut(self) -> int:
        """All LUTs."""
        return self.lut_logic + self.lut_memory

    @property
    def bram(self) -> float:
        """Block RAMs in the family's unit. On the 7 series a single 18 kbit one is half."""
        return self.bram36 + self.bram18 / 2 + self.ebr

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )


def resources_of(cells: Mapping[str, int]) -> Resources:
    """Resources of cells by type; types that take none (buffers, muxes F7, F8) are ignored."""
    total = Counter[str]()
    for kind, count in cells.items():
        for resource, each in _COSTS.get(kind, {}).items():
            total[resource] += count * each
    return Resources(**total)


def unmapped(cells: Mapping[str, int]) -> list[str]:
    """Generic cells that synthesis left, so that the counts would be too low."""
    # $scopeinfo marks where a dissolved module was; it is no hardware.
    return sorted(kind for kind in cells if kind.startswith("$") and kind != "$scopeinfo")
