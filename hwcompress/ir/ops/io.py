"""Where integers enter and leave the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.ops.host import HOST_FUNCTIONS, apply_step, is_step
from hwcompress.ir.registry import operation
from hwcompress.ir.types import IntType

__all__ = ["Input", "Output"]


@operation
@dataclass(frozen=True, eq=False)
class Input(Op):
    """A graph input, with the host's rule from real samples to integers.

    ``source_shape`` is the shape of one sample as the user holds it,
    ``axes`` the transposition that makes it channels last; ``shape`` is
    the result. The integer of a real ``x`` is

    - with ``boundaries`` ``None``: ``clip(round_half_even(x / scale + zero), lo, hi)``;
    - else ``lo + step * count(x >= boundaries)`` (ascending float64).
    """

    source_shape: tuple[int, ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: IntType
    scale: float
    zero: float = 0.0
    boundaries: np.ndarray | None = None

    arity: ClassVar[int] = 0

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if min(self.shape, default=0) < 1:
            raise self.fail(f"shape {self.shape} is empty")
        if sorted(self.axes) != list(range(len(self.source_shape))):
            raise self.fail(f"axes {self.axes} are no permutation of {self.source_shape}")
        if tuple(self.source_shape[axis] for axis in self.axes) != self.shape:
            raise self.fail(f"{self.source_shape} transposed by {self.axes} is not {self.shape}")
        if self.boundaries is None and not self.scale > 0:
            raise self.fail(f"scale {self.scale} is not positive")
        if not np.all(np.isfinite((self.scale, self.zero))):
            raise self.fail(f"scale {self.scale} or zero point {self.zero} is not finite")
        if self.boundaries is not None:
            if self.boundaries.shape != (self.dtype.count - 1,):
                raise self.fail(f"{self.dtype} needs {self.dtype.count - 1} boundaries")
            # Compared, not subtracted: some may be infinite.
            if not np.all(self.boundaries[:-1] <= self.boundaries[1:]) or np.any(
                np.isnan(self.boundaries)
            ):
                raise self.fail("boundaries must ascend")
        return (TensorType(self.shape, self.dtype),)

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """Real samples ``(batch, *source_shape)`` to integers ``(batch, *shape)``.

        Raises:
            InputError: the samples have another shape, or one is not a number.
        """
        real = np.asarray(samples, np.float64)
        if real.shape[1:] != self.source_shape or real.ndim == 0:
            raise InputError(
                f"samples of shape {real.shape[1:]}, expected {self.source_shape}",
                where=f"input {self.name!r}",
            )
        if np.any(np.isnan(real)):
            first = np.argwhere(np.isnan(real))[0].tolist()
            raise InputError(
                f"sample {first[0]} is not a number at {tuple(first[1:])}",
                where=f"input {self.name!r}",
                remedy="remove or repair the samples that hold NaN",
            )
        real = real.transpose(0, *(axis + 1 for axis in self.axes))
        if self.boundaries is not None:
            count = np.searchsorted(self.boundaries, real, side="right")
            return self.dtype.lo + self.dtype.step * count.astype(np.int64)
        if self.dtype.is_bipolar:
            return np.where(real >= 0, 1, -1).astype(np.int64)
        steps = np.rint(real / self.scale + self.zero)
        return np.clip(steps, self.dtype.lo, self.dtype.hi).astype(np.int64)

    def decode(self, integers: np.ndarray) -> np.ndarray:
        """Integers to the real samples they stand for, in the user's axis order.

        Only for an affine input (``boundaries`` is ``None``).
        """
        if self.boundaries is not None:
            raise self.fail("an input with boundaries has no affine decoding")
        real = (integers.astype(np.float64) - self.zero) * self.scale
        inverse = np.argsort(self.axes)
        return np.ascontiguousarray(real.transpose(0, *(int(axis) + 1 for axis in inverse)))

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        raise self.fail("an Input is fed, not evaluated")

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        return (Range.of_type(self.dtype, self.shape[-1]),)


@operation
@dataclass(frozen=True, eq=False)
class Output(Op):
    """Marks a tensor as a result.

    ``source_shape`` is the shape of one result as the source model gives it;
    the graph's tensor transposed by ``axes`` and reshaped has it (``()``
    for both: as it is). ``host`` names what the host still does to the real
    values, in order: steps as in :mod:`hwcompress.ir.ops.host`.
    """

    source_shape: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()
    host: tuple[str, ...] = ()

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if self.axes and sorted(self.axes) != list(range(len(inputs[0].shape))):
            raise self.fail(f"axes {self.axes} are no permutation of {inputs[0].shape}")
        size = int(np.prod(self.source_shape)) if min(self.source_shape, default=1) > 0 else 0
        if self.source_shape and size != inputs[0].size:
            raise self.fail(f"{inputs[0].shape} cannot become {self.source_shape}")
        unknown = [step for step in self.host if not is_step(step)]
        if unknown:
            raise self.fail(f"host function {unknown[0]!r}", why=f"known: {sorted(HOST_FUNCTIONS)}")
        return ()

    def in_source_order(self, values: np.ndarray) -> np.ndarray:
        """``(batch, *shape)`` of the graph to ``(batch, *source_shape)``."""
        if self.axes:
            values = values.transpose(0, *(axis + 1 for axis in self.axes))
        shape = self.source_shape or values.shape[1:]
        return np.ascontiguousarray(values).reshape(values.shape[0], *shape)

    def finish(self, real: np.ndarray) -> np.ndarray:
        """Apply the host functions to real values in the source's order."""
        for step in self.host:
            real = apply_step(step, real)
        return real

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return ()

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        return ()
