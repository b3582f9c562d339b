"""Stages and the channels between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from hwcompress.errors import InputError
from hwcompress.sim.timing.models import Buffer, Model, Narrower, Pipeline, Sweep

__all__ = ["Stage", "TokenNetwork"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A module: its model between channels, which are known by name."""

    name: str
    sources: tuple[str, ...]
    results: tuple[str, ...]
    model: Model


@dataclass(frozen=True)
class TokenNetwork:
    """Stages between input and output channels.

    Args:
        stages: in any order.
        inputs: channels that the surroundings fill.
        outputs: channels that the surroundings empty.
        beats: beats of a frame, of every input channel; those of the other
            channels follow.

    Raises:
        InputError: a channel has not exactly one writer and one reader, a
            model does not fit its number of channels, or the beats of the
            channels contradict each other.
    """

    stages: tuple[Stage, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    beats: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        writers = Counter([*self.inputs, *(c for stage in self.stages for c in stage.results)])
        readers = Counter([*self.outputs, *(c for stage in self.stages for c in stage.sources)])
        for channel in sorted({*writers, *readers}):
            if writers[channel] != 1 or readers[channel] != 1:
                raise InputError(
                    f"channel {channel!r} has {writers[channel]} writers and"
                    f" {readers[channel]} readers",
                    why="expected one of each",
                )
        if len({stage.name for stage in self.stages}) != len(self.stages):
            raise InputError("two stages have the same name")
        for stage in self.stages:
            _check_ports(stage)
        object.__setattr__(self, "beats", self._balance())

    @property
    def channels(self) -> tuple[str, ...]:
        """All channels: inputs, then the results of the stages in order."""
        return (*self.inputs, *(c for stage in self.stages for c in stage.results))

    def stage(self, name: str) -> Stage:
        """The stage of a name."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise InputError(f"there is no stage {name!r}")

    def with_models(self, models: Mapping[str, Model | None]) -> TokenNetwork:
        """The same with other models of some stages; None makes one a mere connection."""
        unknown = set(models) - {stage.name for stage in self.stages}
        if unknown:
            raise InputError(f"there is no stage {min(unknown)!r}")
        alias: dict[str, str] = {}
        for stage in self.stages:
            if stage.name in models and models[stage.name] is None:
                (alias[stage.results[0]],) = stage.sources
        stages = []
        for stage in self.stages:
            model = models.get(stage.name, stage.model)
            if model is not None:
                sources = tuple(_origin(c, alias) for c in stage.sources)
                stages.append(replace(stage, sources=sources, model=model))
        outputs = tuple(_origin(c, alias) for c in self.outputs)
        beats = {c: self.beats[c] for c in self.inputs}
        return TokenNetwork(tuple(stages), self.inputs, outputs, beats)

    def part(self, names: set[str]) -> TokenNetwork:
        """Some of the stages with free surroundings."""
        stages = tuple(stage for stage in self.stages if stage.name in names)
        made = {c for stage in stages for c in stage.results}
        read = {c for stage in stages for c in stage.sources}
        inputs = tuple(c for c in self.channels if c in read - made)
        outputs = tuple(c for c in self.channels if c in made - read)
        return TokenNetwork(stages, inputs, outputs, {c: self.beats[c] for c in inputs})

    def parts(self) -> tuple[TokenNetwork, ...]:
        """The networks that share no channel, one or more, in the order of the inputs."""
        group = {channel: channel for channel in self.channels}
        for stage in self.stages:
            first, *others = (_origin_of(c, group) for c in (*stage.sources, *stage.results))
            group.update(dict.fromkeys(others, first))
        roots = {channel: _origin_of(channel, group) for channel in self.channels}
        if len(set(roots.values())) == 1:
            return (self,)
        return tuple(
            TokenNetwork(
                tuple(stage for stage in self.stages if roots[stage.results[0]] == root),
                tuple(c for c in self.inputs if roots[c] == root),
                tuple(c for c in self.outputs if roots[c] == root),
                {c: self.beats[c] for c in self.inputs if roots[c] == root},
            )
            for root in dict.fromkeys(roots.values())
        )

    def _balance(self) -> dict[str, int]:
        """Beats of a frame on every channel, from the inputs on."""
        beats: dict[str, int] = {}
        for channel in self.inputs:
            if self.beats.get(channel, 0) < 1:
                raise InputError(f"input {channel!r} has no number of beats")
            beats[channel] = self.beats[channel]
        waiting = list(self.stages)
        while waiting:
            ready = [stage for stage in waiting if all(c in beats for c in stage.sources)]
            if not ready:
                raise InputError(f"stages go round in a circle: {waiting[0].name!r}")
            for stage in ready:
                taken = [beats[c] for c in stage.sources]
                for channel, count in zip(stage.results, _rates(stage, taken), strict=True):
                    beats[channel] = count
            waiting = [stage for stage in waiting if stage not in ready]
        for channel, count in self.beats.items():
            if beats.get(channel, count) != count:
                raise InputError(
                    f"channel {channel!r} has {count} beats a frame",
                    why=f"its writer gives {beats[channel]}",
                )
        return beats


def _origin(channel: str, alias: Mapping[str, str]) -> str:
    while channel in alias:
        channel = alias[channel]
    return channel


def _origin_of(channel: str, group: Mapping[str, str]) -> str:
    while group[channel] != channel:
        channel = group[channel]
    return channel


def _check_ports(stage: Stage) -> None:
    """The model has as many inputs and results as the stage has channels."""
    model = stage.model
    inputs, results = 1, 1
    if isinstance(model, Pipeline):
        inputs = 1 + max((take for step in model.program for take in step.takes), default=-1)
        results = len(model.slices)
    if (inputs, results) != (len(stage.sources), len(stage.results)):
        raise InputError(
            f"stage {stage.name!r} has {len(stage.sources)} inputs and"
            f" {len(stage.results)} results",
            why=f"its model has {inputs} and {results}",
        )


def _rates(stage: Stage, taken: list[int]) -> list[int]:
    """Beats of a frame on the results, for those on the sources."""
    model = stage.model
    if isinstance(model, Narrower):
        return [taken[0] * model.ratio]
    if isinstance(model, Sweep):
        model = model.buffer()
    if isinstance(model, Buffer):
        counts = [Fraction(taken[0], model.frame) * int(model.repeats.sum())]
    else:
        takes = Counter(t for step in model.program for t in step.takes for _ in range(step.count))
        gives = Counter(g for step in model.program for g in step.gives for _ in range(step.count))
        # The program of a stage without sources is a frame.
        rounds = {Fraction(count, takes[i]) for i, count in enumerate(taken)} or {Fraction(1)}
        if len(rounds) != 1:
            raise InputError(
                f"stage {stage.name!r} takes its inputs in a fixed proportion",
                why=f"they bring {taken} beats a frame",
            )
        (ratio,) = rounds
        counts = [ratio * gives[i] for i in range(len(stage.results))]
    if any(count.denominator != 1 or count < 1 for count in counts):
        raise InputError(
            f"stage {stage.name!r} gives {', '.join(map(str, counts))} beats a frame",
            why=f"it takes {taken}",
        )
    return [int(count) for count in counts]
