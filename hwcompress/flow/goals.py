"""What a user may ask of a design's parallelism: how fast, how soon, how large."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hwcompress.errors import InputError

__all__ = ["FIT_SHARE", "Latency", "check_share", "parse_latency"]

FIT_SHARE = 0.8
"""Share of a board that ``--fit`` fills unless the user names one: what is placed and routed
next needs room."""

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_LATENCY = re.compile(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([a-zµ]+)\s*")


@dataclass(frozen=True, slots=True)
class Latency:
    """From the first input beat to the last output beat: a time, or a number of cycles.

    Args:
        seconds: the time, or None.
        cycles: clock cycles, or None.
    """

    seconds: float | None = None
    cycles: int | None = None

    def at(self, clock_mhz: float) -> int:
        """Whole cycles of a clock that do not exceed it."""
        if self.cycles is not None:
            return self.cycles
        assert self.seconds is not None
        # A time that is a whole number of cycles must not lose one to rounding.
        return int(self.seconds * clock_mhz * 1e6 * (1 + 1e-12))


def parse_latency(text: str) -> Latency:
    """A latency as the user types it: ``500ns``, ``10us``, ``1.5ms``, ``1200cycles``.

    Raises:
        InputError: it is of another form, or not positive.
    """
    found = _LATENCY.fullmatch(text.lower())
    try:
        if found is None:
            raise ValueError(text)
        value, unit = float(found[1]), found[2]
        if unit in ("cycle", "cycles") and value == int(value) and value > 0:
            return Latency(cycles=int(value))
        if 0 < value < float("inf"):
            return Latency(seconds=value * _SECONDS[unit])
    except (ValueError, KeyError, OverflowError):
        pass
    raise InputError(
        f"--target-latency is {text!r}",
        remedy="give a time with its unit (500ns, 10us, 1.5ms), or 1200cycles",
    )


def check_share(share: float | None, *, used: bool) -> None:
    """Raise unless a share of the board is one, and something asks for it."""
    if share is None:
        return
    if not 0 < share <= 1:
        raise InputError(f"--share is {share:g}", remedy="give a number above 0, at most 1")
    if not used:
        raise InputError(
            "--share without a design to be searched for",
            remedy="give --fit, --max-lut, --target-fps, --target-cycles or --target-latency, too",
        )
