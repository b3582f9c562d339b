"""What a Pad node adds to each axis, for the importer and for float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import MAX_ELEMENTS, Node

__all__ = ["Borders", "read_pad"]


@dataclass(frozen=True)
class Borders:
    """Elements in front and behind for every axis (negative: cut off), and what they hold.

    ``mode`` is one of ``constant``, ``edge``, ``reflect``, ``wrap``; ``value`` belongs to
    the first.
    """

    pads: tuple[tuple[int, int], ...]
    mode: str
    value: float

    def sources(self, axis: int, size: int) -> np.ndarray:
        """Which of ``size`` elements of an axis each result holds; -1 for the constant."""
        begin, end = self.pads[axis]
        index = np.arange(max(-begin, 0), size - max(-end, 0))
        grown = (max(begin, 0), max(end, 0))
        if self.mode == "constant":
            return np.pad(index, grown, constant_values=-1)
        return np.asarray(np.pad(index, grown, mode=self.mode))  # type: ignore[call-overload]


def read_pad(node: Node, shape: tuple[int, ...], given: Sequence[np.ndarray | None]) -> Borders:
    """The borders of a Pad.

    Args:
        node: the node.
        shape: of its first input, with a batch of one.
        given: its other inputs: pads, value, axes; before opset 11 these are attributes.

    Raises:
        UnsupportedError: they do not fit, or the batch is padded.
    """
    rank = len(shape)
    stated, constant, chosen = (*given, None, None, None)[:3]
    if node.opset >= 11:
        if stated is None:
            raise UnsupportedError("its pads are missing", where=node.label)
        pads = tuple(int(item) for item in stated.reshape(-1))
        value = 0.0 if constant is None or not constant.size else float(constant.reshape(-1)[0])
    else:
        pads, value = node.integers("pads") or node.integers("paddings"), node.number("value", 0.0)
    axes = tuple(range(rank)) if chosen is None else tuple(int(i) for i in chosen.reshape(-1))
    if any(not -rank <= axis < rank for axis in axes) or len(pads) != 2 * len(axes):
        raise UnsupportedError(f"pads {pads} for the axes {axes} of {shape}", where=node.label)
    result = [(0, 0)] * rank
    for place, axis in enumerate(axes):
        result[axis % rank] = (pads[place], pads[place + len(axes)])
    mode = node.text("mode", "constant")
    if mode not in ("constant", "edge", "reflect", "wrap"):
        raise UnsupportedError(f"mode {mode!r}", where=node.label)
    sizes = [size + sum(pair) for size, pair in zip(shape, result, strict=True)]
    kept = [
        size + min(pair[0], 0) + min(pair[1], 0) for size, pair in zip(shape, result, strict=True)
    ]
    if min(*sizes, *kept) < 1 or math.prod(sizes) > MAX_ELEMENTS:
        raise UnsupportedError(f"pads {pads} turn {shape} into {tuple(sizes)}", where=node.label)
    if result[0] != (0, 0):
        raise UnsupportedError(f"the batch is padded by {result[0]}", where=node.label)
    return Borders(tuple(result), mode, value)
