"""Geometry of window nodes (convolution, pooling) and of resizing, in one and two dimensions.

A one-dimensional tensor ``(1, C, L)`` is an image of height 1; its windows have
height 1, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node

__all__ = [
    "TransposedWindow",
    "Window",
    "image_order",
    "image_shape",
    "read_transposed",
    "read_window",
    "resize_sources",
    "source_shape",
]

# So near to half way between two positions counts as half way, as in onnxruntime.
_HALF_WAY = 1e-5
_FARTHEST = 1 << 13  # elements that a window spans or pads

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]


@dataclass(frozen=True)
class Window:
    """Kernel, stride, padding (top, left, bottom, right), dilation, and window positions.

    ``padding`` is what the positions need: automatic padding is resolved, and what a
    ``ceil_mode`` makes the last window reach beyond is in it. ``stated`` is the padding
    without that: the part that an average may count.
    """

    kernel: Pair
    stride: Pair
    padding: Quad
    dilation: Pair
    positions: Pair
    stated: Quad

    def taps(self, size: Pair, with_padding: bool) -> np.ndarray:
        """Elements of each window inside the image of ``size``, ``(positions)`` int64.

        ``with_padding`` counts those in the stated padding, too.
        """
        rows, columns = (
            _inside(
                np.arange(self.positions[i])[:, None] * self.stride[i]
                - self.padding[i]
                + np.arange(self.kernel[i]) * self.dilation[i],
                (-self.stated[i], size[i] + self.stated[i + 2]) if with_padding else (0, size[i]),
            )
            for i in (0, 1)
        )
        return rows[:, None] * columns[None, :]


def _inside(places: np.ndarray, bounds: Pair) -> np.ndarray:
    return np.sum((places >= bounds[0]) & (places < bounds[1]), axis=1)


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """``(1, C, H, W)`` or ``(1, C, L)`` of the source as ``(H, W, C)`` of the graph."""
    if len(shape) == 3:
        return 1, shape[2], shape[1]
    return shape[2], shape[3], shape[1]


def source_shape(image: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """``(H, W, C)`` of the graph as a source shape of ``rank`` axes."""
    height, width, channels = image
    return (1, channels, width) if rank == 3 else (1, channels, height, width)


def image_order(shape: tuple[int, ...]) -> np.ndarray:
    """Order of a source tensor ``(1, C, H, W)`` or ``(1, C, L)`` over its graph tensor."""
    height, width, channels = image_shape(shape)
    flat = np.arange(channels * height * width)
    return flat.reshape(height, width, channels).transpose(2, 0, 1).reshape(-1)


def read_window(node: Node, kernel: tuple[int, ...], size: tuple[int, ...]) -> Window:
    """The geometry of a Conv or pooling node with one- or two-dimensional windows.

    Args:
        node: the node.
        kernel: of its weights, or as stated.
        size: of its input, without batch and channels.

    Raises:
        UnsupportedError: other dimensions, or attributes that do not fit.
    """
    stride, dilation, pads = _attributes(node, kernel, size)
    axes = []
    for i in range(len(kernel)):
        reach = dilation[i] * (kernel[i] - 1) + 1
        begin, end = pads[i], pads[i + len(kernel)]
        match node.text("auto_pad", "NOTSET"):
            case "VALID":
                begin = end = 0
            case "SAME_UPPER" | "SAME_LOWER" as side:
                if dilation[i] > 1 and kernel[i] > 1 and node.op != "Conv":
                    raise UnsupportedError(
                        f"auto_pad {side} with dilation {dilation[i]}",
                        where=node.label,
                        why="ONNX and onnxruntime do not agree about its shape",
                        remedy="export with explicit pads",
                    )
                needed = max((-(-size[i] // stride[i]) - 1) * stride[i] + reach - size[i], 0)
                begin = needed // 2 if side == "SAME_UPPER" else needed - needed // 2
                end = needed - begin
        room = size[i] + begin + end - reach
        if room < 0:
            raise UnsupportedError(
                f"a window over {reach} elements on {size[i]} with padding {begin} and {end}",
                where=node.label,
            )
        count, last = room // stride[i] + 1, end
        if node.integer("ceil_mode", 0):
            count = -(-room // stride[i]) + 1
            if (count - 1) * stride[i] >= size[i] + begin:  # it would start in the padding
                count -= 1
            last = max((count - 1) * stride[i] + reach - size[i] - begin, 0)
        axes.append((begin, last, end, count))
    if len(kernel) == 1:
        axes.insert(0, (0, 0, 0, 1))
    (top, bottom, low, rows), (left, right, far, columns) = axes
    return Window(
        _pair(kernel),
        _pair(stride),
        (top, left, bottom, right),
        _pair(dilation),
        (rows, columns),
        (top, left, low, far),
    )


def _pair(values: tuple[int, ...]) -> Pair:
    return (1, values[0]) if len(values) == 1 else (values[0], values[1])


def _attributes(
    node: Node, kernel: tuple[int, ...], size: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Strides, dilations and pads, checked."""
    rank = len(kernel)
    if rank not in (1, 2):
        raise UnsupportedError(f"a {rank}-dimensional window", where=node.label)
    if len(size) != rank:
        raise UnsupportedError(
            f"a {rank}-dimensional window on an input of {len(size)} dimensions", where=node.label
        )
    if node.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise UnsupportedError(f"auto_pad {node.text('auto_pad', '')!r}", where=node.label)
    stated = node.integers("kernel_shape", kernel)
    if stated != kernel:
        raise UnsupportedError(f"kernel_shape {stated} with weights of {kernel}", where=node.label)
    stride = node.integers("strides", (1,) * rank)
    pads = node.integers("pads", (0,) * (2 * rank))
    dilation = node.integers("dilations", (1,) * rank)
    if (len(stride), len(pads), len(dilation)) != (rank, 2 * rank, rank):
        raise UnsupportedError(
            f"strides {stride}, pads {pads} or dilations {dilation} are not for"
            f" {'two dimensions' if rank == 2 else 'one dimension'}",
            where=node.label,
        )
    if max(*kernel, *stride, *pads, *dilation) > _FARTHEST:
        raise UnsupportedError(
            f"a kernel, stride, padding or dilation over {_FARTHEST}", where=node.label
        )
    if min(*kernel, *stride, *dilation) < 1 or min(pads) < 0:
        raise UnsupportedError(
            f"kernel {kernel}, strides {stride} or dilations {dilation} below 1, or negative pads"
            f" {pads}",
            where=node.label,
            remedy="cut the borders off with a Slice, or with a Pad of negative pads",
        )
    return stride, dilation, pads


@dataclass(frozen=True)
class TransposedWindow:
    """Geometry of a ConvTranspose: ``padding`` cuts the result, ``extra`` enlarges it."""

    kernel: Pair
    stride: Pair
    padding: Quad
    dilation: Pair
    extra: Pair


def read_transposed(node: Node, kernel: tuple[int, ...], size: tuple[int, ...]) -> TransposedWindow:
    """The geometry of a ConvTranspose, also where it is stated by the result's shape.

    Args:
        node: the node.
        kernel: of its weights.
        size: of its input, without batch and channels.
    """
    stride, dilation, pads = _attributes(node, kernel, size)
    rank, mode = len(kernel), node.text("auto_pad", "NOTSET")
    extra = node.integers("output_padding", (0,) * rank)
    shape = node.integers("output_shape")[-rank:]  # old files state batch and channels, too
    if len(extra) != rank or min(extra) < 0 or (shape and len(shape) != rank):
        raise UnsupportedError(
            f"output_padding {extra} or output_shape {shape} do not fit", where=node.label
        )
    if not shape and mode.startswith("SAME"):
        shape = tuple(a * b for a, b in zip(size, stride, strict=True))
        if any(dilation[i] * (kernel[i] - 1) + 1 + extra[i] < stride[i] for i in range(rank)):
            raise UnsupportedError(
                f"auto_pad {mode} with a kernel {kernel} smaller than the stride {stride}",
                where=node.label,
                why="ONNX and onnxruntime do not agree about its shape",
                remedy="export with explicit pads",
            )
    axes = []
    for i in range(rank):
        whole = (size[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1
        begin, end, more = pads[i], pads[i + rank], extra[i]
        if mode == "VALID":
            begin = end = 0
        if shape:
            cut = max(whole + more - shape[i], 0)
            begin = cut // 2 if mode == "SAME_UPPER" else cut - cut // 2
            end = cut - begin
            more = shape[i] - (whole - cut)
        if whole + more - begin - end < 1:
            raise UnsupportedError(f"pads {begin} and {end} leave nothing", where=node.label)
        axes.append((begin, end, more))
    if rank == 1:
        axes.insert(0, (0, 0, 0))
    (top, bottom, below), (left, right, beyond) = axes
    pair = _pair(kernel), _pair(stride), _pair(dilation)
    return TransposedWindow(pair[0], pair[1], (top, left, bottom, right), pair[2], (below, beyond))


def resize_sources(node: Node, size: int, result: int, scale: float) -> np.ndarray:
    """Which input position each output position of a nearest-neighbour Resize repeats.

    Args:
        node: Resize or Upsample.
        size: input positions along the axis.
        result: output positions.
        scale: output positions for one input position.
    """
    old = node.op == "Upsample" or (node.op == "Resize" and node.opset < 11)
    mode = node.text("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    # Up to opset 10 the standard does not say how to round; runtimes take the ceiling where
    # the result is smaller.
    usual = ("ceil" if scale < 1 else "floor") if old else "round_prefer_floor"
    rounding = node.text("nearest_mode", usual)
    # In float32, as runtimes compute it: 1.5 / 0.6 - 0.5 is 2 there, not 1.9999999.
    half, factor = np.float32(0.5), np.float32(scale)
    at = np.arange(result, dtype=np.float32)
    match mode:
        case "asymmetric":
            place = at / factor
        case "half_pixel":
            place = (at + half) / factor - half
        case "pytorch_half_pixel":
            place = (at + half) / factor - half if result > 1 else at * 0
        case "align_corners":
            place = at * np.float32(size - 1) / np.float32(result - 1) if result > 1 else at * 0
        case _:
            raise UnsupportedError(f"coordinate mode {mode!r}", where=node.label)
    place = np.asarray(place, np.float64)
    match rounding:
        case "floor":
            nearest = np.floor(place)
        case "ceil":
            nearest = np.ceil(place)
        case "round_prefer_floor":
            nearest = np.ceil(place - (0.5 + _HALF_WAY))
        case "round_prefer_ceil":
            nearest = np.floor(place + (0.5 + _HALF_WAY))
        case _:
            raise UnsupportedError(f"nearest mode {rounding!r}", where=node.label)
    return np.clip(nearest, 0, size - 1).astype(np.int64)
