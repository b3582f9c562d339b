"""A scalar function of an integer, chosen per channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["ScalarFunction", "affine_function", "concatenated"]


@dataclass(frozen=True, eq=False)
class ScalarFunction:
    """``real = f(q)`` for each of ``channels`` channels, in float64.

    Attributes:
        channels: number of channels.
        call: ``(q, channel) -> real`` for float64 ``q`` of shape ``(k, n)``
            and channel indices ``(k,)``.
        direction: int64 ``(channels,)``: +1 rising, -1 falling, 0 unknown.
        gain, offset: float64 ``(channels,)`` if the function is known to be
            ``gain * q + offset``, else ``None``.
    """

    channels: int
    call: Callable[[np.ndarray, np.ndarray], np.ndarray]
    direction: np.ndarray
    gain: np.ndarray | None = None
    offset: np.ndarray | None = None

    @property
    def is_affine(self) -> bool:
        """Whether the function is known to be ``gain * q + offset``."""
        return self.gain is not None

    @property
    def is_identity(self) -> bool:
        """Whether the function is known to be ``q -> q`` in every channel."""
        if self.gain is None or self.offset is None:
            return False
        return bool(np.all(self.gain == 1) and np.all(self.offset == 0))

    def every_channel(self, q: np.ndarray) -> np.ndarray:
        """``f`` of ``q`` of shape ``(channels, n)``."""
        return self.call(q.astype(np.float64), np.arange(self.channels))

    def then(self, function: Callable[[np.ndarray], np.ndarray], direction: int) -> ScalarFunction:
        """This function followed by one that is the same for every channel."""
        call = self.call
        return ScalarFunction(
            self.channels, lambda q, c: function(call(q, c)), self.direction * direction
        )

    def then_affine(self, gain: np.ndarray, offset: np.ndarray) -> ScalarFunction:
        """This function followed by ``gain * x + offset``, both ``(channels,)``."""
        call = self.call
        result = ScalarFunction(
            self.channels,
            lambda q, c: gain[c][:, None] * call(q, c) + offset[c][:, None],
            self.direction * np.sign(gain).astype(np.int64),
        )
        if self.gain is None or self.offset is None:
            return result
        return ScalarFunction(
            self.channels,
            result.call,
            result.direction,
            gain * self.gain,
            gain * self.offset + offset,
        )

    def then_each(
        self,
        function: Callable[[np.ndarray, np.ndarray], np.ndarray],
        constant: np.ndarray,
        direction: np.ndarray,
    ) -> ScalarFunction:
        """Followed by ``function(x, constant of the channel)``."""
        call = self.call
        return ScalarFunction(
            self.channels,
            lambda q, c: function(call(q, c), constant[c][:, None]),
            self.direction * direction,
        )

    def combined(
        self, other: ScalarFunction, function: Callable[[np.ndarray, np.ndarray], np.ndarray]
    ) -> ScalarFunction:
        """``function(self(q), other(q))``; its direction is not known."""
        first, second = self.call, other.call
        return ScalarFunction(
            self.channels,
            lambda q, c: function(first(q, c), second(q, c)),
            np.zeros(self.channels, np.int64),
        )

    def plus(self, other: ScalarFunction, sign: int) -> ScalarFunction:
        """``self(q) + sign * other(q)`` (``sign`` is +1 or -1), affine if both are."""
        total = self.combined(other, np.add if sign > 0 else np.subtract)
        if self.gain is None or self.offset is None or other.gain is None or other.offset is None:
            return total
        gain, offset = self.gain + sign * other.gain, self.offset + sign * other.offset
        direction = np.sign(gain).astype(np.int64)
        return ScalarFunction(self.channels, total.call, direction, gain, offset)

    def rearranged(self, source: np.ndarray) -> ScalarFunction:
        """The function whose channel ``i`` is this one's channel ``source[i]``."""
        call = self.call
        return ScalarFunction(
            source.size,
            lambda q, c: call(q, source[c]),
            self.direction[source],
            None if self.gain is None else self.gain[source],
            None if self.offset is None else self.offset[source],
        )

    def of(self, inner: ScalarFunction) -> ScalarFunction:
        """``q -> self(inner(q))``, channel by channel."""
        outer = self.call
        gain = offset = None
        if (
            self.gain is not None
            and self.offset is not None
            and inner.gain is not None
            and inner.offset is not None
        ):
            gain = self.gain * inner.gain
            offset = self.gain * inner.offset + self.offset
        return ScalarFunction(
            inner.channels,
            lambda q, c: outer(inner.call(q, c), c),
            self.direction * inner.direction,
            gain,
            offset,
        )

    def of_scaled_input(self, factor: np.ndarray) -> ScalarFunction:
        """``q -> self(factor * q)``, ``factor`` ``(channels,)``."""
        call = self.call
        return ScalarFunction(
            self.channels,
            lambda q, c: call(factor[c][:, None] * q, c),
            self.direction * np.sign(factor).astype(np.int64),
            None if self.gain is None else self.gain * factor,
            self.offset,
        )


def affine_function(gain: np.ndarray, offset: np.ndarray) -> ScalarFunction:
    """``gain * q + offset`` per channel, both ``(channels,)`` float64."""
    return ScalarFunction(
        gain.size,
        lambda q, c: gain[c][:, None] * q + offset[c][:, None],
        np.sign(gain).astype(np.int64),
        gain,
        offset,
    )


def concatenated(parts: Sequence[ScalarFunction]) -> ScalarFunction:
    """The channels of several functions side by side."""
    starts = np.cumsum([0, *(part.channels for part in parts)])
    owner = np.repeat(np.arange(len(parts)), [part.channels for part in parts])

    def call(q: np.ndarray, channel: np.ndarray) -> np.ndarray:
        result = np.empty(q.shape)
        for index, part in enumerate(parts):
            rows = np.flatnonzero(owner[channel] == index)
            if rows.size:
                result[rows] = part.call(q[rows], channel[rows] - starts[index])
        return result

    gains = [part.gain for part in parts if part.gain is not None]
    offsets = [part.offset for part in parts if part.offset is not None]
    affine = len(gains) == len(offsets) == len(parts)
    return ScalarFunction(
        int(starts[-1]),
        call,
        np.concatenate([part.direction for part in parts]),
        np.concatenate(gains) if affine else None,
        np.concatenate(offsets) if affine else None,
    )
