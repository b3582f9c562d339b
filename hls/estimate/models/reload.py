"""The port that writes weights at run time."""

from __future__ import annotations

from hwcompress.hls.estimate.part import Part, bits_for
from hwcompress.hls.estimate.shape import Contents, Shape, model

__all__: list[str] = []

_MARK = 0x48574357  # what the first register reads as


@model("hwc_axil")
def _axil(part: Part, shape: Shape, contents: Contents) -> None:
    pieces, select, address = part["PIECES"], part["SELECT_BITS"], part["ADDR_BITS"]
    count = bits_for(pieces + 1)
    held = max(select, address, count)
    # Bits above every register that is read differ by the mark alone: one for all.
    read = held + int(_MARK >> held != 0)
    shape.ff = select + address + 32 * pieces + count + 40 + read
    shape.luts(one=1, address=address, select=select, pieces=pieces, read_bits=held)
