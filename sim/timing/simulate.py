"""A number of frames through a token network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.sim.timing.machine import Machine
from hwcompress.sim.timing.network import TokenNetwork

__all__ = ["Pattern", "StreamTiming", "Timing", "simulate"]

Pattern = Mapping[str, np.ndarray]
"""Per channel, integers 0 and 1 ``(cycles,)`` that are repeated for ever."""


@dataclass(frozen=True, slots=True)
class StreamTiming:
    """Cycles in which each frame's first and last beat passed, int64 ``(frames,)``.

    -1 for a frame whose beat had not passed when the run ended.
    """

    first: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Timing:
    """What a run gave. Cycle 0 is the first one after reset.

    Args:
        cycles: until the last output beat, inclusive.
        streams: every channel.
        beats: of the watched channels, the cycle of every beat.
        most_held: per buffer, the most beats in its memory at the end of a cycle.
    """

    cycles: int
    streams: Mapping[str, StreamTiming]
    beats: Mapping[str, np.ndarray] = field(default_factory=dict)
    most_held: Mapping[str, int] = field(default_factory=dict)


def simulate(
    network: TokenNetwork,
    frames: int,
    *,
    offers: Pattern | None = None,
    accepts: Pattern | None = None,
    watched: tuple[str, ...] = (),
    cycles: int = 1 << 62,
) -> Timing:
    """Run ``frames`` frames, back to back but for the pauses that are asked for.

    Args:
        network: what is run.
        frames: at least 1.
        offers: in a cycle with 0 an input offers no new beat.
        accepts: in a cycle with 0 an output accepts none.
        watched: channels of which the cycle of every beat is wanted.
        cycles: limit.

    Raises:
        CheckFailed: a deadlock, or more than ``cycles``.
    """
    machine = Machine(
        network, frames=frames, recorded=frames, offers=offers, accepts=accepts, watched=watched
    )
    if not machine.run(frames=frames, cycles=cycles):
        raise CheckFailed(f"{frames} frames are not through after {cycles} cycles")
    return Timing(
        machine.cycle,
        {
            channel: StreamTiming(machine.first[index], machine.last[index])
            for channel, index in machine.number.items()
        },
        machine.trace(),
        machine.most_held(),
    )
