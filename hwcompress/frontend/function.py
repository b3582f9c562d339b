"""A scalar function of an integer, chosen per channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.frontend.intervals import Interval, IntervalFunction, everything

__all__ = ["Enclose", "ScalarFunction", "affine_function", "concatenated", "constant_function"]

Enclose = Callable[[Interval, np.ndarray], Interval]
"""Bounds of ``q``, ``(k, n)`` each, and channels ``(k,)`` to bounds of the value."""


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
        enclose: bounds of the value over bounds of ``q``; ``None``: not known.
        uniform: the function is known to be the same in every channel.
    """

    channels: int
    call: Callable[[np.ndarray, np.ndarray], np.ndarray]
    direction: np.ndarray
    gain: np.ndarray | None = None
    offset: np.ndarray | None = None
    enclose: Enclose | None = None
    uniform: bool = False

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

    @property
    def neutral(self) -> np.ndarray:
        """Channels in which the function is known to be constant."""
        return np.zeros(self.channels, bool) if self.gain is None else self.gain == 0

    def every_channel(self, q: np.ndarray) -> np.ndarray:
        """``f`` of ``q`` of shape ``(channels, n)``."""
        return self.call(q.astype(np.float64), np.arange(self.channels))

    def bounds(self, q: Interval, channel: np.ndarray) -> Interval:
        """Bounds of the value over bounds of ``q``: everything, if nothing is known."""
        return everything(q[0]) if self.enclose is None else self.enclose(q, channel)

    def then(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        direction: int,
        enclose: Callable[[Interval], Interval] | None = None,
    ) -> ScalarFunction:
        """This function followed by one that is the same for every channel."""
        call = self.call
        return ScalarFunction(
            self.channels,
            lambda q, c: function(call(q, c)),
            self.direction * direction,
            enclose=None if enclose is None else lambda q, c: enclose(self.bounds(q, c)),
            uniform=self.uniform,
        )

    def then_affine(self, gain: np.ndarray, offset: np.ndarray) -> ScalarFunction:
        """This function followed by ``gain * x + offset``, both ``(channels,)``."""
        return affine_function(gain, offset).of(self)

    def joined(
        self,
        other: ScalarFunction,
        function: Callable[[np.ndarray, np.ndarray], np.ndarray],
        senses: tuple[int, int] | None,
        enclose: IntervalFunction | None,
    ) -> ScalarFunction:
        """``function(self(q), other(q))``, which rises (+1) or falls in each operand."""
        first, second = self, other
        direction = np.zeros(self.channels, np.int64)
        if senses is not None:
            one, two = (item.direction * s for item, s in zip((first, second), senses, strict=True))
            agreed = np.where((one == two) | second.neutral, one, 0)
            direction = np.where(first.neutral, two, agreed)
        return ScalarFunction(
            self.channels,
            lambda q, c: function(first.call(q, c), second.call(q, c)),
            direction,
            enclose=None
            if enclose is None
            else lambda q, c: enclose(first.bounds(q, c), second.bounds(q, c)),
            uniform=first.uniform and second.uniform,
        )

    def known_affine(self, gain: np.ndarray, offset: np.ndarray) -> ScalarFunction:
        """The same function, known to be about ``gain * q + offset``."""
        direction = np.sign(gain).astype(np.int64)
        return ScalarFunction(self.channels, self.call, direction, gain, offset, self.enclose)

    def rearranged(self, source: np.ndarray) -> ScalarFunction:
        """The function whose channel ``i`` is this one's channel ``source[i]``."""
        call, enclose = self.call, self.enclose
        return ScalarFunction(
            source.size,
            lambda q, c: call(q, source[c]),
            self.direction[source],
            None if self.gain is None else self.gain[source],
            None if self.offset is None else self.offset[source],
            None if enclose is None else lambda q, c: enclose(q, source[c]),
            self.uniform,
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
        known = self.enclose is not None and inner.enclose is not None
        return ScalarFunction(
            inner.channels,
            lambda q, c: outer(inner.call(q, c), c),
            self.direction * inner.direction,
            gain,
            offset,
            (lambda q, c: self.bounds(inner.bounds(q, c), c)) if known else None,
            self.uniform and inner.uniform,
        )

    def of_scaled_input(self, factor: np.ndarray) -> ScalarFunction:
        """``q -> self(factor * q)``, ``factor`` ``(channels,)``."""
        return self.of(affine_function(factor, np.zeros(factor.shape)))


def affine_function(gain: np.ndarray, offset: np.ndarray) -> ScalarFunction:
    """``gain * q + offset`` per channel, both ``(channels,)`` float64."""

    def call(q: np.ndarray, channel: np.ndarray) -> np.ndarray:
        return np.asarray(gain[channel][:, None] * q + offset[channel][:, None])

    def enclose(q: Interval, channel: np.ndarray) -> Interval:
        slope = gain[channel][:, None]
        # A constant is one everywhere, where no bound is known, too.
        ends = [np.where(slope == 0, offset[channel][:, None], call(end, channel)) for end in q]
        return np.minimum(*ends), np.maximum(*ends)

    direction = np.sign(gain).astype(np.int64)
    uniform = _alike(gain) and _alike(offset)
    return ScalarFunction(gain.size, call, direction, gain, offset, enclose, uniform)


def _alike(rows: np.ndarray) -> bool:
    return bool(rows.size and np.all(rows == rows[0]))


def constant_function(values: np.ndarray) -> ScalarFunction:
    """The same value for every integer, one per channel ``(channels,)``."""
    values = np.asarray(values, np.float64)

    def call(q: np.ndarray, channel: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values[channel][:, None], q.shape)

    return ScalarFunction(
        values.size,
        call,
        np.zeros(values.size, np.int64),
        np.zeros(values.size),
        values,
        lambda q, c: (call(q[0], c), call(q[0], c)),
        _alike(values),
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

    def enclose(q: Interval, channel: np.ndarray) -> Interval:
        lo, hi = np.empty(q[0].shape), np.empty(q[0].shape)
        for index, part in enumerate(parts):
            rows = np.flatnonzero(owner[channel] == index)
            if rows.size:
                within = (q[0][rows], q[1][rows])
                lo[rows], hi[rows] = part.bounds(within, channel[rows] - starts[index])
        return lo, hi

    gains = [part.gain for part in parts if part.gain is not None]
    offsets = [part.offset for part in parts if part.offset is not None]
    affine = len(gains) == len(offsets) == len(parts)
    return ScalarFunction(
        int(starts[-1]),
        call,
        np.concatenate([part.direction for part in parts]),
        np.concatenate(gains) if affine else None,
        np.concatenate(offsets) if affine else None,
        enclose if all(part.enclose is not None for part in parts) else None,
    )
