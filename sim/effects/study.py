"""What effects cost: accuracy, and how many results change."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.sim.decisions import decide as decide_class
from hwcompress.sim.effects.accumulators import Accumulators, SumCounter
from hwcompress.sim.effects.faults import Faults
from hwcompress.sim.effects.simulator import EffectSimulator
from hwcompress.sim.simulator import Simulator

__all__ = [
    "EffectCost",
    "FaultPart",
    "ReliabilityRow",
    "effect_cost",
    "first_output_classes",
    "reliability_study",
    "write_rows",
]

FaultPart = Literal["weights", "thresholds", "activations", "all"]
_PARTS: tuple[FaultPart, ...] = ("weights", "thresholds", "activations", "all")

Decide = Callable[[Graph, Mapping[str, np.ndarray]], np.ndarray]
"""Class numbers ``(n,)`` from output integers by tensor name."""

_BLOCK = 4096


@dataclass(frozen=True)
class EffectCost:
    """What effects change on a data set.

    Attributes:
        samples: number of samples.
        accuracy_exact: share of right classes of the graph itself, or ``None`` without labels.
        accuracy: the same with the effects.
        changed_outputs: share of output integers that differ.
        changed_classes: share of samples whose class differs.
        counters: of every layer that adds up.
    """

    samples: int
    accuracy_exact: float | None
    accuracy: float | None
    changed_outputs: float
    changed_classes: float
    counters: Mapping[str, SumCounter]


@dataclass(frozen=True)
class ReliabilityRow:
    """One fault rate of one part, over several seeds.

    Attributes:
        part: where bits flip: ``weights``, ``thresholds``, ``activations``, or ``all`` of them.
        rate: probability for each bit.
        seeds: number of runs, each with a seed of its own.
        flips: mean number of flipped bits of weights and thresholds.
        accuracy: mean accuracy, or ``None`` without labels.
        accuracy_least, accuracy_most: of the worst and the best seed.
        changed_outputs: mean share of output integers that differ from those without faults.
        changed_classes: mean share of samples whose class differs.
    """

    part: FaultPart
    rate: float
    seeds: int
    flips: float
    accuracy: float | None
    accuracy_least: float | None
    accuracy_most: float | None
    changed_outputs: float
    changed_classes: float


def first_output_classes(graph: Graph, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Class numbers from the first output, as :func:`hwcompress.sim.decisions.decide` says."""
    output = graph.outputs[0]
    tensor = graph.tensors[output.inputs[0]]
    return decide_class(graph, output.in_source_order(tensor.affine.apply(outputs[tensor.name])))


def effect_cost(
    graph: Graph,
    inputs: np.ndarray | Mapping[str, np.ndarray],
    labels: np.ndarray | None = None,
    *,
    accumulators: Accumulators | None = None,
    faults: Faults | None = None,
    decide: Decide = first_output_classes,
    threads: int | None = None,
    batch: int | None = None,
) -> EffectCost:
    """Run a data set without and with effects.

    Args:
        graph: the graph.
        inputs: integers, as of :class:`hwcompress.sim.Simulator`.
        labels: class numbers ``(n,)``.
        accumulators: registers of the layers that add up.
        faults: bits that flip.
        decide: classes from output integers.
        threads, batch: as of :class:`EffectSimulator`.

    Raises:
        InputError: no samples, or another number of labels; as of :class:`EffectSimulator`.
    """
    simulator = EffectSimulator(
        graph, accumulators=accumulators, faults=faults, threads=threads, batch=batch
    )
    healthy = _Healthy(graph, inputs, labels, decide, threads)
    return healthy.against(simulator)


def reliability_study(
    graph: Graph,
    inputs: np.ndarray | Mapping[str, np.ndarray],
    labels: np.ndarray | None = None,
    *,
    rates: Sequence[float] = (1e-5, 1e-4, 1e-3, 1e-2),
    seeds: int | Sequence[int] = 5,
    parts: Sequence[FaultPart] = ("weights", "thresholds", "activations"),
    only: Sequence[str] = (),
    accumulators: Accumulators | None = None,
    decide: Decide = first_output_classes,
    threads: int | None = None,
    batch: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[ReliabilityRow]:
    """Accuracy and changed results against the fault rate, a row for each part and rate.

    Args:
        graph: the graph.
        inputs: integers, as of :class:`hwcompress.sim.Simulator`.
        labels: class numbers ``(n,)``.
        rates: probabilities for each bit.
        seeds: how many, from 0, or which.
        parts: where bits flip, one at a time.
        only: names of layers and tensors that the rates are for; by default all.
        accumulators: registers of the layers that add up, in the runs with faults.
        decide: classes from output integers.
        threads, batch: as of :class:`EffectSimulator`.
        progress: called with the number of runs done, and of all.

    Raises:
        InputError: no rate, no seed, an unknown part; as of :func:`effect_cost`.
    """
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not chosen or not rates or not parts:
        raise InputError(
            f"{len(chosen)} seeds, {len(rates)} rates, {len(parts)} parts",
            where="reliability study",
            remedy="give one of each at least",
        )
    unknown = [part for part in parts if part not in _PARTS]
    if unknown:
        raise InputError(
            f"part {unknown[0]!r}", where="reliability study", remedy=f"choose {', '.join(_PARTS)}"
        )
    healthy = _Healthy(graph, inputs, labels, decide, threads)
    rows = []
    done, total = 0, len(parts) * len(rates) * len(chosen)
    for part in parts:
        for rate in rates:
            costs, flips = [], 0
            for seed in chosen:
                simulator = EffectSimulator(
                    graph,
                    accumulators=accumulators,
                    faults=_faults(part, rate, seed, only),
                    threads=threads,
                    batch=batch,
                )
                flips += len(simulator.flips())
                costs.append(healthy.against(simulator))
                done += 1
                if progress is not None:
                    progress(done, total)
            rows.append(_row(part, rate, flips, costs))
    return rows


def write_rows(path: Path, rows: Iterable[ReliabilityRow]) -> None:
    """Write rows of a study as CSV, the first line names the columns."""
    names = [item.name for item in fields(ReliabilityRow)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            values = [getattr(row, name) for name in names]
            writer.writerow(["" if value is None else value for value in values])


class _Healthy:
    """A data set with what the graph itself gives, block by block."""

    def __init__(
        self,
        graph: Graph,
        inputs: np.ndarray | Mapping[str, np.ndarray],
        labels: np.ndarray | None,
        decide: Decide,
        threads: int | None,
    ) -> None:
        self.graph, self.decide = graph, decide
        self.inputs = inputs if isinstance(inputs, Mapping) else _named(graph, inputs)
        self.samples = len(next(iter(self.inputs.values())))
        if self.samples == 0:
            raise InputError("no samples", where="effects", remedy="give one at least")
        if labels is not None and np.shape(labels) != (self.samples,):
            raise InputError(
                f"labels of shape {np.shape(labels)} for {self.samples} samples",
                where="effects",
                remedy="give one class number for each sample",
            )
        self.labels = labels
        simulator = Simulator(graph, threads=threads)
        self.outputs = simulator.outputs(self.inputs)
        self.classes = decide(graph, self.outputs)

    def against(self, simulator: EffectSimulator) -> EffectCost:
        changed = values = moved = right = 0
        for first in range(0, self.samples, _BLOCK):
            part = slice(first, first + _BLOCK)
            block = {name: array[part] for name, array in self.inputs.items()}
            outputs = simulator.outputs(block, start=first)
            for name, integers in outputs.items():
                changed += int((integers != self.outputs[name][part]).sum())
                values += integers.size
            classes = self.decide(self.graph, outputs)
            moved += int((classes != self.classes[part]).sum())
            if self.labels is not None:
                right += int((classes == self.labels[part]).sum())
        exact = None if self.labels is None else float((self.classes == self.labels).mean())
        return EffectCost(
            samples=self.samples,
            accuracy_exact=exact,
            accuracy=None if self.labels is None else right / self.samples,
            changed_outputs=changed / values,
            changed_classes=moved / self.samples,
            counters=simulator.counters,
        )


def _named(graph: Graph, inputs: np.ndarray) -> dict[str, np.ndarray]:
    if len(graph.inputs) != 1:
        raise InputError(f"{graph.name} has {len(graph.inputs)} inputs; give them by name")
    return {graph.inputs[0].outputs[0]: np.atleast_1d(np.asarray(inputs))}


def _faults(part: FaultPart, rate: float, seed: int, only: Sequence[str]) -> Faults:
    chosen = {name: rate if part in (name, "all") else 0.0 for name in _PARTS[:3]}
    return Faults(
        weights=chosen["weights"],
        thresholds=chosen["thresholds"],
        activations=chosen["activations"],
        seed=seed,
        only=tuple(only),
    )


def _row(part: FaultPart, rate: float, flips: int, costs: Sequence[EffectCost]) -> ReliabilityRow:
    found = [cost.accuracy for cost in costs if cost.accuracy is not None]
    return ReliabilityRow(
        part=part,
        rate=rate,
        seeds=len(costs),
        flips=flips / len(costs),
        accuracy=sum(found) / len(found) if found else None,
        accuracy_least=min(found, default=None),
        accuracy_most=max(found, default=None),
        changed_outputs=sum(cost.changed_outputs for cost in costs) / len(costs),
        changed_classes=sum(cost.changed_classes for cost in costs) / len(costs),
    )
