"""What the type of an input is derived from, found in one pass over any number of samples."""

from __future__ import annotations

import numpy as np

__all__ = ["Summary"]

_FINEST = 24
"""Fractions that :func:`hwcompress.frontend.input_types.derive_input_type` looks at end below."""


class Summary:
    """The extremes of all samples, and a sample's number against every property not all have.

    :func:`hwcompress.frontend.input_types.derive_input_type` asks which properties every
    number has (to be an integer, a multiple of 2^-5, ...) and what the extremes are. It says
    the same of :meth:`samples` as of all samples together.
    """

    def __init__(self) -> None:
        self.low = np.inf
        self.high = -np.inf
        self._against: list[float] = []
        self._properties = {"unit", "whole", "pixel"}
        self._fraction = 1

    def add(self, real: np.ndarray) -> None:
        """Some real samples, float32."""
        x = np.asarray(real, np.float64).reshape(-1)
        if not x.size:
            return
        self.low, self.high = min(self.low, float(x.min())), max(self.high, float(x.max()))
        for name in sorted(self._properties):
            if self._note(x, _lacks(name, x)):
                self._properties.discard(name)
        # Multiples of 2^-f are multiples of every finer power.
        while self._fraction < _FINEST:
            steps = x * 2.0**self._fraction
            if not self._note(x, steps != np.rint(steps)):
                break
            self._fraction += 1

    def _note(self, x: np.ndarray, lacking: np.ndarray) -> bool:
        """Keep a number that lacks a property; whether there is one."""
        if not lacking.any():
            return False
        self._against.append(float(x[int(lacking.argmax())]))
        return True

    def samples(self, shape: tuple[int, ...]) -> np.ndarray:
        """A few samples ``(n, *shape)``, float32, that stand for all."""
        values = np.array([self.low, self.high, *dict.fromkeys(self._against)], np.float32)
        size = int(np.prod(shape, dtype=np.int64))
        return np.resize(values, (-(-values.size // size), *shape))


def _lacks(name: str, x: np.ndarray) -> np.ndarray:
    """Which numbers lack a property."""
    if name == "unit":
        return np.abs(x) != 1
    scale = 1.0 if name == "whole" else 1.0 / 255.0
    near = np.rint(x / scale) * scale
    return near.astype(np.float32) != x.astype(np.float32)
