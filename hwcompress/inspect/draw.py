"""Random samples that reach every level of a model's inputs, extremes included."""

from __future__ import annotations

import math

import numpy as np

from hwcompress.frontend import Imported
from hwcompress.frontend.check import quantized_by_model
from hwcompress.frontend.float64 import Samples
from hwcompress.ir import Input

__all__ = ["Drawn"]

_FLOAT32 = float(np.finfo(np.float32).max)
_REACH = 0.45
"""Steps by which a sample lies off its level, where the model rounds it itself."""


class Drawn:
    """A stream of random samples, the same for the same seed whatever the blocks.

    Args:
        imported: the model; its inputs say what is drawn.
        normal: source inputs that are real numbers of which nothing is known:
            standard normal numbers, on the grid of the input's type.
        seed: of the generator.
        integral: source inputs that take integers only.
    """

    def __init__(
        self,
        imported: Imported,
        seed: int,
        *,
        normal: frozenset[str] = frozenset(),
        integral: frozenset[str] = frozenset(),
    ) -> None:
        self._imported = imported
        self._seed = seed
        self._normal = normal
        self._integral = integral

    def describe(self) -> tuple[str, ...]:
        """A line for each input."""
        lines = []
        for op in self._imported.graph.inputs:
            source = self._imported.inputs[op.outputs[0]]
            how = (
                f"standard normal, rounded to the grid of {op.dtype} with step {op.scale:g}"
                if source in self._normal
                else f"uniform over the {op.dtype.count:,} levels of {op.dtype}"
            )
            off = self._is_off_grid(op, source)
            extra = f", each up to {_REACH} steps beside its level" if off else ""
            lines.append(f"input {source!r}: {how}{extra}; the first three samples at extremes")
        return tuple(lines)

    def block(self, start: int, count: int) -> Samples:
        """Samples ``start ... start + count - 1``, float32."""
        inputs = {}
        for number, op in enumerate(self._imported.graph.inputs):
            rows = [self._sample(op, number, index) for index in range(start, start + count)]
            # Levels may begin beyond what float32 holds.
            near = np.clip(np.stack(rows), -_FLOAT32, _FLOAT32)
            inputs[self._imported.inputs[op.outputs[0]]] = near.astype(np.float32)
        for name, shape in self._unused().items():
            inputs[name] = np.zeros((count, *shape), np.float32)
        return next(iter(inputs.values())) if len(inputs) == 1 else inputs

    def _unused(self) -> dict[str, tuple[int, ...]]:
        """Inputs of the source that the graph does not need."""
        used = set(self._imported.inputs.values())
        stated = self._imported.model.inputs
        return {name: tuple(shape[1:]) for name, shape in stated.items() if name not in used}

    def _is_off_grid(self, op: Input, source: str) -> bool:
        """Whether the model itself rounds, so that samples may lie between levels."""
        own = quantized_by_model(self._imported, op)
        return own and source not in self._integral and not op.dtype.is_bipolar

    def _sample(self, op: Input, number: int, index: int) -> np.ndarray:
        """One sample in the source's layout. Every sample has a generator of its own."""
        random = np.random.default_rng((self._seed, number, index))
        source = self._imported.inputs[op.outputs[0]]
        size = math.prod(op.source_shape)
        kind = op.dtype
        if index < 3:
            ends = np.array([kind.lo, kind.hi])
            level = np.full(size, ends[index]) if index < 2 else random.choice(ends, size)
        elif source in self._normal:
            real = np.rint(random.normal(0, 1, size) / op.scale + op.zero)
            level = np.clip(real, kind.lo, kind.hi)
        else:
            level = kind.lo + kind.step * random.integers(0, kind.count, size)
        beside = random.uniform(-_REACH, _REACH, size) if self._is_off_grid(op, source) else 0.0
        if op.boundaries is not None:
            return self._between(op, level, beside).reshape(op.source_shape)
        real = (level - op.zero + beside) * op.scale
        return np.asarray(real).reshape(op.source_shape)

    @staticmethod
    def _between(op: Input, level: np.ndarray, beside: np.ndarray | float) -> np.ndarray:
        """Real values between the boundaries of their level."""
        assert op.boundaries is not None
        finite = op.boundaries[np.isfinite(op.boundaries)]
        if not finite.size:
            return np.zeros(level.size)
        step = float(np.median(np.diff(finite))) if finite.size > 1 else max(abs(finite[0]), 1.0)
        edges = np.concatenate([[finite[0] - step], finite, [finite[-1] + step]])
        place = ((level - op.dtype.lo) // op.dtype.step).astype(np.int64)
        place = np.clip(place, 0, finite.size)
        low, high = edges[place], edges[place + 1]
        return np.asarray(low + (high - low) * (0.5 + beside))
