"""A token network as the arrays that the kernel runs on."""

from __future__ import annotations

from collections.abc import Mapping
from math import lcm

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.sim.timing import kernel
from hwcompress.sim.timing.models import Buffer, Model, Narrower, Slice, Sweep
from hwcompress.sim.timing.network import Stage, TokenNetwork

__all__ = ["Machine", "mask", "waits"]

_ALWAYS = np.ones(1, np.int64)


class Machine:
    """A network in operation, from the end of reset on.

    Args:
        network: what is run.
        frames: frames that the inputs offer; None for no end.
        recorded: frames whose first and last beats are recorded.
        offers: per input channel, a pattern of 0 and 1 that is repeated: in a
            cycle with 0 no new beat is offered. One that is offered stays.
        accepts: per output channel: 0 where no beat is accepted.
        watched: channels of which every beat's cycle is recorded.
    """

    def __init__(
        self,
        network: TokenNetwork,
        *,
        frames: int | None = None,
        recorded: int = 0,
        offers: Mapping[str, np.ndarray] | None = None,
        accepts: Mapping[str, np.ndarray] | None = None,
        watched: tuple[str, ...] = (),
    ) -> None:
        self.network = network
        channels = network.channels
        number = {channel: index for index, channel in enumerate(channels)}
        self.number = number
        count = len(channels)
        self._slices = np.zeros((count, kernel.SLICE_WIDTH), np.int64)
        self._slices[:, 2] = 1  # the spare entry is free
        self._slices[:, 6:] = -1
        self._slices[: len(network.inputs), 0] = kernel.SOURCE
        self._tally = np.zeros((count, kernel.TALLY_WIDTH), np.int64)
        self._tally[:, 0] = [network.beats[channel] for channel in channels]
        self._tally[:, 4] = -1
        for line, channel in enumerate(watched):
            self._tally[number[channel], 4] = line
        beats = [network.beats[channel] * (frames or 0) for channel in watched]
        self._trace = np.full((len(watched), max(beats, default=0)), -1, np.int64)
        self._watched = watched
        self._wires = np.array([number[c] for s in network.stages for c in s.sources], np.int64)
        self._sources = np.array([number[c] for c in network.inputs], np.int64)
        self._sinks = np.array([number[c] for c in network.outputs], np.int64)
        self._tally[self._sinks, 5] = 1
        self._tally[self._sinks[:1], 5] = 2
        self._left = np.array(
            [-1 if frames is None else frames * network.beats[c] for c in network.inputs], np.int64
        )
        self._offers = _patterns(network.inputs, offers or {})
        self._accepts = _patterns(network.outputs, accepts or {})
        self.first = np.full((count, recorded), -1, np.int64)
        self.last = np.full((count, recorded), -1, np.int64)
        self._clock = np.zeros(2, np.int64)
        self._awake = np.ones(len(network.stages), np.uint8)
        self._module = np.zeros((len(network.stages), kernel.MODULE_WIDTH), np.int64)
        self._state = np.zeros((len(network.stages), kernel.STATE_WIDTH), np.int64)
        self._fill()
        longest = int(np.max(self._module[:, 1], initial=0))
        self._quiet = longest + 8 + 2 * (self._offers.shape[1] + self._accepts.shape[1])

    def _fill(self) -> None:
        program: list[tuple[int, int, int, int]] = []
        segments: list[np.ndarray] = [np.zeros((0, 3), np.int64)]
        length = wire = 0
        result = len(self.network.inputs)
        for index, (row, stage) in enumerate(zip(self._module, self.network.stages, strict=True)):
            model = stage.model
            row[2:6] = (wire, len(stage.sources), result, len(stage.results))
            self._slices[self._wires[wire : wire + len(stage.sources)], 7] = index
            wire += len(stage.sources)
            self._slices[result : result + len(stage.results), 0] = _slice_kinds(model)
            self._slices[result : result + len(stage.results), 6] = index
            result += len(stage.results)
            if isinstance(model, Narrower):
                row[0], row[6] = kernel.NARROWER, model.ratio
            elif isinstance(model, Sweep):
                row[0] = kernel.SWEEP
                row[6:17] = (
                    length, len(model.starts), model.row, model.frame, model.depth, 1, model.lag,
                    model.words, model.skip, model.columns, model.folds,
                )  # fmt: skip
                length += len(model.starts)
                segments.append(np.stack([model.starts, model.tops, model.tops], axis=1))
            elif isinstance(model, Buffer):
                row[0], row[1] = kernel.BUFFER, model.stages
                segments.append(np.stack(model.segments, axis=1))
                row[6:12] = (
                    length, len(segments[-1]), 0, model.frame, model.depth, model.late_room,
                )  # fmt: skip
                length += len(segments[-1])
            else:
                row[0], row[1] = kernel.PIPELINE, model.stages
                row[6:9] = (len(program), len(model.program), model.eager)
                program += [
                    (s.count, mask(s.takes), mask(s.gives), mask((*s.takes, *s.needs)))
                    for s in model.program
                ]
        self._program = np.array(program, np.int64).reshape(-1, 4)
        self._segments = np.concatenate(segments)

    @property
    def cycle(self) -> int:
        """Cycles that are over."""
        return int(self._clock[0])

    @property
    def frames(self) -> np.ndarray:
        """Frames that every output has ended."""
        return self._tally[self._sinks, 2]

    def run(self, *, frames: int = 0, cycles: int = 1 << 62) -> bool:
        """Until all outputs have ended ``frames`` frames; at 0, until the first ends its next.

        False when ``cycles`` are over first.

        Raises:
            CheckFailed: a deadlock; the message says which stage waits for what.
        """
        if not len(self._sinks):
            raise CheckFailed("a token network without an output")
        status = kernel.run(
            self._module, self._state, self._slices, self._tally, self._wires, self._program,
            self._segments, self._sources, self._sinks, self._left, self._offers, self._accepts,
            self.first, self.last, self._trace, self._awake, self._clock, cycles, frames,
            self._quiet,
        )  # fmt: skip
        if status == kernel.DEADLOCK:
            raise CheckFailed(
                f"deadlock: nothing moves since cycle {self.cycle - self._quiet}",
                why="; ".join(self._waiting()),
                remedy="deepen the buffers on the branches that are full",
            )
        return bool(status != kernel.OUT_OF_CYCLES)

    def snapshot(self) -> bytes:
        """Everything that the future depends on, with endless inputs."""
        state = self._state.copy()
        state[np.isin(self._module[:, 0], (kernel.BUFFER, kernel.SWEEP)), kernel.MOST] = 0
        position = self._tally[self._sinks, 1]
        ahead = self._tally[self._sinks, 2] - self._tally[self._sinks[:1], 2]
        phase = [self.cycle % self._offers.shape[1], self.cycle % self._accepts.shape[1]]
        parts = (state, self._slices[:, :4], position, ahead, np.array(phase))
        return b"".join(part.tobytes() for part in parts)

    def trace(self) -> dict[str, np.ndarray]:
        """Cycles of all beats of the watched channels."""
        total = self._tally[:, 3]
        return {
            channel: self._trace[line, : total[self.number[channel]]].copy()
            for line, channel in enumerate(self._watched)
        }

    def most_held(self) -> dict[str, int]:
        """Most beats that each buffer has held in its memory at the end of a cycle."""
        return {
            stage.name: int(state[kernel.MOST])
            for stage, state in zip(self.network.stages, self._state, strict=True)
            if isinstance(stage.model, Buffer | Sweep)
        }

    def _waiting(self) -> list[str]:
        """What every stage that does not move waits for."""
        full = {c for c in self.network.channels if self._slices[self.number[c], 1]}
        pairs = zip(self.network.stages, self._state, strict=True)
        texts = [waits(stage, full, full, int(state[0])) for stage, state in pairs]
        return [text for text in texts if text]


def waits(stage: Stage, there: set[str], stuck: set[str], held: int) -> str:
    """What a stage waits for; empty if it has nothing in or around it.

    ``there``: channels with a beat; ``stuck``: those without room; ``held``: beats in
    the stage's memory, if it has one.
    """
    memory = held if isinstance(stage.model, Buffer | Sweep) else 0
    empty = [c for c in stage.sources if c not in there]
    blocked = [c for c in stage.results if c in stuck]
    if len(empty) == len(stage.sources) and not blocked and not memory:
        return ""
    parts = [f"a beat from {', '.join(empty)}"] if empty else []
    parts += [f"room in {', '.join(blocked)}"] if blocked else []
    parts += [] if parts else ["room in its memory"]
    holding = f", holding {memory} beats of this frame," if memory else ""
    return f"{stage.name}{holding} waits for {' and '.join(parts)}"


def mask(numbers: tuple[int, ...]) -> int:
    """A bit for each of the numbers."""
    return sum(1 << number for number in set(numbers))


def _slice_kinds(model: Model) -> list[int]:
    if isinstance(model, Narrower):
        return [Slice.SKID]
    if isinstance(model, Sweep):
        return [kernel.SWEPT]
    if isinstance(model, Buffer):
        return [model.output]
    return list(model.slices)


def _patterns(channels: tuple[str, ...], given: Mapping[str, np.ndarray]) -> np.ndarray:
    """Patterns of one common length: the least common multiple of their own."""
    rows = [np.asarray(given.get(channel, _ALWAYS), np.int64) for channel in channels]
    length = lcm(*(len(row) for row in rows))
    tiled = [np.tile(row, length // len(row)) for row in rows]
    return np.stack(tiled) if tiled else np.ones((0, 1), np.int64)
