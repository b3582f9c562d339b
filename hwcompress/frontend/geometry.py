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
    "Window",
    "image_order",
    "image_shape",
    "read_window",
    "resize_sources",
    "source_shape",
]

_FARTHEST = 1 << 13  # elements that a window spans or pads

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]


@dataclass(frozen=True)
class Window:
    """Kernel, stride, padding (top, left, bottom, right) and dilation."""

    kernel: Pair
    stride: Pair
    padding: Quad
    dilation: Pair


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


def read_window(node: Node, kernel: tuple[int, ...]) -> Window:
    """The geometry of a node with one- or two-dimensional windows.

    Raises:
        UnsupportedError: other dimensions, automatic padding, or ``ceil_mode``.
    """
    rank = len(kernel)
    if rank not in (1, 2):
        raise UnsupportedError(f"a {rank}-dimensional window", where=node.label)
    if node.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise UnsupportedError(
            f"auto_pad {node.text('auto_pad', '')!r}",
            where=node.label,
            remedy="export with explicit pads",
        )
    if node.integer("ceil_mode", 0):
        raise UnsupportedError(
            "ceil_mode", where=node.label, remedy="pad the input explicitly instead"
        )
    stated = node.integers("kernel_shape", kernel)
    if stated != kernel:
        raise UnsupportedError(f"kernel_shape {stated} with weights of {kernel}", where=node.label)
    ones, none = (1,) * rank, (0,) * (2 * rank)
    stride = node.integers("strides", ones)
    pads = none if node.text("auto_pad", "NOTSET") == "VALID" else node.integers("pads", none)
    dilation = node.integers("dilations", ones)
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
    if rank == 1:
        return Window((1, kernel[0]), (1, stride[0]), (0, pads[0], 0, pads[1]), (1, dilation[0]))
    return Window(
        (kernel[0], kernel[1]),
        (stride[0], stride[1]),
        (pads[0], pads[1], pads[2], pads[3]),
        (dilation[0], dilation[1]),
    )


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
    rounding = node.text("nearest_mode", "floor" if old else "round_prefer_floor")
    at = np.arange(result, dtype=np.float64)
    match mode:
        case "asymmetric":
            place = at / scale
        case "half_pixel":
            place = (at + 0.5) / scale - 0.5
        case "pytorch_half_pixel":
            place = (at + 0.5) / scale - 0.5 if result > 1 else 0.0 * at
        case "align_corners":
            place = at * (size - 1) / (result - 1) if result > 1 else 0.0 * at
        case _:
            raise UnsupportedError(f"coordinate mode {mode!r}", where=node.label)
    match rounding:
        case "floor":
            nearest = np.floor(place)
        case "ceil":
            nearest = np.ceil(place)
        case "round_prefer_floor":
            nearest = np.ceil(place - 0.5)
        case "round_prefer_ceil":
            nearest = np.floor(place + 0.5)
        case _:
            raise UnsupportedError(f"nearest mode {rounding!r}", where=node.label)
    return np.clip(nearest, 0, size - 1).astype(np.int64)
