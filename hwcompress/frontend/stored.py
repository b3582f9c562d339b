"""Constants in the precision of the file, for what every runtime makes of them alike.

A weight over its scale is a single operation of float32, so PyTorch, onnxruntime and the
``qonnx`` executor agree on it to the last bit, also where the exact quotient lies on the
other side of a rounding tie: in a network of a million weights a few do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["as_stored"]


def as_stored(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The arrays in float32 if it holds all of their values, else in float64."""
    wide = [item.astype(np.float64) for item in arrays]
    with np.errstate(over="ignore"):
        narrow = [item.astype(np.float32) for item in wide]
    held = all(np.array_equal(a.astype(np.float64), b) for a, b in zip(narrow, wide, strict=True))
    return narrow if held else wide
