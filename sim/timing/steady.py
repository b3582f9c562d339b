"""The steady state: the network is run until it repeats itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from hwcompress.errors import CheckFailed
from hwcompress.sim.timing.machine import Machine
from hwcompress.sim.timing.network import TokenNetwork
from hwcompress.sim.timing.simulate import Pattern, StreamTiming

__all__ = ["Steady", "steady"]

_RECORDED = 64  # frames whose first and last beats are kept


@dataclass(frozen=True)
class Steady:
    """What endless frames settle to.

    At the end of frame ``settled`` of the first output, all registers are as
    they are ``frames`` frames and ``cycles`` cycles later; so from there on
    the network repeats itself for ever. Of several parts that share no channel
    this holds for the slowest one, and its first output.

    Args:
        interval: cycles a frame in the long run, exactly.
        frames: of a period.
        cycles: of a period.
        settled: number of the frame at whose end the period begins.
        streams: first and last beats of the first frames (at most 64).
        most_held: per buffer, the most beats ever in its memory at the end of a cycle.
    """

    interval: Fraction
    frames: int
    cycles: int
    settled: int
    streams: Mapping[str, StreamTiming]
    most_held: Mapping[str, int]


def steady(
    network: TokenNetwork,
    *,
    offers: Pattern | None = None,
    accepts: Pattern | None = None,
    frames: int = 4096,
    cycles: int = 1 << 62,
) -> Steady:
    """Run with endless frames until the registers at a frame's end recur.

    Inputs are never empty and outputs never full but for the given patterns.

    Args:
        network: what is run.
        offers: see :func:`simulate`.
        accepts: see :func:`simulate`.
        frames: limit.
        cycles: limit.

    Raises:
        CheckFailed: a deadlock, or nothing has recurred within the limits.
    """
    parts = network.parts()
    if len(parts) > 1:  # parts of different rates never recur together
        return _together(
            [
                steady(
                    part,
                    offers={c: p for c, p in (offers or {}).items() if c in part.inputs},
                    accepts={c: p for c, p in (accepts or {}).items() if c in part.outputs},
                    frames=frames,
                    cycles=cycles,
                )
                for part in parts
            ]
        )
    machine = Machine(network, recorded=_RECORDED, offers=offers, accepts=accepts)
    seen: dict[bytes, tuple[int, int]] = {}
    for frame in range(frames):
        if not machine.run(cycles=cycles):
            break
        before = seen.setdefault(machine.snapshot(), (frame, machine.cycle))
        if before[0] != frame:
            period, length = frame - before[0], machine.cycle - before[1]
            return Steady(
                Fraction(length, period),
                period,
                length,
                before[0],
                {
                    channel: StreamTiming(machine.first[index], machine.last[index])
                    for channel, index in machine.number.items()
                },
                machine.most_held(),
            )
    raise CheckFailed(
        f"no steady state after {machine.cycle} cycles and {len(seen)} frames",
        remedy="allow more of them",
    )


def _together(parts: Sequence[Steady]) -> Steady:
    """The slowest part's period, with the streams and buffers of all."""
    slowest = max(parts, key=lambda part: part.interval)
    return replace(
        slowest,
        streams={name: stream for part in parts for name, stream in part.streams.items()},
        most_held={name: most for part in parts for name, most in part.most_held.items()},
    )
