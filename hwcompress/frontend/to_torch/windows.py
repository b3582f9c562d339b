"""Windows of convolutions and pools, and padding that torch's modules do not have."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
from torch import nn

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.to_torch.emitter import (
    Computed,
    Emitter,
    Inputs,
    Value,
    computed,
    constant,
    converts,
    given,
)

__all__ = ["WindowOf", "padded", "split_pads", "window_of"]

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class WindowOf:
    """Kernel, stride and dilation of each axis, ``pads`` as ONNX has them (begins, then ends)."""

    kernel: Sizes
    stride: Sizes
    pads: Sizes
    dilation: Sizes


def window_of(node: Node, kernel: Sizes, size: Sizes) -> WindowOf:
    """The geometry of a node for an input of ``size``, automatic padding made explicit."""
    rank = len(kernel)
    stride = node.integers("strides", (1,) * rank)
    dilation = node.integers("dilations", (1,) * rank)
    pads = node.integers("pads", (0,) * (2 * rank))
    if len(size) != rank or (len(stride), len(dilation), len(pads)) != (rank, rank, 2 * rank):
        raise UnsupportedError(
            f"a window of {rank} axes, strides {stride}, pads {pads}, dilations {dilation} over"
            f" {len(size)} axes",
            where=node.label,
        )
    mode = node.text("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        totals = [
            max(0, (-(-n // s) - 1) * s + span - n)
            for n, s, span in zip(size, stride, spans, strict=True)
        ]
        half = [t // 2 for t in totals]
        rest = [t - t // 2 for t in totals]
        pads = (*half, *rest) if mode == "SAME_UPPER" else (*rest, *half)
    elif mode == "VALID":
        pads = (0,) * (2 * rank)
    return WindowOf(tuple(kernel), stride, pads, dilation)


def split_pads(pads: Sizes) -> tuple[bool, Sizes, Sizes]:
    """Whether both sides are padded alike; the begins; the ends."""
    half = len(pads) // 2
    return pads[:half] == pads[half:], pads[:half], pads[half:]


def padded(
    emit: Emitter, x: Computed, begin: Sizes, end: Sizes, value: float, node: Node
) -> Computed:
    """``x`` with its last axes padded by a constant (torch counts from the last axis)."""
    pairs = [side for axis in reversed(range(len(begin))) for side in (begin[axis], end[axis])]
    if not any(pairs):
        return x
    return emit.call(nn.functional.pad, x, pairs, value=value)


@converts("MaxPool", "AveragePool")
def _pool(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    kernel = node.integers("kernel_shape")
    if len(kernel) not in (1, 2):
        raise UnsupportedError(f"a pool in {len(kernel)} dimensions", where=node.label)
    if len(node.outputs) > 1 and node.outputs[1]:
        raise UnsupportedError("the indices of a MaxPool", where=node.label)
    window = window_of(node, kernel, x.shape[2:])
    biggest = node.op == "MaxPool"
    if not biggest and set(window.dilation) != {1}:
        raise UnsupportedError("an average with dilation", where=node.label)
    ceil = bool(node.integer("ceil_mode", 0))
    counted = bool(node.integer("count_include_pad", 0))
    even, begin, end = split_pads(window.pads)
    wanted = _sizes(window, x.shape[2:], ceil)
    if not even and not counted and _sizes(_even(window), x.shape[2:], True) == wanted:
        # Windows that reach over the end, as ceil_mode has them, are padding at the end.
        even, ceil = True, True
    if not even:
        if not biggest and not counted:
            raise UnsupportedError(
                f"an average with uneven pads {window.pads} that are not counted",
                where=node.label,
                remedy="pad the input explicitly, or alike on both sides",
            )
        x = padded(emit, x, begin, end, -np.inf if biggest else 0.0, node)
    padding = begin if even else (0,) * len(kernel)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise UnsupportedError(
            f"pads {window.pads} over half a kernel {kernel}",
            where=node.label,
            remedy="pad the input explicitly",
        )
    flat = len(kernel) == 1
    options: dict[str, object] = {"stride": window.stride, "padding": padding, "ceil_mode": ceil}
    if biggest:
        kind = nn.MaxPool1d if flat else nn.MaxPool2d
        part = kind(kernel, dilation=window.dilation, **options)
    else:
        kind = nn.AvgPool1d if flat else nn.AvgPool2d
        part = kind(kernel, count_include_pad=counted or not any(padding), **options)
    result = emit.module(part, node.name or node.op.lower(), x)
    if result.shape[2:] != wanted:
        raise UnsupportedError(
            f"windows that give {wanted}, where torch gives {result.shape[2:]}", where=node.label
        )
    return result


def _even(window: WindowOf) -> WindowOf:
    half = len(window.pads) // 2
    return WindowOf(window.kernel, window.stride, window.pads[:half] * 2, window.dilation)


def _sizes(window: WindowOf, size: Sizes, ceil: bool) -> Sizes:
    rank = len(size)
    found = []
    for axis in range(rank):
        begin, end = window.pads[axis], window.pads[rank + axis]
        span = window.dilation[axis] * (window.kernel[axis] - 1) + 1
        room = size[axis] + begin + end - span
        count = (-(-room // window.stride[axis]) if ceil else room // window.stride[axis]) + 1
        if ceil and (count - 1) * window.stride[axis] >= size[axis] + begin:
            count -= 1  # a window must not start behind the data
        found.append(count)
    return tuple(found)


@converts("GlobalAveragePool")
def _global_average(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    kinds = {3: nn.AdaptiveAvgPool1d, 4: nn.AdaptiveAvgPool2d}
    if len(x.shape) not in kinds:
        raise UnsupportedError(f"a global average of a tensor {x.shape}", where=node.label)
    return emit.module(kinds[len(x.shape)](1), node.name or "global_average", x)


@converts("GlobalMaxPool")
def _global_max(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    kinds = {3: nn.MaxPool1d, 4: nn.MaxPool2d}
    if len(x.shape) not in kinds:
        raise UnsupportedError(f"a global maximum of a tensor {x.shape}", where=node.label)
    return emit.module(kinds[len(x.shape)](x.shape[2:]), node.name or "global_max", x)


@converts("Pad")
def _pad(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    mode = node.text("mode", "constant")
    if mode not in ("constant", "edge"):
        raise UnsupportedError(
            f"padding by mode {mode!r}", where=node.label, remedy="pad with a constant"
        )
    stored = given(inputs, 1)
    pads = (
        node.integers("pads")
        if stored is None
        else tuple(int(item) for item in constant(stored, node, "pads").reshape(-1))
    )
    value = given(inputs, 2)
    filler = node.number("value", 0.0)
    if value is not None:
        filler = float(constant(value, node, "padding value").reshape(-1)[0])
    rank = len(x.shape)
    axes = given(inputs, 3)
    if axes is not None:
        places = [int(item) % rank for item in constant(axes, node, "axes").reshape(-1)]
        full = [0] * (2 * rank)
        for index, place in enumerate(places):
            full[place], full[rank + place] = pads[index], pads[len(places) + index]
        pads = tuple(full)
    if len(pads) != 2 * rank or pads[0] or pads[rank]:
        raise UnsupportedError(f"pads {pads} of a tensor {x.shape}", where=node.label)
    if min(pads) < 0:
        cut = [slice(None)]
        for axis in range(1, rank):
            stop = x.shape[axis] - max(0, -pads[rank + axis])
            cut.append(slice(max(0, -pads[axis]), stop))
        x = emit.call(operator.getitem, x, tuple(cut))
        pads = tuple(max(0, item) for item in pads)
    if mode == "edge" and any(pads):
        if rank not in (3, 4) or pads[1] or pads[rank + 1]:
            raise UnsupportedError(f"edges repeated, pads {pads} of {x.shape}", where=node.label)
        pairs = [side for axis in reversed(range(2, rank)) for side in pads[axis::rank]]
        return emit.call(nn.functional.pad, x, pairs, mode="replicate")
    return padded(emit, x, pads[1:rank], pads[rank + 1 :], filler, node)
