"""Which memory Yosys takes, and how many: the cost rule of its ``memory_libmap`` for 7 series.

A cell has a price (``brams_xc4v.txt`` and ``lutrams_xc5v.txt`` of Yosys), further
cells end to end cost half a point for every bit that has to be selected and for
every cell that is written on its own, and a read port costs 2. A bit of a RAM in
registers costs 1, one of a ROM in LUTs 1/64. The cheapest wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from hwcompress.hls.estimate.part import bits_for
from hwcompress.hls.estimate.shape import Shape

__all__ = ["Cells", "block", "choice", "ram"]

_PORT_COST = 2.0
_SELECT_COST = 0.5
_ROM_COST = 1 / 64


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of one memory.

    Args:
        kind: ``bram18``, ``bram36`` or ``lutram``.
        count: how many block RAMs or LUTs.
        rows: how many of them lie end to end.
        cost: by the rule.
    """

    kind: str
    count: int
    rows: int
    cost: float


# Kind, block RAMs or LUTs of a cell, price, address bits at the narrowest shape, widths,
# bits that are written together, and what of the price goes with the bits in use.
_BLOCK = (
    ("bram18", 1, 129, 14, (1, 2, 4, 9, 18, 36), 9, 0),
    ("bram36", 1, 257, 15, (1, 2, 4, 9, 18, 36, 72), 9, 0),
    ("bram36", 2, 513, 16, (1, 2, 4, 9), 9, 0),
)
_LUTRAM = (
    ("lutram", 4, 8, 5, (4,), 4, 8),
    ("single", 2, 8, 6, (2,), 2, 8),
    ("single", 4, 8, 7, (1,), 1, 8),
    ("lutram", 4, 7, 5, (2,), 2, 7),
    ("lutram", 4, 7, 6, (1,), 1, 7),
    ("lutram", 4, 8, 5, (6,), 6, 7),
    ("lutram", 4, 8, 6, (3,), 3, 7),
)


def _options(width: int, depth: int, *, written: bool, block: bool) -> Iterator[Cells]:
    for kind, cells, price, address, widths, group, scaled in _BLOCK if block else _LUTRAM:
        for place, unit in enumerate(widths):
            rows = ceil(depth / (1 << (address - place)))
            together = min(group, unit) if written else 1
            count = ceil(rows * ceil(width / together) * together / unit)
            cost = float((price - scaled) * count + scaled * rows * width // unit)
            cost += _SELECT_COST * (rows - 1) * width + _PORT_COST
            if written and rows > 1:
                cost += _SELECT_COST * rows
            if kind == "single":  # a cell for every bit that is used, not for every unit
                yield Cells("lutram", cells * rows * width, rows, cost)
            else:
                yield Cells(kind, cells * count, rows, cost)


@lru_cache(maxsize=1 << 14)
def choice(width: int, depth: int, style: str = "auto", *, written: bool) -> Cells | None:
    """The memory that is taken, None for logic.

    Args:
        width: bits of a word.
        depth: words.
        style: ``auto``, ``logic``, ``distributed`` or ``block``.
        written: whether there is a write port, beside the registered read port.
    """
    if depth == 1 and not written:
        return None  # constants
    if style == "logic" or (style == "distributed" and not written):
        return None
    best: Cells | None = None
    price = float(int(width * depth * (1 if written else _ROM_COST)))
    kinds = {"auto": (False, True), "distributed": (False,), "block": (True,)}[style]
    for block in kinds:
        if not block and not written:
            continue
        found = min(
            _options(width, depth, written=written, block=block), key=lambda cells: cells.cost
        )
        if found.cost < price or (style != "auto" and best is None):
            best, price = found, float(int(found.cost))
    return best


def ram(shape: Shape, width: int, depth: int, style: str = "auto") -> bool:
    """A memory with a write port and a registered read port.

    Returns:
        Whether it is block RAM, which holds the register of the read port.
    """
    found = choice(width, depth, style, written=True)
    if found is None:
        shape.ff += width * depth
        shape.luts(cells=width * depth, cell_words=depth, cell_mux=width * _mux(depth))
        return False
    if found.kind == "lutram":
        shape.lut_memory += found.count
        if found.rows > 1:
            shape.luts(ram_mux=width * _mux(found.rows), ram_rows=found.rows)
        return False
    block(shape, found, width)
    if found.rows > 1:
        shape.luts(block_rows=found.rows)
    return True


def block(shape: Shape, found: Cells, width: int) -> None:
    """Block RAMs; end to end they need the upper address bits of the last read, and selectors."""
    if found.kind == "bram18":
        shape.bram18 += found.count
    else:
        shape.bram36 += found.count
    if found.rows > 1:
        shape.ff += bits_for(found.rows)
        shape.luts(block_mux=width * _mux(found.rows))


def _mux(ways: int) -> float:
    """LUTs of a multiplexer of one bit: four ways in one."""
    return (ways - 1) / 3 if ways > 1 else 0
