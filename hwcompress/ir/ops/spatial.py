"""Geometry of windows over ``(height, width, channels)`` tensors."""

from __future__ import annotations

import numpy as np

from hwcompress.ir.op import Op, TensorType
from hwcompress.ir.types import LIMIT

__all__ = [
    "Pair",
    "Quad",
    "check_image",
    "check_pad_value",
    "check_window",
    "output_size",
    "pad",
    "windows",
]

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]  # top, left, bottom, right


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair) -> Pair:
    """Number of window positions, ``floor((size + pads - reach) / stride) + 1`` per axis."""
    pads = (padding[0] + padding[2], padding[1] + padding[3])
    height, width = (
        (size[i] + pads[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in (0, 1)
    )
    return height, width


def check_image(op: Op, source: TensorType) -> None:
    """Raise unless the tensor is ``(H, W, C)``."""
    if len(source.shape) != 3:
        raise op.fail(f"needs an input of shape (height, width, channels), got {source.shape}")


def check_window(
    op: Op, source: TensorType, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair
) -> Pair:
    """Validate the geometry and return the output's height and width."""
    check_image(op, source)
    if min(kernel) < 1 or min(stride) < 1 or min(dilation) < 1 or min(padding) < 0:
        raise op.fail(
            f"kernel {kernel}, stride {stride} and dilation {dilation} must be positive,"
            f" padding {padding} not negative"
        )
    size = output_size((source.shape[0], source.shape[1]), kernel, stride, padding, dilation)
    if min(size) < 1:
        raise op.fail(f"the window {kernel} is larger than the padded input {source.shape}")
    return size


def check_pad_value(op: Op, pad_value: int) -> None:
    """Raise unless the integer of a padded position is below 2**62 in magnitude."""
    if abs(pad_value) >= LIMIT:
        raise op.fail(f"pad value {pad_value} reaches 2**62")


def pad(values: np.ndarray, padding: Quad, value: int) -> np.ndarray:
    """``(batch, H, W, C)`` with a constant border."""
    top, left, bottom, right = padding
    return np.pad(values, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def windows(padded: np.ndarray, kernel: Pair, stride: Pair, dilation: Pair) -> np.ndarray:
    """View of shape ``(batch, OH, OW, KH, KW, C)`` over a padded batch."""
    reach = tuple(dilation[i] * (kernel[i] - 1) + 1 for i in (0, 1))
    view = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
    view = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return view.transpose(0, 1, 2, 4, 5, 3)
