"""A run with effects of hardware beside the exact one: what changes, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.running.facts import EffectFacts, LayerSums
from hwcompress.running.watchers import Made, Rows, ScoreKeeper, Watcher, real_output
from hwcompress.sim.decisions import decide, decides
from hwcompress.sim.effects import Accumulators, EffectSimulator, Faults, load_flips
from hwcompress.sim.effects.accumulators import Overflow

__all__ = ["EffectOptions", "EffectWatcher", "effect_simulator"]

_RATES = ("weights", "thresholds", "activations")
_SHARE = 8  # of the memory, that all blocks of the simulator with effects may take


@dataclass(frozen=True)
class EffectOptions:
    """What the user typed.

    Attributes:
        accumulators: ``16``, or ``layer=12,other=10``; empty for exact sums.
        overflow: ``wrap`` or ``saturate``; empty for ``wrap``.
        faults: ``weights=1e-4,activations=0``; empty for none.
        fault_list: file of flips, or ``None``.
        seed: of the faults.
    """

    accumulators: str = ""
    overflow: str = ""
    faults: str = ""
    fault_list: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.overflow and not self.accumulators:
            raise InputError(
                "--overflow without --accumulator-bits",
                why="registers as wide as their sums never overflow",
                remedy="give --accumulator-bits N, too",
            )
        self.made()  # raises

    def __bool__(self) -> bool:
        return bool(self.accumulators or self.faults or self.fault_list)

    def made(self) -> tuple[Accumulators, Faults]:
        """The same for the simulator.

        Raises:
            InputError: an option is not of its form.
        """
        if self.overflow not in ("", "wrap", "saturate"):
            raise InputError(f"--overflow is {self.overflow!r}", remedy="give wrap or saturate")
        overflow: Overflow = "saturate" if self.overflow == "saturate" else "wrap"
        flips = () if self.fault_list is None else load_flips(self.fault_list)
        rates = _rates(self.faults)
        faults = Faults(
            rates.get("weights", 0.0),
            rates.get("thresholds", 0.0),
            rates.get("activations", 0.0),
            flips,
            self.seed,
        )
        return Accumulators(_bits(self.accumulators), overflow), faults


def _bits(text: str) -> int | dict[str, int] | None:
    """One width for all, or widths by layer."""
    if not text:
        return None
    if re.fullmatch(r"\d{1,9}", text.strip()):
        return int(text)
    found = {}
    for part in text.split(","):
        name, _, number = part.rpartition("=")
        if not name.strip() or not re.fullmatch(r"\s*\d{1,9}\s*", number):
            raise InputError(
                f"--accumulator-bits has {part!r}",
                remedy="give a number of bits, or LAYER=BITS separated by commas",
            )
        found[name.strip()] = int(number)
    return found


def _rates(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in filter(str.strip, text.split(",")):
        name, _, number = (item.strip() for item in part.partition("="))
        try:
            rate = float(number)
        except ValueError:
            rate = -1.0
        if name not in _RATES or name in found or not 0 <= rate <= 1:
            raise InputError(
                f"--faults has {part!r}",
                remedy=f"give {', '.join(_RATES)} with a probability for each bit, such as"
                " weights=1e-4,activations=0",
            )
        found[name] = rate
    return found


def effect_simulator(
    graph: Graph,
    options: EffectOptions,
    *,
    threads: int,
    batch: int | None,
    memory: int | None,
) -> EffectSimulator:
    """The simulator that the options describe, with blocks that fit the memory.

    Raises:
        InputError: a layer or tensor that there is not.
        GraphError: with these faults integers might reach 2**62.
    """
    accumulators, faults = options.made()

    def make(size: int | None) -> EffectSimulator:
        return EffectSimulator(
            graph, accumulators=accumulators, faults=faults, threads=threads, batch=size
        )

    made = make(batch)
    if memory is not None:
        most = max(1, memory // _SHARE // (threads * _block_bytes(graph)))
        if most < made.batch:
            return make(most)
    return made


def _block_bytes(graph: Graph) -> int:
    """At most what a sample of a block takes: every tensor, twice, in the widest integers."""
    return 16 * sum(tensor.type.size for tensor in graph.tensors.values())


class EffectWatcher(Watcher):
    """Runs every chunk with effects, too, and compares.

    Args:
        simulator: with effects.
        tracer: another one, alike: what is traced again is not counted again.
        options: for the report.
        inner: watchers that look at what comes out with the effects.
        score: keeps the score of that, or ``None`` without labels; one of ``inner``.
    """

    def __init__(
        self,
        simulator: EffectSimulator,
        tracer: EffectSimulator,
        options: EffectOptions,
        inner: Sequence[Watcher],
        score: ScoreKeeper | None,
    ) -> None:
        self._simulator = simulator
        self._tracer = tracer
        self._graph = simulator.graph
        self._options = options
        self._inner = inner
        self._score = score
        self._outputs = tuple(dict.fromkeys(op.inputs[0] for op in self._graph.outputs))
        self._decides = decides(self._graph)
        self._samples = self._changed_samples = self._changed_classes = 0
        self._values = self._changed_values = 0

    @property
    def bytes_per_sample(self) -> int:
        tensors = self._graph.tensors
        feeds = sum(tensors[op.outputs[0]].type.size for op in self._graph.inputs)
        outputs = sum(48 * tensors[name].type.size for name in self._outputs)
        return 8 * feeds + outputs + sum(item.bytes_per_sample for item in self._inner)

    @property
    def fixed_bytes(self) -> int:
        return self._simulator.threads * self._simulator.batch * _block_bytes(self._graph)

    def add(self, made: Made) -> None:
        values = self._simulator.outputs(made.feeds, made.start)
        changed = np.zeros(made.count, bool)
        for name in self._outputs:
            differ = (values[name] != made.values[name]).reshape(made.count, -1)
            self._values += differ.size
            self._changed_values += int(differ.sum())
            changed |= differ.any(axis=1)
        self._samples += made.count
        self._changed_samples += int(changed.sum())
        if self._decides:
            ours, theirs = (
                decide(self._graph, real_output(self._graph, 0, item))
                for item in (made.values, values)
            )
            self._changed_classes += int((ours != theirs).sum())

        def trace(rows: Rows, tensors: Sequence[str]) -> Mapping[str, np.ndarray]:
            # Activations' faults go by the sample's number: only runs of samples can be traced.
            numbers = np.arange(made.count)[rows]
            runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
            parts = [
                self._tracer.trace(
                    {name: item[run] for name, item in made.feeds.items()},
                    tensors,
                    made.start + (int(run[0]) if run.size else 0),
                )
                for run in runs
            ]
            return {name: np.concatenate([part[name] for part in parts]) for name in tensors}

        with_effects = Made(made.start, made.feeds, values, made.labels, trace)
        for watcher in self._inner:
            watcher.add(with_effects)

    def facts(self) -> EffectFacts:
        """What was found."""
        return EffectFacts(
            self._options.accumulators,
            self._simulator.accumulators.overflow,
            self._options.faults,
            "" if self._options.fault_list is None else str(self._options.fault_list),
            self._options.seed,
            len(self._simulator.flips()),
            None if self._score is None else self._score.score(),
            self._values,
            self._changed_values,
            self._changed_samples,
            self._changed_classes if self._decides else None,
            tuple(
                LayerSums(
                    item.layer,
                    item.bits,
                    item.overflow,
                    item.sums,
                    item.overflowed,
                    item.changed,
                    item.samples,
                    item.samples_overflowed,
                    item.samples_changed,
                )
                for item in self._simulator.counters.values()
            ),
        )
