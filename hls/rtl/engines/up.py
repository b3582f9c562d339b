"""Transposed convolution: only the kernel positions that meet an output are read."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.folding.up_engine import Axis, UpEngine
from hwcompress.hls.rtl.builder import RTL, Layer, value_code
from hwcompress.hls.rtl.engines.linear import matrix_unit
from hwcompress.hls.rtl.netlist import Literal, Stream
from hwcompress.ir import BIPOLAR, TERNARY, ConvTranspose, IntType

__all__ = ["conv_transpose"]

_SLACK = 4  # beats more than the rows need: writing, reading and releasing take cycles


@RTL.register(ConvTranspose)
def conv_transpose(layer: Layer, op: ConvTranspose, stream: Stream) -> Stream:
    """Windows of each output's phase, tagged with the address of their weights."""
    item = layer.engine
    assert isinstance(item, UpEngine)
    lanes = layer.lanes
    groups, folds, inner = item.loops(lanes)
    stream = layer.convert(stream, item.lanes_in(lanes))
    words, bases = _weights(op, item, (groups, folds, lanes.pe), (inner, lanes.simd))
    address_bits = max(1, (len(words) - 1).bit_length())
    stream = _window(layer, stream, item, (groups, folds), bases, address_bits)
    counts = np.multiply.outer(*(axis.counts() for axis in item.axes)) * inner
    return matrix_unit(
        layer,
        stream,
        words,
        op.wtype,
        op.bias,
        folds=groups * folds,
        beats=max(1, int(counts.min())),
        lanewise=item.depthwise,
        tagged=True,
    )


def _weights(
    op: ConvTranspose, item: UpEngine, outer: tuple[int, int, int], inner: tuple[int, int]
) -> tuple[np.ndarray, list[int]]:
    """Words ``(words, PE, SIMD)`` in reading order, and where each pair of phases starts."""
    kernel = op.kernel
    # (group, fold, PE, kernel row, kernel column, beat, SIMD)
    weight = op.weight.reshape(*outer, *kernel, *inner)
    rows, columns = (axis.phases for axis in item.axes)
    parts: list[np.ndarray] = []
    bases: list[int] = []
    count = 0
    for taps_y in rows:
        for taps_x in columns:
            bases.append(count if taps_y and taps_x else 0)
            part = weight[:, :, :, list(taps_y)][:, :, :, :, list(taps_x)]
            part = part.transpose(0, 1, 3, 4, 5, 2, 6)
            parts.append(part.reshape(-1, outer[2], inner[1]))
            count += len(parts[-1])
    return np.concatenate(parts), bases


def _window(
    layer: Layer,
    stream: Stream,
    item: UpEngine,
    loops: tuple[int, int],
    bases: list[int],
    address_bits: int,
) -> Stream:
    rows, columns = item.axes
    groups, folds = loops
    words = layer.source.channels // stream.lanes
    row = columns.size * words
    ring = _ring_rows(rows) + -(-_SLACK // row)
    depth = ring * row
    first, start = rows.firsts(), columns.firsts()
    line_steps = [step * row for step in _steps(rows)]
    top = (rows.before // rows.stride - rows.reach) * row
    window_type = _with_zero(stream.dtype)
    parameters: dict[str, int | str | Literal] = {
        "LANES": stream.lanes,
        "IN_BITS": stream.dtype.bits,
        "KIND": value_code(stream.dtype),
        "OUT_BITS": window_type.bits,
        "HEIGHT": rows.size,
        "WIDTH": columns.size,
        "WORDS": words,
        "GROUPS": groups,
        "FOLDS": folds,
        "OUT_HEIGHT": rows.output,
        "OUT_WIDTH": columns.output,
        "ROWS": ring,
        "STRIDE_H": rows.stride,
        "STRIDE_W": columns.stride,
        "PHASE_H": rows.before % rows.stride,
        "PHASE_W": columns.before % columns.stride,
        "TAPS_H": Literal.fields([len(taps) for taps in rows.phases], 32),
        "TAPS_W": Literal.fields([len(taps) for taps in columns.phases], 32),
        "LINE_STEP": Literal.fields(line_steps, 32),
        "RING_STEP": Literal.fields([step % depth for step in line_steps], 32),
        "COLUMN_STEP": Literal.fields([step * words for step in _steps(columns)], 32),
        "TAP_LINE": rows.spacing * row,
        "TAP_RING": -rows.spacing * row % depth,
        "TAP_COLUMN": columns.spacing * words,
        "LINE_START": int(first[0]) * row,
        "COLUMN_START": int(start[0]) * words,
        "RING_START": int(first[0]) * row % depth,
        "RING_END": (rows.size + int(first[0] - first[-1])) * row % depth,
        "TOP_START": top,
        "BASES": Literal.fields(bases, 32),
        "ADDR_BITS": address_bits,
    }
    column_bits = _signed_width(columns, words, columns.size)
    position_bits = _signed_width(rows, row, 2 * rows.size + ring)
    parameters["POSITION_BITS"] = max(position_bits, column_bits + 1)
    parameters["COLUMN_BITS"] = column_bits
    inner = words // groups
    beats = np.maximum(np.multiply.outer(rows.counts(), columns.counts()) * inner, 1).sum()
    return layer.put(
        "hwc_window_up",
        "window",
        stream,
        parameters,
        dtype=window_type,
        lanes=stream.lanes,
        size=int(beats) * groups * folds * stream.lanes,
        tag=1 + address_bits,
    )


def _steps(axis: Axis) -> list[int]:
    """From the first input position of a phase to that of the next output, by phase."""
    offsets = axis.offsets
    following = (*offsets[1:], offsets[0] - 1)
    return [before - after for before, after in zip(offsets, following, strict=True)]


def _ring_rows(rows: Axis) -> int:
    """Rows of the ring: the last windows of a frame and the first of the next one fit together."""
    firsts = rows.firsts()
    upper = np.clip(
        (np.arange(rows.output) + rows.before) // rows.stride - rows.reach, 0, rows.size
    )
    needed = np.clip(firsts, 0, rows.size - 1)
    span = max(1, int((needed - upper).max()) + 1)
    reach = rows.reach + 1
    unread = max(0, rows.size - 1 - int(firsts[-1]))
    start = min(rows.before // rows.stride, rows.size - 1) + 1
    return max(span + 1, min(2 * rows.size, max(2 * reach, reach + unread + start)))


def _signed_width(axis: Axis, unit: int, most: int) -> int:
    """Bits of every position along an axis in beats, ``unit`` of them a step."""
    firsts = axis.firsts()
    taps = max(len(taps) for taps in axis.phases)
    low = int(firsts.min()) - taps * axis.spacing - axis.reach
    high = max(most, int(firsts.max()), axis.size) + axis.reach + axis.spacing + 2
    return (max(-low, high) * unit).bit_length() + 1


def _with_zero(dtype: IntType) -> IntType:
    """The type, widened so that a position outside the image adds nothing."""
    return TERNARY if dtype == BIPOLAR else dtype.union(IntType(0, 0))
