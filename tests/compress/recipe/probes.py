"""Steps for tests only: they keep a record of how they are called."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from hwcompress.compress.recipe import Schedule, State, Step, step

__all__ = ["Again", "Draw", "Pull", "Watch"]


_LITTLE, _FAR = Schedule.constant(0.1), Schedule.constant(1e9)


@step("test-watch", layer_options=("level",))
@dataclass(frozen=True, kw_only=True)
class Watch(Step):
    """Write down every call in the step's memory."""

    level: int = 0

    def prepare(self, state: State) -> None:
        state.memory(self)["prepared"] = state.training_follows

    def after_step(self, state: State, progress: float) -> None:
        memory = state.memory(self)
        memory["calls"] = int(memory.get("calls", 0)) + 1
        memory["progress"] = f"{memory.get('progress', '')} {progress:.4f}"
        assert state.batch is not None
        memory["seen"] = int(memory.get("seen", 0)) + len(state.batch.labels)

    def finish(self, state: State) -> None:
        state.memory(self)["finished"] = len(state.notes)


@step("test-pull")
@dataclass(frozen=True, kw_only=True)
class Pull(Step):
    """Pull the weights of the head towards zero, by a penalty and a clip."""

    strength: Schedule = _LITTLE
    reach: Schedule = _FAR

    def penalty(self, state: State) -> torch.Tensor | None:
        return self.strength.at(0.0) * state.layer("head").weight.square().sum()

    def after_step(self, state: State, progress: float) -> None:
        reach = self.reach.at(progress)
        with torch.no_grad():
            state.layer("head").weight.clamp_(-reach, reach)


@step("test-draw")
@dataclass(frozen=True, kw_only=True)
class Draw(Step):
    """Add noise to every layer's weights: random numbers that a resumed run must draw again."""

    size: float = 0.01

    def prepare(self, state: State) -> None:
        generator = state.generator(self)
        for name in state.layer_names:
            weight = state.layer(name).weight
            with torch.no_grad():
                weight += self.size * torch.randn(weight.shape, generator=generator)


@step("test-again")
@dataclass(frozen=True, kw_only=True)
class Again(Step):
    """Draw every weight anew."""

    def prepare(self, state: State) -> None:
        for part in state.module.modules():
            reset = getattr(part, "reset_parameters", None)
            if reset is not None:
                reset()
