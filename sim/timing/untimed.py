"""Freedom from deadlock under any stalls: an execution without time, with guaranteed room only.

docs/timing.md has the argument why one execution is enough.
"""

from __future__ import annotations

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.sim.jit import kernel
from hwcompress.sim.timing.machine import mask, waits
from hwcompress.sim.timing.models import Buffer, Model, Narrower, Pipeline, Slice, Step, Sweep
from hwcompress.sim.timing.network import TokenNetwork

__all__ = ["deadlock_free"]

_PIPELINE, _BUFFER = 0, 1
_KIND, _IN, _INS, _OUT, _OUTS, _A, _B, _C, _D, _E = range(10)
_ENDED, _STUCK = 0, 1


@kernel
def _passes(
    module: np.ndarray,
    state: np.ndarray,
    held: np.ndarray,
    room: np.ndarray,
    wires: np.ndarray,
    program: np.ndarray,
    segments: np.ndarray,
    ports: np.ndarray,
    beats: np.ndarray,
    done: np.ndarray,
) -> int:
    """Visit all stages, again and again, until output 0 has ended a frame or nothing moves."""
    inputs, outputs = ports[0], ports[1]
    goal = done[0] // beats[0] * beats[0] + beats[0]
    while True:
        moved = False
        for c in range(inputs):
            if held[c] < room[c]:
                held[c] += 1
                moved = True
        for m in range(module.shape[0]):
            out, outs, base, ins = (
                module[m, _OUT], module[m, _OUTS], module[m, _IN], module[m, _INS],
            )  # fmt: skip
            if module[m, _KIND] == _PIPELINE:
                step = module[m, _A] + state[m, 0]
                takes, gives, needs = program[step, 1], program[step, 2], program[step, 3]
                asked = gives if module[m, _C] != 0 else (np.int64(1) << outs) - 1
                fire = True
                for i in range(ins):
                    if (needs >> i) & 1 and held[wires[base + i]] == 0:
                        fire = False
                for i in range(outs):
                    if (asked >> i) & 1 and held[out + i] >= room[out + i]:
                        fire = False
                if fire:
                    moved = True
                    for i in range(ins):
                        held[wires[base + i]] -= (takes >> i) & 1
                    for i in range(outs):
                        held[out + i] += (gives >> i) & 1
                    state[m, 1] += 1
                    if state[m, 1] == program[step, 0]:
                        state[m, 1] = 0
                        state[m, 0] += 1
                        if state[m, 0] == module[m, _B]:
                            state[m, 0] = 0
            else:
                place = module[m, _A] + state[m, 1]
                c = wires[base]
                if held[c] > 0 and state[m, 0] - segments[place, 1] < module[m, _E]:
                    moved = True
                    held[c] -= 1
                    state[m, 0] += 1
                if held[out] < room[out] and state[m, 0] >= segments[place, 0]:
                    moved = True
                    held[out] += 1
                    state[m, 2] += 1
                    if state[m, 2] == segments[place, 2]:
                        state[m, 2] = 0
                        state[m, 1] += 1
                        if state[m, 1] == module[m, _B]:
                            state[m, 1] = 0
                            state[m, 0] -= module[m, _D]
        for i in range(outputs):
            c = ports[2 + i]
            done[i] += held[c]
            held[c] = 0
        if done[0] >= goal:
            return _ENDED
        if not moved:
            return _STUCK


def deadlock_free(network: TokenNetwork, *, frames: int = 4096) -> None:
    """Show that a network never stands still, however its surroundings and its stages stall.

    Args:
        network: what is looked at.
        frames: limit of the search for a state that recurs.

    Raises:
        CheckFailed: it can stand still; the message names the stages that
            wait and for what. Or no state has recurred.
    """
    parts = network.parts()
    if len(parts) > 1:
        for part in parts:
            deadlock_free(part, frames=frames)
        return
    machine = _Untimed(network)
    seen: dict[bytes, np.ndarray] = {}
    for _ in range(frames):
        if not machine.run():
            raise CheckFailed(
                "deadlock: under some stalls nothing moves any more",
                why="; ".join(machine.waiting()),
                remedy="deepen the buffers on the branches that are full",
            )
        before = seen.setdefault(machine.snapshot(), machine.done.copy())
        if np.any(before != machine.done):
            idle = [
                name
                for name, count in zip(network.outputs, machine.done - before, strict=True)
                if not count
            ]
            if idle:
                raise CheckFailed(f"deadlock: nothing leaves at {', '.join(idle)} any more")
            return
    raise CheckFailed(f"no state has recurred within {frames} frames", remedy="allow more of them")


class _Untimed:
    """A network without time, as the arrays that the kernel runs on."""

    def __init__(self, network: TokenNetwork) -> None:
        self.network = network
        channels = network.channels
        number = {channel: index for index, channel in enumerate(channels)}
        self._held = np.zeros(len(channels), np.int64)
        self._room = np.ones(len(channels), np.int64)
        self._wires = np.array([number[c] for s in network.stages for c in s.sources], np.int64)
        sinks = [number[c] for c in network.outputs]
        self._ports = np.array([len(network.inputs), len(sinks), *sinks], np.int64)
        self._beats = np.array([network.beats[c] for c in network.outputs], np.int64)
        self.done = np.zeros(len(sinks), np.int64)
        self._module = np.zeros((len(network.stages), 10), np.int64)
        self._state = np.zeros((len(network.stages), 3), np.int64)
        program: list[tuple[int, int, int, int]] = []
        parts: list[np.ndarray] = [np.zeros((0, 3), np.int64)]
        wire, result, length = 0, len(network.inputs), 0
        for row, stage in zip(self._module, network.stages, strict=True):
            model = _plain(stage.model)
            row[1:5] = (wire, len(stage.sources), result, len(stage.results))
            self._room[result : result + len(stage.results)] = _room(stage.model)
            wire += len(stage.sources)
            result += len(stage.results)
            if isinstance(model, Pipeline):
                row[0] = _PIPELINE
                row[5:8] = (len(program), len(model.program), model.eager)
                program += [
                    (s.count, mask(s.takes), mask(s.gives), mask((*s.takes, *s.needs)))
                    for s in model.program
                ]
            else:
                segments = np.stack(model.segments, axis=1)
                row[0] = _BUFFER
                row[5:] = (length, len(segments), 0, model.frame, model.depth)
                length += len(segments)
                parts.append(segments)
        self._program = np.array(program, np.int64).reshape(-1, 4)
        self._segments = np.concatenate(parts)

    def run(self) -> bool:
        """To the next end of a frame at output 0; False if it does not come."""
        status = _passes(
            self._module, self._state, self._held, self._room, self._wires, self._program,
            self._segments, self._ports, self._beats, self.done,
        )  # fmt: skip
        return bool(status == _ENDED)

    def snapshot(self) -> bytes:
        """Everything that the future depends on."""
        position = self.done % self._beats
        return self._state.tobytes() + self._held.tobytes() + position.tobytes()

    def waiting(self) -> list[str]:
        """What every stage waits for."""
        channels = self.network.channels
        there = {c for c, held in zip(channels, self._held, strict=True) if held}
        full = {c for c, n in zip(channels, self._held >= self._room, strict=True) if n}
        pairs = zip(self.network.stages, self._state, strict=True)
        texts = [waits(stage, there, full, int(state[0])) for stage, state in pairs]
        return [text for text in texts if text]


def _plain(model: Model) -> Pipeline | Buffer:
    """The same order of taking and giving, with no less room in reality than here."""
    if isinstance(model, Narrower):
        return Pipeline(0, (Step(1), Step(model.ratio - 1, takes=())))
    return model.buffer() if isinstance(model, Sweep) else model


def _room(model: Model) -> list[int]:
    """Beats that each result holds for certain before its stage stops."""
    if isinstance(model, Narrower):
        return [2]
    if isinstance(model, Sweep):
        return [1]
    slices = (model.output,) if isinstance(model, Buffer) else model.slices
    # A half slice stops what is in front of it by its second beat, if there is a
    # register where that can wait.
    roomy = 2 if model.stages else 1
    return [{Slice.SKID: 2, Slice.HALF: roomy, Slice.PLAIN: 1}[kind] for kind in slices]
