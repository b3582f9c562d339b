"""Operations that only move rows: Concat, Split, Shuffle, Transpose, Upsample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Concat, Shuffle, Split, TensorType, Transpose, Upsample
from hwcompress.sim.jit import kernel
from hwcompress.sim.plan import SIM, Step, rows_of

__all__ = [
    "Gather",
    "Scatter",
    "concat_step",
    "shuffle_step",
    "split_step",
    "transpose_step",
    "upsample_step",
]


@kernel
def _gather(x, rows, y):  # type: ignore[no-untyped-def]
    """``y[f] = x[rows[f]]``."""
    for feature in range(rows.size):
        source, target = x[rows[feature]], y[feature]
        for i in range(x.shape[1]):
            target[i] = source[i]


@kernel
def _scatter(x, rows, y):  # type: ignore[no-untyped-def]
    """``y[rows[f]] = x[f]``; ``y`` may be wider than ``x``."""
    for feature in range(rows.size):
        source, target = x[feature], y[rows[feature]]
        for i in range(x.shape[1]):
            target[i] = source[i]


@dataclass(frozen=True, eq=False)
class Gather(Step):
    """Each output takes rows of the one input, in any order and number."""

    rows: tuple[np.ndarray, ...]

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        for rows, output in zip(self.rows, outputs, strict=True):
            _gather(inputs[0], rows, output)


@dataclass(frozen=True, eq=False)
class Scatter(Step):
    """Each input gives its rows to the one output."""

    rows: tuple[np.ndarray, ...]

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        for rows, source in zip(self.rows, inputs, strict=True):
            _scatter(source, rows, outputs[0])


def _places(tensor: TensorType) -> np.ndarray:
    """Row of each element, in the tensor's shape."""
    return np.arange(tensor.size).reshape(tensor.shape)


def _gathered(places: Sequence[np.ndarray], outputs: Sequence[TensorType]) -> Gather:
    """``places`` holds, for each output, the input's row of each of its elements."""
    return Gather(
        results=tuple(rows_of(output) for output in outputs),
        rows=tuple(np.ascontiguousarray(each).reshape(-1) for each in places),
    )


@SIM.register(Concat)
def concat_step(op: Concat, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Scatter:
    """The inputs may be stored narrower than the output."""
    cuts = np.cumsum([source.channels for source in inputs])[:-1]
    parts = np.split(_places(outputs[0]), cuts, axis=-1)
    return Scatter(
        results=(rows_of(outputs[0]),),
        rows=tuple(np.ascontiguousarray(part).reshape(-1) for part in parts),
    )


@SIM.register(Split)
def split_step(op: Split, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Gather:
    """Each part is a copy: a reader wants its rows without gaps."""
    cuts = np.cumsum(op.sizes)[:-1]
    return _gathered(np.split(_places(inputs[0]), cuts, axis=-1), outputs)


@SIM.register(Shuffle)
def shuffle_step(
    op: Shuffle, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Gather:
    """Make the step."""
    return _gathered([_places(inputs[0])[..., op.permutation]], outputs)


@SIM.register(Transpose)
def transpose_step(
    op: Transpose, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Gather:
    """Make the step."""
    return _gathered([_places(inputs[0]).transpose(op.axes)], outputs)


@SIM.register(Upsample)
def upsample_step(
    op: Upsample, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Gather:
    """Make the step."""
    tall = np.repeat(_places(inputs[0]), op.factor[0], axis=0)
    return _gathered([np.repeat(tall, op.factor[1], axis=1)], outputs)
