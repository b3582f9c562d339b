"""Which memory Yosys takes, and how many: the cost rule of its ``memory_libmap``.

A cell has a price (for 7 series in ``brams_xc4v.txt`` and ``lutrams_xc5v.txt`` of Yosys,
for ECP5 in ``brams_16kd.txt`` and ``lutrams_trellis.txt``, for iCE40 in ``brams.txt``),
further cells end to end cost half a point for every bit that has to be selected and for
every cell that is written on its own, and a read port costs 2. A bit of a RAM in
registers costs 1, one of a ROM in LUTs a part of that. The cheapest wins.

The block RAMs of Lattice do not say what a word reads as while it is written. What our
modules expect, the word before, is made of logic: writes come a cycle later, and a read
of the same word takes what the register in front holds. That costs 12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from hwcompress.errors import UnsupportedError
from hwcompress.hls.estimate.part import bits_for
from hwcompress.hls.estimate.shape import Shape, tree_luts

__all__ = ["Cells", "block", "choice", "ram"]

_PORT_COST = 2.0
_SELECT_COST = 0.5
_ORDER_COST = 12.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of one memory.

    Args:
        kind: ``bram18``, ``bram36``, ``ebr`` or ``lutram``.
        count: how many block RAMs or LUTs.
        rows: how many of them lie end to end.
        cost: by the rule.
    """

    kind: str
    count: int
    rows: int
    cost: float


class _Cell(NamedTuple):
    """A cell of a family.

    Args:
        kind: as in :class:`Cells`.
        units: block RAMs or LUTs that it is.
        price: of one.
        address: address bits at the narrowest shape.
        widths: of a word, each half as deep as the one before.
        group: bits that are written together.
        scaled: what of the price goes with the bits in use.
        single: one for every bit that is used, not for every word.
    """

    kind: str
    units: int
    price: int
    address: int
    widths: tuple[int, ...]
    group: int
    scaled: int = 0
    single: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    """Cells of a family.

    Args:
        block: block RAMs.
        distributed: LUTs as memory; none where a family has no such.
        rom: price of a bit of a ROM in LUTs.
        ordered: whether a block RAM reads the word before while it is written.
    """

    block: tuple[_Cell, ...]
    distributed: tuple[_Cell, ...]
    rom: float
    ordered: bool


_RULES: Mapping[str, _Rule] = {
    "xc7": _Rule(
        block=(
            _Cell("bram18", 1, 129, 14, (1, 2, 4, 9, 18, 36), 9),
            _Cell("bram36", 1, 257, 15, (1, 2, 4, 9, 18, 36, 72), 9),
            _Cell("bram36", 2, 513, 16, (1, 2, 4, 9), 9),
        ),
        distributed=(
            _Cell("lutram", 4, 8, 5, (4,), 4, 8),
            _Cell("lutram", 2, 8, 6, (2,), 2, 8, single=True),
            _Cell("lutram", 4, 8, 7, (1,), 1, 8, single=True),
            _Cell("lutram", 4, 7, 5, (2,), 2, 7),
            _Cell("lutram", 4, 7, 6, (1,), 1, 7),
            _Cell("lutram", 4, 8, 5, (6,), 6, 7),
            _Cell("lutram", 4, 8, 6, (3,), 3, 7),
        ),
        rom=1 / 64,
        ordered=True,
    ),
    "ecp5": _Rule(
        block=(_Cell("ebr", 1, 128, 14, (1, 2, 4, 9, 18, 36), 9),),
        # Three slices of two LUTs.
        distributed=(_Cell("lutram", 6, 4, 4, (4,), 4),),
        rom=1 / 16,
        ordered=False,
    ),
    "ice40": _Rule(
        # Every bit of a word has an enable of its own.
        block=(_Cell("ebr", 1, 64, 11, (2, 4, 8, 16), 1),),
        distributed=(),
        rom=1 / 16,
        ordered=False,
    ),
}


def _options(
    cells: tuple[_Cell, ...], width: int, depth: int, *, written: bool, extra: float
) -> Iterator[Cells]:
    for cell in cells:
        for place, unit in enumerate(cell.widths):
            rows = ceil(depth / (1 << (cell.address - place)))
            together = min(cell.group, unit) if written else 1
            count = ceil(rows * ceil(width / together) * together / unit)
            cost = float((cell.price - cell.scaled) * count + cell.scaled * rows * width / unit)
            cost += _SELECT_COST * (rows - 1) * width + _PORT_COST + extra
            if written and rows > 1:
                cost += _SELECT_COST * rows
            yield Cells(
                cell.kind, cell.units * (rows * width if cell.single else count), rows, cost
            )


@lru_cache(maxsize=1 << 14)
def choice(
    width: int, depth: int, style: str = "auto", *, written: bool, family: str = "xc7"
) -> Cells | None:
    """The memory that is taken, None for logic.

    Args:
        width: bits of a word.
        depth: words.
        style: ``auto``, ``logic``, ``distributed`` or ``block``.
        written: whether there is a write port, beside the registered read port.
        family: device family.

    Raises:
        UnsupportedError: the family has no memory of this style.
    """
    rule = _RULES[family]
    if depth == 1 and not written:
        return None  # constants
    if style == "logic" or (style == "distributed" and not written):
        return None
    best: Cells | None = None
    price = float(int(width * depth * (1 if written else rule.rom)))
    kinds = {"auto": (False, True), "distributed": (False,), "block": (True,)}[style]
    for block in kinds:
        cells = rule.block if block else rule.distributed if written else ()
        if not cells:
            if style != "auto":
                raise UnsupportedError(
                    "no estimate", [f"{family} devices have no distributed RAM"], where=style
                )
            continue
        extra = _ORDER_COST if block and written and not rule.ordered else 0.0
        options = _options(cells, width, depth, written=written, extra=extra)
        found = min(options, key=lambda cells: cells.cost)
        if found.cost < price or (style != "auto" and best is None):
            best, price = found, float(int(found.cost))
    return best


def ram(shape: Shape, width: int, depth: int, style: str = "auto", *, banks: int = 1) -> None:
    """A memory with a write port and a registered read port: block RAM holds that register.

    Args:
        shape: gets what it takes.
        width: bits of a word.
        depth: words.
        style: as for :func:`choice`.
        banks: equal memories that are written with the same words.
    """
    found = choice(width, depth, style, written=True, family=shape.family)
    if found is None:
        shape.ff += banks * (width * depth + width)
        if shape.family == "xc7":
            shape.luts(
                cells=banks * width * depth, cell_words=banks * depth,
                cell_mux=banks * width * _mux(depth),
            )  # fmt: skip
        else:  # an enable for every word, and selectors of two bits
            shape.luts(cells=banks * (depth + width * (depth - 1)))
        return
    if found.kind == "lutram":
        shape.ff += banks * width
        shape.lut_memory += banks * found.count
        if found.rows > 1:
            shape.luts(ram_mux=banks * width * _mux(found.rows), ram_rows=banks * found.rows)
        return
    for _ in range(banks):
        block(shape, found, width)
        if found.rows > 1:
            shape.luts(block_rows=found.rows)
    if not _RULES[shape.family].ordered:
        # Data, address and enable of the write before; the word that was asked for
        # together with it, and whether it is the same one.
        address = bits_for(depth)
        shape.ff += 2 * width + address + 2 * banks
        shape.luts(order_bits=banks * width, order=banks, order_equal=tree_luts(2 * address, 4))


def block(shape: Shape, found: Cells, width: int) -> None:
    """Block RAMs; end to end they need the upper address bits of the last read, and selectors."""
    setattr(shape, found.kind, getattr(shape, found.kind) + found.count)
    if found.rows > 1:
        shape.ff += bits_for(found.rows)
        shape.luts(block_mux=width * _mux(found.rows))


def _mux(ways: int) -> float:
    """LUTs of a multiplexer of one bit: four ways in one."""
    return (ways - 1) / 3 if ways > 1 else 0
