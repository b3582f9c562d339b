"""How much the outputs of one graph differ from those of another on the same samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Graph
from hwcompress.running.models import Runnable
from hwcompress.running.run import sizes_for
from hwcompress.running.source import Source
from hwcompress.sim import Simulator
from hwcompress.sim.decisions import decide, decides

__all__ = ["OutputChange", "compare_outputs"]


@dataclass(frozen=True)
class OutputChange:
    """The first output of two graphs.

    Attributes:
        name: of the output.
        data: where the samples came from.
        samples: how many.
        step: real value of one step of the first graph's output, where all its channels share
            one.
        largest, mean: change of a value, real.
        spread: standard deviation of the first graph's values, real.
        changed: samples with another decision; ``None`` where nothing is decided.
        labelled: samples with labels; 0 for none.
        right_before, right_after: right decisions of them.
    """

    name: str
    data: str
    samples: int
    step: float | None
    largest: float
    mean: float
    spread: float
    changed: int | None
    labelled: int
    right_before: int
    right_after: int


def compare_outputs(
    model: Runnable, after: Graph, source: Source, say: Callable[[str, int, int], None]
) -> OutputChange:
    """Simulate both graphs on all samples.

    Args:
        model: the first graph, and the names of its outputs.
        after: the other one, of the same inputs and outputs.
        source: the samples, encoded for the first one.
        say: told how it goes.
    """
    before = model.graph
    sums, deciding = _Sums(), decides(before)
    simulators = [Simulator(graph) for graph in (before, after)]
    tensors = [graph.outputs[0].inputs[0] for graph in (before, after)]
    for fed in source.chunks(sizes_for(before, source, (), None).chunk):
        real = [
            graph.tensors[tensor].affine.apply(simulator.outputs(fed.feeds)[tensor])
            for graph, tensor, simulator in zip((before, after), tensors, simulators, strict=True)
        ]
        sums.add(real[0], real[1])
        if deciding:
            # By one rule: a boundary may depend on the range of the output's type.
            chosen = [decide(before, item) for item in real]
            sums.decided(chosen[0], chosen[1], fed.labels)
        say("simulate", sums.samples, source.count or 0)
    affine = before.tensors[tensors[0]].affine
    return OutputChange(
        name=model.outputs[0],
        data=source.name,
        samples=sums.samples,
        step=affine.scale[0] if affine.uniform else None,
        largest=sums.largest,
        mean=sums.total / max(sums.values, 1),
        spread=sums.spread,
        changed=sums.changed if deciding else None,
        labelled=sums.labelled,
        right_before=sums.right[0],
        right_after=sums.right[1],
    )


class _Sums:
    """What is known after some samples."""

    def __init__(self) -> None:
        self.samples = self.values = self.changed = self.labelled = 0
        self.largest = self.total = self.first = self.square = 0.0
        self.right = [0, 0]

    @property
    def spread(self) -> float:
        """Deviation of the first graph's values."""
        if not self.values:
            return 0.0
        mean = self.first / self.values
        return max(self.square / self.values - mean * mean, 0.0) ** 0.5

    def add(self, before: np.ndarray, after: np.ndarray) -> None:
        """Real outputs ``(n, ...)`` of both."""
        change = np.abs(after - before)
        self.samples += len(before)
        self.values += before.size
        if before.size:
            self.largest = max(self.largest, float(change.max()))
        self.total += float(change.sum())
        self.first += float(before.sum())
        self.square += float((before**2).sum())

    def decided(self, before: np.ndarray, after: np.ndarray, labels: np.ndarray | None) -> None:
        """Class numbers of both, and right ones if they are known."""
        self.changed += int((before != after).sum())
        if labels is not None:
            self.labelled += len(labels)
            self.right[0] += int((before == labels).sum())
            self.right[1] += int((after == labels).sum())
