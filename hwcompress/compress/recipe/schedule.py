"""A number that changes while a network trains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from hwcompress.errors import InputError

__all__ = ["Ramp", "Schedule"]

Ramp = Literal["constant", "linear", "cubic", "cosine", "exponential", "step"]


@dataclass(frozen=True)
class Schedule:
    """A value from ``start`` to ``end`` over a part of the training.

    In a recipe a plain number is a constant; else
    ``{ start = 0.0, end = 0.9, ramp = "cubic", begin = 0.1, until = 0.7 }``.

    Attributes:
        start: value before and at ``begin``.
        end: value at ``until`` and after it.
        ramp: how it goes in between: ``linear``; ``cubic`` (fast at first: the remaining
            distance shrinks with its third power, as in gradual pruning by Zhu and Gupta,
            2017); ``cosine`` (slow at both ends); ``exponential`` (by equal factors; both
            values are positive); ``step`` (``start`` until ``until`` is reached); and
            ``constant`` (``end`` always).
        begin: share of the training, from 0 to 1, at which it begins to move.
        until: share at which it has arrived.
    """

    start: float
    end: float
    ramp: Ramp = "linear"
    begin: float = 0.0
    until: float = 1.0

    def __post_init__(self) -> None:
        for name in ("start", "end", "begin", "until"):
            if not math.isfinite(getattr(self, name)):
                raise InputError(f"a schedule's {name!r} is {getattr(self, name)}")
        if self.ramp not in get_args(Ramp):
            raise InputError(
                f"a schedule's ramp is {self.ramp!r}", remedy=f"give {', '.join(get_args(Ramp))}"
            )
        if not 0 <= self.begin < self.until <= 1:
            raise InputError(
                f"a schedule from {self.begin:g} to {self.until:g} of the training",
                remedy="give 0 <= begin < until <= 1",
            )
        if self.ramp == "exponential" and not (self.start > 0 and self.end > 0):
            raise InputError(
                f"an exponential schedule from {self.start:g} to {self.end:g}",
                remedy="give two positive values, or another ramp",
            )

    @classmethod
    def constant(cls, value: float) -> Schedule:
        """The same value all the time."""
        return cls(value, value, "constant")

    def at(self, progress: float) -> float:
        """The value at a share of the training, from 0 to 1."""
        share = min(max((progress - self.begin) / (self.until - self.begin), 0.0), 1.0)
        match self.ramp:
            case "constant":
                return self.end
            case "step":
                return self.end if share >= 1 else self.start
            case "exponential":
                return self.start * (self.end / self.start) ** share
            case "cubic":
                moved = 1 - (1 - share) ** 3
            case "cosine":
                moved = (1 - math.cos(math.pi * share)) / 2
            case "linear":
                moved = share
        # The end exactly, and no rounding beyond it.
        return self.end if share >= 1 else self.start + (self.end - self.start) * moved
