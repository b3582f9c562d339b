"""What a run of the simulator finds out: plain values, printed or written as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["SCHEMA", "EffectFacts", "LayerSums", "RangeFacts", "RunFacts", "Score"]

SCHEMA = "hwcompress-simulate-1"
"""Changes whenever a key is removed or means something else (docs/simulating.md)."""


@dataclass(frozen=True)
class Score:
    """Right decisions.

    Attributes:
        correct, samples: right ones, and all.
        confusion: ``confusion[true][given]``; ``None`` with more than 32 classes.
        share: right ones of all, 0 to 1.
    """

    correct: int
    samples: int
    confusion: tuple[tuple[int, ...], ...] | None
    share: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", self.correct / self.samples)


@dataclass(frozen=True)
class RangeFacts:
    """Values of one tensor.

    Attributes:
        tensor: its name.
        operation: what makes it.
        type, bits: its type in the graph.
        reachable: lowest and highest integer that any input can cause (interval arithmetic).
        observed: lowest and highest in this run.
        unused_bits: bits of the type that the run did not need.
        channels: number of channels.
        dead: channels that no input can change.
        constant: channels that had one value throughout, the dead ones included.
        channel_reachable, channel_observed: the same two intervals of every channel.
    """

    tensor: str
    operation: str
    type: str
    bits: int
    reachable: tuple[int, int]
    observed: tuple[int, int]
    unused_bits: int
    channels: int
    dead: tuple[int, ...]
    constant: tuple[int, ...]
    channel_reachable: tuple[tuple[int, int], ...]
    channel_observed: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class LayerSums:
    """Registers of a layer that adds up (docs/effects.md).

    Attributes:
        layer, bits, overflow: its name, the width of the register, what an overflow does.
        sums: sums that were formed.
        overflowed: those in which an addition left the register's range.
        changed: those whose result is not the exact sum.
        samples, samples_overflowed, samples_changed: samples seen, and with at least one such
            sum.
    """

    layer: str
    bits: int
    overflow: str
    sums: int
    overflowed: int
    changed: int
    samples: int
    samples_overflowed: int
    samples_changed: int


@dataclass(frozen=True)
class EffectFacts:
    """The same samples with effects of hardware.

    Attributes:
        accumulator_bits, overflow, faults, fault_list, seed: as given.
        flipped_bits: bits of weights and thresholds that are the other one.
        score: of the decisions with the effects, or ``None`` without labels.
        values, changed_values: integers of the outputs, and those that differ from the exact
            ones.
        changed_samples: samples with such an integer.
        changed_decisions: samples with another class; ``None`` if there are no classes.
        layers: registers of every layer that adds up.
    """

    accumulator_bits: str
    overflow: str
    faults: str
    fault_list: str
    seed: int
    flipped_bits: int
    score: Score | None
    values: int
    changed_values: int
    changed_samples: int
    changed_decisions: int | None
    layers: tuple[LayerSums, ...]


@dataclass(frozen=True)
class RunFacts:
    """A run.

    Attributes:
        model, kind: as the user names the model, and what it is.
        data: name of the data.
        samples: how many went through.
        seconds: from the first sample read to the last result written.
        simulator_seconds: of these, inside the simulator.
        samples_per_second, simulator_samples_per_second: samples by either.
        threads: worker threads.
        block: samples that the simulator takes through the network at once.
        chunk: samples that were held at once.
        memory: bytes that were allowed, or ``None``.
        score: of the decisions, or ``None`` without labels.
        ranges: of every tensor, in the order of the graph; empty if not asked for.
        effects: with effects of hardware; ``None`` if not asked for.
        written: files.
        notes: on the data and the model.
    """

    model: str
    kind: str
    data: str
    samples: int
    seconds: float
    simulator_seconds: float
    samples_per_second: float
    simulator_samples_per_second: float
    threads: int
    block: int
    chunk: int
    memory: int | None
    score: Score | None
    ranges: tuple[RangeFacts, ...]
    effects: EffectFacts | None
    written: tuple[str, ...]
    notes: tuple[str, ...]
    schema: str = SCHEMA
