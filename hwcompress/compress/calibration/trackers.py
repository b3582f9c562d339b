"""One number that follows the range of a tensor from batch to batch.

The strategies by which training keeps a static activation scale, and calibration finds one:
the present value, the largest of a window, a moving average, the mean of all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import Literal, TypeAlias

from hwcompress.errors import InputError

__all__ = ["Latest", "Mean", "MovingAverage", "Strategy", "Tracker", "WindowMax", "tracker"]

Strategy: TypeAlias = Literal["abs_max", "window_max", "moving_average", "mean"]
"""``abs_max``: the magnitude of the present step; ``window_max``: the largest of the last ones;
``moving_average``: ``s = k s + (1 - k) magnitude``; ``mean``: of all steps. The names are
PaddleSlim's."""


class Tracker(ABC):
    """Takes a magnitude a step, and gives the range to be used."""

    @abstractmethod
    def add(self, magnitude: float) -> float:
        """Take the next one; returns :attr:`value`."""

    @property
    @abstractmethod
    def value(self) -> float:
        """The range now; 0 before the first magnitude."""

    @abstractmethod
    def record(self) -> list[float]:
        """Everything it knows, always as many numbers."""

    @abstractmethod
    def restore(self, record: list[float]) -> None:
        """Go on from a record."""

    def over(self, magnitudes: Iterable[float]) -> float:
        """The range after all of these."""
        for magnitude in magnitudes:
            self.add(magnitude)
        return self.value


class Latest(Tracker):
    """``abs_max``: the magnitude of the present batch."""

    def __init__(self) -> None:
        self._value = 0.0

    def add(self, magnitude: float) -> float:
        self._value = magnitude
        return magnitude

    @property
    def value(self) -> float:
        return self._value

    def record(self) -> list[float]:
        return [self._value]

    def restore(self, record: list[float]) -> None:
        (self._value,) = record


class WindowMax(Tracker):
    """``range_abs_max``: the largest of the last steps.

    Args:
        steps: how many, 1 at least.
    """

    def __init__(self, steps: int) -> None:
        if steps < 1:
            raise InputError(f"a window of {steps} steps", remedy="give 1 at least")
        self._last: deque[float] = deque(maxlen=steps)

    def add(self, magnitude: float) -> float:
        self._last.append(magnitude)
        return self.value

    @property
    def value(self) -> float:
        return max(self._last, default=0.0)

    def record(self) -> list[float]:
        # Magnitudes are not negative; places that are not filled yet are.
        empty = [-1.0] * ((self._last.maxlen or 0) - len(self._last))
        return [*self._last, *empty]

    def restore(self, record: list[float]) -> None:
        self._last.clear()
        self._last.extend(item for item in record if item >= 0)


class MovingAverage(Tracker):
    """``moving_average_abs_max``: ``s = k s + (1 - k) magnitude``, not biased towards its start.

    Args:
        momentum: k, from 0 to below 1.
    """

    def __init__(self, momentum: float = 0.9) -> None:
        if not 0 <= momentum < 1:
            raise InputError(f"a momentum of {momentum:g}", remedy="give 0 <= momentum < 1")
        self._momentum, self._sum, self._weight = momentum, 0.0, 0.0

    def add(self, magnitude: float) -> float:
        keep = self._momentum
        self._sum = keep * self._sum + (1 - keep) * magnitude
        self._weight = keep * self._weight + (1 - keep)
        return self.value

    @property
    def value(self) -> float:
        return self._sum / self._weight if self._weight else 0.0

    def record(self) -> list[float]:
        return [self._sum, self._weight]

    def restore(self, record: list[float]) -> None:
        self._sum, self._weight = record


class Mean(Tracker):
    """The mean of all steps."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, magnitude: float) -> float:
        self._sum += magnitude
        self._count += 1
        return self.value

    @property
    def value(self) -> float:
        return self._sum / self._count if self._count else 0.0

    def record(self) -> list[float]:
        return [self._sum, float(self._count)]

    def restore(self, record: list[float]) -> None:
        self._sum, self._count = record[0], int(record[1])


def tracker(strategy: str, *, window: int = 100, momentum: float = 0.9) -> Tracker:
    """A tracker by the name of its strategy.

    Raises:
        InputError: there is none of that name.
    """
    match strategy:
        case "abs_max":
            return Latest()
        case "window_max":
            return WindowMax(window)
        case "moving_average":
            return MovingAverage(momentum)
        case "mean":
            return Mean()
    raise InputError(
        f"there is no scale strategy {strategy!r}",
        remedy="strategies are abs_max, window_max, moving_average, mean",
    )
