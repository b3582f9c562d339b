"""What the token model says of one module with free surroundings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from hwcompress.hls.catalogue.setting import Setting
from hwcompress.hls.rtl.netlist import Literal
from hwcompress.hls.rtl.timing import model_of
from hwcompress.sim.timing import Buffer, Model, Narrower, Pipeline, Stage, TokenNetwork, steady

__all__ = ["Cycles", "beats_taken", "cycles_of", "numbers"]


@dataclass(frozen=True, slots=True)
class Cycles:
    """Of one frame, the least that the module takes as a whole.

    Args:
        taken: beats of every input.
        given: beats of every output.
        latency: cycles from taking the first beat, or from the end of reset where none
            is taken, to the first beat given.
        interval: cycles a frame, back to back.
    """

    taken: tuple[int, ...]
    given: tuple[int, ...]
    latency: int
    interval: Fraction


def numbers(setting: Setting) -> dict[str, int]:
    """The setting's parameters that are numbers."""
    values = {
        key: value.value if isinstance(value, Literal) else value
        for key, value in setting.parameters.items()
    }
    return {key: value for key, value in values.items() if isinstance(value, int)}


def cycles_of(setting: Setting, defaults: dict[str, int]) -> Cycles:
    """Timing of a stream module with a model.

    Args:
        setting: the instance.
        defaults: values of the parameters that it does not give.

    Raises:
        UnsupportedError: the module has no timing model.
    """
    model = model_of(setting.module, {**defaults, **numbers(setting)})
    taken = beats_taken(model)
    results = len(model.slices) if isinstance(model, Pipeline) else 1
    inputs = {f"s{number}": beats for number, beats in enumerate(taken)}
    outputs = tuple(f"m{number}" for number in range(results))
    stage = Stage("module", tuple(inputs), outputs, model)
    network = TokenNetwork((stage,), tuple(inputs), outputs, inputs)
    found = steady(network)
    start = min((int(found.streams[name].first[0]) for name in inputs), default=0)
    first = min(int(found.streams[name].first[0]) for name in outputs)
    given = tuple(network.beats[name] for name in outputs)
    return Cycles(taken, given, first - start, found.interval)


def beats_taken(model: Model) -> tuple[int, ...]:
    """Beats of a frame that a model takes from each input: once round its program."""
    if isinstance(model, Narrower):
        return (1,)
    if isinstance(model, Pipeline):
        counts = Counter(
            take for step in model.program for take in step.takes for _ in range(step.count)
        )
        return tuple(counts[number] for number in range(len(counts)))
    buffer = model if isinstance(model, Buffer) else model.buffer()
    return (buffer.frame,)
