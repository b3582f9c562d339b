"""Operations that move or repeat the positions of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.ops.spatial import Pair, check_image
from hwcompress.ir.registry import operation

__all__ = ["Transpose", "Upsample"]


@operation
@dataclass(frozen=True, eq=False)
class Transpose(Op):
    """Axes in another order: axis ``i`` of the result is axis ``axes[i]`` of the input.

    ``shape`` is the input's. With a Reshape on both sides it is also a channel
    shuffle by groups, DepthToSpace or SpaceToDepth.
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        if source.shape != self.shape:
            raise self.fail(f"is made for an input of shape {self.shape}, not {source.shape}")
        if len(source.shape) < 2 or sorted(self.axes) != list(range(len(source.shape))):
            raise self.fail(f"axes {self.axes} do not permute those of {source.shape}")
        return (TensorType(tuple(source.shape[axis] for axis in self.axes), source.dtype),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        moved = inputs[0].transpose(0, *(axis + 1 for axis in self.axes))
        return (np.ascontiguousarray(moved),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        (source,) = inputs
        if self.axes[-1] == len(self.axes) - 1:  # channels stay channels
            return (source,)
        channels = self.shape[self.axes[-1]]  # each of them mixes all the old ones
        return (
            Range(
                np.full(channels, source.lo.min(), np.int64),
                np.full(channels, source.hi.max(), np.int64),
            ),
        )


@operation
@dataclass(frozen=True, eq=False)
class Upsample(Op):
    """Nearest neighbour: every pixel of ``(H, W, C)`` becomes ``factor[0] x factor[1]`` pixels."""

    factor: Pair

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        check_image(self, source)
        whole = all(isinstance(f, int) for f in self.factor)
        if len(self.factor) != 2 or not whole or min(self.factor) < 1:
            raise self.fail(f"factor {self.factor} is not a pair of positive integers")
        height, width, channels = source.shape
        shape = (height * self.factor[0], width * self.factor[1], channels)
        return (TensorType(shape, source.dtype),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        rows = np.repeat(inputs[0], self.factor[0], axis=1)
        return (np.repeat(rows, self.factor[1], axis=2),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        return (inputs[0],)
