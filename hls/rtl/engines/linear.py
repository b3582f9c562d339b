"""Dense and convolution: replay or sliding window, then the matrix-vector engine."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.folding import Lanes, Style
from hwcompress.hls.folding.engines import ChannelWindowEngine, MatrixEngine, window_of
from hwcompress.hls.folding.powers import power_code
from hwcompress.hls.rtl.builder import RTL, Layer, kind_code
from hwcompress.hls.rtl.engines.spatial import is_pointwise, parallel_window, sliding_window
from hwcompress.hls.rtl.memory import signed_bits, to_bits
from hwcompress.hls.rtl.netlist import Literal, Stream
from hwcompress.ir import Conv, Dense, IntType

__all__ = ["conv", "dense", "kept_in", "matrix_unit"]


@RTL.register(Dense)
def dense(layer: Layer, op: Dense, stream: Stream) -> Stream:
    """A vector of K / SIMD beats, replayed for every output fold."""
    lanes = layer.lanes
    stream = layer.convert(stream, lanes.simd)
    stream = _replay(layer, stream, stream.beats, op.weight.shape[0] // lanes.pe)
    return _engine(layer, op, stream, groups=1)


@RTL.register(Conv)
def conv(layer: Layer, op: Conv, stream: Stream) -> Stream:
    """Windows of SIMD channels, or of all kernel positions at once; depthwise: each lane its own.

    See :class:`hwcompress.hls.folding.Lanes` for what the lanes mean.
    """
    lanes, item = layer.lanes, layer.engine
    assert isinstance(item, MatrixEngine | ChannelWindowEngine)
    depthwise = isinstance(item, ChannelWindowEngine)
    stream = layer.convert(stream, item.lanes_in(lanes))
    groups = op.groups // lanes.pe if depthwise else op.groups
    folds = 1 if depthwise else op.weight.shape[0] // op.groups // lanes.pe
    window = window_of(op, layer.source, layer.target)
    if item.is_parallel(lanes):
        words = groups if depthwise else groups * op.weight[0].size // lanes.simd
        stream = parallel_window(
            layer,
            stream,
            op.window_type(stream.dtype),
            window,
            pad_value=op.pad_value,
            words=words,
            folds=folds,
            pixels=lanes.pixels,
        )
    elif is_pointwise(op.kernel, op.stride, op.padding):
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
    return _engine(
        layer, op, stream, groups=groups, lanewise=depthwise, parallel=item.is_parallel(lanes)
    )


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


def _words(op: Dense | Conv, lanes: Lanes, groups: int, parallel: bool) -> np.ndarray:
    """Weights by word and element: ``(group and output fold, beat, PE, SIMD)``.

    Beats run over kernel positions, then over the channels of the group.
    With all positions in a beat, a beat holds them with some of the channels.
    """
    weight = op.weight
    rows = weight.shape[0] // groups // lanes.pe  # output folds
    if parallel:
        taps = weight[0, ..., 0].size
        words = weight.reshape(groups * rows, lanes.pe, taps, -1, lanes.simd // taps)
        words = words.transpose(0, 3, 1, 2, 4)
    else:
        words = weight.reshape(groups * rows, lanes.pe, -1, lanes.simd).transpose(0, 2, 1, 3)
    return words.reshape(*words.shape[:3], lanes.simd)


def _engine(
    layer: Layer,
    op: Dense | Conv,
    stream: Stream,
    *,
    groups: int,
    lanewise: bool = False,
    parallel: bool = False,
) -> Stream:
    words = layer.once("words", lambda: _words(op, layer.lanes, groups, parallel))
    return matrix_unit(
        layer,
        stream,
        words.reshape(-1, *words.shape[2:]),
        op.wtype,
        op.bias,
        folds=words.shape[0],
        beats=words.shape[1],
        lanewise=lanewise,
    )


def matrix_unit(
    layer: Layer,
    stream: Stream,
    words: np.ndarray,
    wtype: IntType,
    bias: np.ndarray | None,
    *,
    folds: int,
    beats: int,
    lanewise: bool = False,
    tagged: bool = False,
) -> Stream:
    """The matrix-vector engine behind a stream of vectors.

    Args:
        layer: the layer under construction, with its lanes.
        stream: vectors of ``beats`` beats, or, ``tagged``, of that many or more.
        words: weights by word and element, ``(words, PE, SIMD)``.
        wtype: their type.
        bias: one for every output channel.
        folds: vectors with weights or a bias of their own, in turn.
        beats: see ``stream``.
        lanewise: every lane has an element of its own.
        tagged: beats carry the address of their weights; not for bipolar elements.
    """
    lanes, otype = layer.lanes, layer.target.dtype
    shift = layer.style.multiplier in ("auto", "lut", "shift")
    code = layer.once(
        ("code", layer.style.multiplier if shift else "", layer.style.reload),
        lambda: power_code(words, wtype, layer.style, layer.op.name),
    )
    w_bits, w_kind = wtype.bits, kind_code(wtype)
    number_type = wtype
    if code:
        w_bits, w_kind = code.bits, 4
        wtype = IntType(-code.largest, code.largest)
    raw = layer.once(
        ("raw", code),
        lambda: (code.encode(words, layer.op.name) if code else number_type.to_raw(words)).reshape(
            len(words), -1
        ),
    )

    xtype = stream.dtype
    corners = [x * w for x in (xtype.lo, xtype.hi) for w in (wtype.lo, wtype.hi)]
    low, high = min(corners), max(corners)
    counted = kind_code(xtype) >= 2 and w_kind in (2, 3) and not tagged
    parameters: dict[str, int | str | Literal] = {
        "PE": lanes.pe,
        "SIMD": lanes.simd,
        "LANEWISE": int(lanewise),
        "PIXELS": lanes.pixels,
        "X_BITS": xtype.bits,
        "X_KIND": kind_code(xtype),
        "W_BITS": w_bits,
        "W_KIND": w_kind,
        **({"W_BASE": code.base} if code and code.base else {}),
        # Elements that are all zero have a sign as well.
        "P_BITS": max(signed_bits(low, high), 2 if code else 1),
        "S_BITS": signed_bits(lanes.simd * low, lanes.simd * high),
        "ACC_BITS": otype.bits,
        "BEATS": beats,
        "FOLDS": folds,
        "HAS_BIAS": int(bias is not None),
        **({} if code else _multipliers(layer, xtype, wtype, lanewise, low, high)),
        **_memory(layer, raw, w_bits),
    }
    if tagged:
        parameters |= {"TAGGED": 1, "WORDS": len(words)}
    if bias is not None:
        # Counted products are one too high each.
        start = bias - (beats * lanes.simd if counted else 0)
        start = np.asarray(start).reshape(folds, lanes.pe)
        bias_bits = to_bits(start, otype.bits).reshape(folds, -1)
        parameters["BIAS"] = layer.memory("bias", bias_bits)
    return layer.put(
        "hwc_mvu",
        "engine",
        stream,
        parameters,
        dtype=otype,
        lanes=lanes.pe * lanes.pixels,
        size=layer.target.size,
        extra=layer.load_ports(len(raw), raw.shape[1] * w_bits),
    )


def _multipliers(
    layer: Layer, xtype: IntType, wtype: IntType, lanewise: bool, low: int, high: int
) -> dict[str, int | str | Literal]:
    """The layer's style, as ``hwc_products`` takes it; nothing for the default."""
    style, lanes = layer.style, layer.lanes
    if style.multiplier == "auto" or kind_code(xtype) >= 2 or kind_code(wtype) >= 2:
        return {}
    if style.multiplier != "packed":
        return {"MULT": 1 if style.multiplier == "lut" else 2}
    # A field lends one to the field below it; where a factor is always zero it
    # still holds the other one.
    shift = max(signed_bits(low - 1, high), xtype.bits + 1, wtype.bits + 1)
    sharing = 1 if lanewise else lanes.pe
    pack_w, pack_x = style.packing(sharing, lanes.pixels, xtype.bits, wtype.bits, shift)
    if pack_w * pack_x == 1:
        return {"MULT": 2}
    return {"MULT": 3, "PACK_W": pack_w, "PACK_X": pack_x, "SHIFT": shift}


def kept_in(style: Style) -> str:
    """The library's STYLE of a layer's weights; empty for the default."""
    # A read-only memory in distributed RAM is a table of constants.
    constants = style.memory == "distributed" and not style.reload
    memory = "logic" if constants else style.memory
    return "" if memory == "auto" else memory


def _memory(layer: Layer, raw: np.ndarray, bits: int) -> dict[str, int | str | Literal]:
    found: dict[str, int | str | Literal] = {"RELOAD": 1} if layer.style.reload else {}
    if kept := kept_in(layer.style):
        found["STYLE"] = kept
    return {**found, "WEIGHTS": layer.memory_of("weights", raw, bits)}
