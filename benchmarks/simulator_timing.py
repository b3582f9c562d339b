"""Times of several ways to do one thing, taken in turns, and what is made of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "CLOCKS",
    "Rate",
    "Settings",
    "best_of",
    "calls_for",
    "in_turns",
    "median_ratio",
    "rate",
    "ratios",
    "repeated",
    "seconds",
]

Call = Callable[[], object]

# Threads of other tools spin after their last work: those of onnxruntime for 45 ms (measured).
_PAUSE = 0.06

CLOCKS: dict[str, Callable[[], float]] = {
    "wall": lambda: time.perf_counter(),
    "process": lambda: time.process_time(),
    "thread": lambda: time.thread_time(),
}
"""Clocks by name: time that passes, and time of the processor for this process or thread.

The latter do not count what a busy machine takes away, and are right for one thread alone.
"""


@dataclass(frozen=True)
class Settings:
    """How long everything is measured.

    Attributes:
        folder: for files of models and compiled code.
        repetitions: turns.
        least: seconds of a turn of each tool.
        quick: fewer batch sizes and smaller sets of samples.
        threads: thread counts.
        clock: of comparisons.
    """

    folder: Path
    repetitions: int
    least: float
    quick: bool
    threads: tuple[int, ...] = (1, 2)
    clock: str = "wall"

    def samples(self, macs: int, size: int) -> int:
        """So many that the simulator has something to do for some tenths of a second.

        Args:
            macs: multiplications and additions of a sample.
            size: elements of a sample; all together take some tens of megabytes at most.
        """
        most, elements = (1e9, 1e6) if self.quick else (1e10, 8e6)
        return int(max(64, min(most / macs, elements / size)))


@dataclass(frozen=True)
class Rate:
    """Samples a second: the median, the lowest and the highest of some repetitions."""

    median: float
    low: float
    high: float


def seconds(call: Call, calls: int = 1, clock: str = "wall") -> float:
    """Seconds of one call, the mean over ``calls`` of them, by a clock of :data:`CLOCKS`."""
    now = CLOCKS[clock]
    start = now()
    for _ in range(calls):
        call()
    return (now() - start) / calls


def calls_for(call: Call, least: float, clock: str = "wall") -> int:
    """How many calls take about ``least`` seconds; calls once to find out (after a first one)."""
    call()
    return max(1, round(least / max(seconds(call, 1, clock), 1e-9)))


def repeated(call: Call, repetitions: int, least: float) -> list[float]:
    """Seconds of a call in this thread alone, the mean over as many as take ``least`` seconds."""
    calls = calls_for(call, least, "thread")
    return [seconds(call, calls, "thread") for _ in range(repetitions)]


def in_turns(
    ways: Mapping[str, Call], repetitions: int, least: float, clock: str = "wall"
) -> dict[str, list[float]]:
    """Seconds of a call of every way, ``repetitions`` times: a, b, a, b, ...

    Whatever slows the machine down for a while meets all ways alike. A time is the mean over as
    many calls as take ``least`` seconds.

    Raises:
        ValueError: no repetition.
    """
    if repetitions < 1:
        raise ValueError(f"{repetitions} repetitions")
    calls = {name: calls_for(way, least, clock) for name, way in ways.items()}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repetitions):
        for name, way in ways.items():
            time.sleep(_PAUSE)
            found[name].append(seconds(way, calls[name], clock))
    return found


def rate(times: Sequence[float], samples: int) -> Rate:
    """Of calls that take ``samples`` samples each."""
    return Rate(samples / statistics.median(times), samples / max(times), samples / min(times))


def ratios(peer: Sequence[float], ours: Sequence[float], peer_samples: int, samples: int) -> Rate:
    """How many times faster ours is: ratio of the medians, lowest and highest ratio of a turn."""
    scale = samples / peer_samples
    turns = [scale * a / b for a, b in zip(peer, ours, strict=True)]
    return Rate(scale * median_ratio(peer, ours), min(turns), max(turns))


def median_ratio(peer: Sequence[float], ours: Sequence[float]) -> float:
    """Median time of the one by that of the other."""
    return statistics.median(peer) / statistics.median(ours)


def best_of(ways: Mapping[int, Call], least: float, clock: str = "wall") -> int:
    """Which of some calls for so many samples takes the least time a sample."""
    times = {
        size: seconds(way, calls_for(way, least, clock), clock) / size for size, way in ways.items()
    }
    return min(times, key=lambda size: times[size])
