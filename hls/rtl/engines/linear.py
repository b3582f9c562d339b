"""Dense and convolution: replay or sliding window, then the matrix-vector engine."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.folding.engines import is_depthwise
from hwcompress.hls.rtl.builder import RTL, Layer, kind_code
from hwcompress.hls.rtl.engines.spatial import is_pointwise, sliding_window
from hwcompress.hls.rtl.memory import signed_bits, to_bits
from hwcompress.hls.rtl.netlist import Literal, Stream
from hwcompress.ir import Conv, Dense

__all__ = ["conv", "dense"]


@RTL.register(Dense)
def dense(layer: Layer, op: Dense, stream: Stream) -> Stream:
    """A vector of K / SIMD beats, replayed for every output fold."""
    lanes = layer.lanes
    stream = layer.convert(stream, lanes.simd)
    stream = _replay(layer, stream, stream.beats, op.weight.shape[0] // lanes.pe)
    return _engine(layer, op, stream, groups=1)


@RTL.register(Conv)
def conv(layer: Layer, op: Conv, stream: Stream) -> Stream:
    """Windows of SIMD channels; depthwise: PE channels, each lane its own."""
    lanes = layer.lanes
    depthwise = is_depthwise(op)
    stream = layer.convert(stream, lanes.pe if depthwise else lanes.simd)
    groups = op.groups // lanes.pe if depthwise else op.groups
    folds = 1 if depthwise else op.weight.shape[0] // op.groups // lanes.pe
    if is_pointwise(op.kernel, op.stride, op.padding):
        stream = _replay(layer, stream, op.weight.shape[3] // lanes.simd, folds)
    else:
        stream = sliding_window(
            layer,
            stream,
            op.window_type(stream.dtype),
            kernel=op.kernel,
            stride=op.stride,
            padding=op.padding,
            dilation=op.dilation,
            pad_value=op.pad_value,
            groups=groups,
            folds=folds,
        )
    return _engine(layer, op, stream, groups=groups, lanewise=depthwise)


def _replay(layer: Layer, stream: Stream, words: int, times: int) -> Stream:
    if times == 1:
        return stream
    return layer.put(
        "hwc_replay",
        "replay",
        stream,
        {"WIDTH": stream.width, "WORDS": words, "TIMES": times},
        dtype=stream.dtype,
        lanes=stream.lanes,
        size=stream.size * times,
    )


def _engine(
    layer: Layer, op: Dense | Conv, stream: Stream, *, groups: int, lanewise: bool = False
) -> Stream:
    lanes = layer.lanes
    weight, wtype, otype = op.weight, op.wtype, layer.target.dtype
    rows = weight.shape[0]
    # Words by (group, output fold, beat), elements by (PE, SIMD): beats run
    # over kernel positions, then over the channels of the group.
    if lanewise:
        words = weight.reshape(groups, 1, lanes.pe, -1, 1)
    else:
        words = weight.reshape(groups, rows // groups // lanes.pe, lanes.pe, -1, lanes.simd)
    words = words.transpose(0, 1, 3, 2, 4)
    folds, beats = words.shape[0] * words.shape[1], words.shape[2]
    bits = to_bits(wtype.to_raw(words), wtype.bits).reshape(folds * beats, -1)

    xtype = stream.dtype
    corners = [x * w for x in (xtype.lo, xtype.hi) for w in (wtype.lo, wtype.hi)]
    low, high = min(corners), max(corners)
    xnor = xtype.is_bipolar and wtype.is_bipolar
    parameters: dict[str, int | str | Literal] = {
        "PE": lanes.pe,
        "SIMD": lanes.simd,
        "LANEWISE": int(lanewise),
        "X_BITS": xtype.bits,
        "X_KIND": kind_code(xtype),
        "W_BITS": wtype.bits,
        "W_KIND": kind_code(wtype),
        "P_BITS": 1 if xnor else signed_bits(low, high),
        "S_BITS": 1 if xnor else signed_bits(lanes.simd * low, lanes.simd * high),
        "ACC_BITS": otype.bits,
        "BEATS": beats,
        "FOLDS": folds,
        "HAS_BIAS": int(op.bias is not None),
        "WEIGHTS": layer.memory("weights", bits),
    }
    if op.bias is not None:
        # Popcount counts from minus the number of products.
        start = op.bias - (beats * lanes.simd if xnor else 0)
        start = np.asarray(start).reshape(folds, lanes.pe)
        bias_bits = to_bits(start, otype.bits).reshape(folds, -1)
        parameters["BIAS"] = layer.memory("bias", bias_bits)
    return layer.put(
        "hwc_mvu",
        "engine",
        stream,
        parameters,
        dtype=otype,
        lanes=lanes.pe,
        size=layer.target.size,
    )
