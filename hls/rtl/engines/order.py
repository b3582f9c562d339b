"""Operations that only move elements: a reordering buffer, or wires."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.folding.order import Order, loops_of, order_of
from hwcompress.hls.rtl.builder import RTL, Layer
from hwcompress.hls.rtl.memory import to_bits
from hwcompress.hls.rtl.netlist import Literal, Stream
from hwcompress.ir import Shuffle, Transpose, Upsample

__all__ = ["reorder"]

_MOST_LOOPS = 6  # beyond that a table of addresses


def reorder(layer: Layer, op: Shuffle | Transpose | Upsample, stream: Stream) -> Stream:
    """Whole beats through a buffer of two blocks; else a block in one beat, and wires."""
    order, lanes = order_of(op, layer.source), layer.lanes.pe
    if order.is_identity:
        return layer.convert(stream, lanes)
    if order.grain % lanes:
        return layer.convert(_wires(layer, order, layer.convert(stream, order.size)), lanes)
    return _buffer(layer, order, layer.convert(stream, lanes))


RTL.register(Shuffle)(reorder)
RTL.register(Transpose)(reorder)
RTL.register(Upsample)(reorder)


def _wires(layer: Layer, order: Order, stream: Stream) -> Stream:
    places = _fields([int(i) for i in order.index], 16)
    return layer.put(
        "hwc_wires",
        "wires",
        stream,
        {"LANES": order.size, "BITS": stream.dtype.bits, "ORDER": places},
        dtype=stream.dtype,
        lanes=order.size,
        size=stream.size,
    )


def _buffer(layer: Layer, order: Order, stream: Stream) -> Stream:
    lanes = stream.lanes
    addresses, depth = order.addresses(lanes), order.size // lanes
    parameters: dict[str, int | str | Literal] = {
        "WIDTH": stream.width,
        "DEPTH": depth,
        "COUNT": addresses.size,
    }
    parameters |= _loops(addresses) or {
        "TABLED": 1,
        "TABLE": layer.memory("order", to_bits(addresses, max(1, (depth - 1).bit_length()))),
    }
    return layer.put(
        "hwc_permute",
        "reorder",
        stream,
        parameters,
        dtype=stream.dtype,
        lanes=lanes,
        size=layer.target.size,
    )


def _loops(addresses: np.ndarray) -> dict[str, int | str | Literal]:
    """Parameters of the reading loops; none if the order is not regular."""
    try:
        loops = loops_of(addresses)
    except ValueError:
        return {}
    if len(loops) > _MOST_LOOPS:
        return {}
    steps, back = [], 0
    for loop in loops:
        steps.append(loop.stride - back)
        back += (loop.size - 1) * loop.stride
    return {
        "LOOPS": len(loops),
        "SIZES": _fields([loop.size for loop in loops], 32),
        "STEPS": _fields(steps, 32),
        "START": int(addresses[0]),
    }


def _fields(values: list[int], width: int) -> Literal:
    mask = (1 << width) - 1
    word = sum((value & mask) << (i * width) for i, value in enumerate(values))
    return Literal.hex(len(values) * width, word)
