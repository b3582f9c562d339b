"""Random configurations of the windows, as the generator makes them for a layer."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.estimate.config import Configuration
from hwcompress.hls.estimate.draw import Draw
from hwcompress.hls.folding import Folding, Lanes, legal_foldings
from hwcompress.hls.rtl.plan import plan
from hwcompress.ir import BIPOLAR, Conv, ConvTranspose, Graph, Input, IntType, Output

__all__ = ["draw_window", "draw_window_parallel", "draw_window_up"]

_TRIES = 200


def draw_window(draw: Draw) -> Configuration:
    """Windows one kernel position after the other."""
    return _made(draw, "hwc_window")


def draw_window_parallel(draw: Draw) -> Configuration:
    """Whole windows in a beat."""
    return _made(draw, "hwc_window_parallel")


def draw_window_up(draw: Draw) -> Configuration:
    """Windows of a transposed convolution."""
    return _made(draw, "hwc_window_up")


def _made(draw: Draw, module: str) -> Configuration:
    """The window of some layer that has one."""
    for _ in range(_TRIES):
        graph = _up_graph(draw) if module == "hwc_window_up" else _graph(draw)
        if graph is None:
            continue
        choices = legal_foldings(graph)["layer"]
        lanes = choices[draw.between(0, len(choices) - 1)]
        if module == "hwc_window_parallel" and lanes.pixels == 1 and draw.chance(0.3):
            continue
        found = _window(graph, lanes, module)
        if found is not None and _bits(found) <= 800:
            return found
    raise AssertionError(f"no layer with {module} in {_TRIES} tries")


def _window(graph: Graph, lanes: Lanes, module: str) -> Configuration | None:
    try:
        made = plan(graph, Folding({"layer": lanes}))
    except InputError:
        return None
    for item in made.builder.netlist.instances:
        if item.module == module:
            return Configuration(module, dict(item.parameters))
    return None


def _bits(found: Configuration) -> int:
    """Width of an output beat: wide ones take long to synthesize and say little more."""
    get = {key: value for key, value in found.parameters.items() if isinstance(value, int)}
    taps = get["KERNEL_H"] * get["KERNEL_W"] if found.module == "hwc_window_parallel" else 1
    return get["LANES"] * get["OUT_BITS"] * taps * get.get("PIXELS", 1)


def _dtype(draw: Draw) -> IntType:
    bits = draw.bits()
    if bits == 1:
        return (BIPOLAR, IntType(0, 1))[draw.between(0, 1)]
    low = 0 if draw.chance(0.5) else -(1 << (bits - 1))
    return IntType(low, low + (1 << bits) - 1)


def _graph(draw: Draw) -> Graph | None:
    size = draw.choose([4, 5, 6, 7, 8, 8, 12, 14, 16, 28, 32, 32])
    other = size if draw.chance(0.8) else draw.choose([1, 4, 8, 16])
    channels = draw.choose([1, 2, 3, 4, 8, 8, 16, 16, 32, 64])
    kernel = draw.choose([2, 3, 3, 3, 3, 5, 7])
    pair = (kernel, kernel) if draw.chance(0.85) else (1, kernel)
    if kernel * kernel * channels > 1600 or other < pair[0] or size < pair[1]:
        return None
    stride = draw.choose([1, 1, 1, 2])
    dilation = draw.choose([1] * 7 + [2])
    if (pair[0] - 1) * dilation >= other or (pair[1] - 1) * dilation >= size:
        return None
    dtype = _dtype(draw)
    pad = draw.choose([0, 1]) * (kernel // 2)
    top = pad if pair[0] > 1 else 0
    value = dtype.lo if dtype.lo > 0 or dtype.is_bipolar else 0
    depthwise = draw.chance(0.3)
    groups = channels if depthwise else 1
    rows = channels if depthwise else draw.choose([1, 2, 4, 8, 16])
    weight = np.ones((rows, *pair, channels // groups), np.int64)
    op = Conv(
        "layer", ("t",), ("y",), weight, IntType(-2, 1), None, (stride, stride),
        (top, pad, top, pad), (dilation, dilation), groups, value,
    )  # fmt: skip
    return _of(op, (other, size, channels), dtype)


def _up_graph(draw: Draw) -> Graph | None:
    size, kernel = draw.choose([2, 3, 4, 7, 8, 16]), draw.choose([2, 3, 4, 4, 5])
    channels = draw.choose([1, 2, 4, 8, 16])
    stride = draw.choose([2, 2, 3])
    if kernel < stride:
        return None
    before = draw.between(0, kernel - stride) if kernel > stride else 0
    dtype = _dtype(draw)
    if dtype.is_bipolar:
        return None
    weight = np.ones((draw.choose([1, 2, 4, 8]), kernel, kernel, channels), np.int64)
    op = ConvTranspose(
        "layer", ("t",), ("y",), weight, IntType(-2, 1), None, (stride, stride),
        (before, before, kernel - stride - before, kernel - stride - before), (0, 0), (1, 1), 1,
    )  # fmt: skip
    return _of(op, (size, size, channels), dtype)


def _of(op: Conv | ConvTranspose, shape: tuple[int, int, int], dtype: IntType) -> Graph:
    head = Input("in", (), ("t",), shape, (0, 1, 2), shape, dtype, 1.0)
    return Graph.build("window", [head, op, Output("out", ("y",), ())])
