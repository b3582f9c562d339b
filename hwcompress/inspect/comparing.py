"""The source's runtime, the source in float64, the integer graph and the simulator side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.frontend import Imported
from hwcompress.frontend.check import encoded, source_integers, source_samples
from hwcompress.inspect.blocks import Blocks
from hwcompress.inspect.decisions import DecisionTally
from hwcompress.inspect.layers import layer_facts
from hwcompress.inspect.sources import SourceRuntime, source_runtime
from hwcompress.inspect.tally import Tally
from hwcompress.ir import trace
from hwcompress.samples import Samples, sample_count, sample_rows
from hwcompress.sim import Simulator

__all__ = ["FLOAT64", "GRAPH", "SIMULATOR", "Comparing", "Framework", "default_reference"]

SIMULATOR, GRAPH, FLOAT64 = "Numba simulator", "integer graph", "source in float64"

# Products in int64 that the definition computes in about a minute, and integers of all tensors
# that it and the source in float64 go through.
_REFERENCE_MACS = 10_000_000_000
_REFERENCE_VALUES = 200_000_000
_PENDING_BYTES = 1 << 28
_FLOAT64_BLOCK = 64  # samples of which the source in float64 keeps every tensor


def default_reference(imported: Imported, count: int) -> int:
    """Samples for which the definition in NumPy takes about a minute."""
    graph = imported.graph
    macs = sum(layer_facts(graph, op).macs for op in graph.layers)
    values = sum(tensor.type.size for tensor in graph.tensors.values())
    return max(1, min(count, _REFERENCE_MACS // max(macs, 1), _REFERENCE_VALUES // values))


@dataclass(frozen=True, eq=False)
class Framework:
    """What a framework gave for all samples before: real values by the number of the output,
    those of the first one at least."""

    who: str
    by: str
    real: Mapping[int, np.ndarray]


@dataclass(frozen=True, eq=False)
class _Block:
    start: int
    fed: Samples  # what the source sees
    feeds: Mapping[str, np.ndarray]  # what the graph sees
    ours: Mapping[str, np.ndarray]  # the simulator's outputs


class Comparing:
    """One comparison. After :meth:`run`, ``tallies`` and ``decisions`` hold what was found.

    Args:
        imported: the model and its graph.
        blocks: the samples.
        reference: number of first samples that also go through float64 and the definition.
        labels: class numbers of all samples, or ``None``.
        framework: what a framework gave, if it ran the source.
    """

    def __init__(
        self,
        imported: Imported,
        blocks: Blocks,
        reference: int,
        labels: np.ndarray | None = None,
        framework: Framework | None = None,
    ) -> None:
        self.imported = imported
        self.blocks = blocks
        self.simulator = Simulator(imported.graph)
        self.decisions = DecisionTally(imported.graph, SIMULATOR, labels)
        self.failure = ""
        self.reference = reference
        self._framework = framework
        self._outputs = tuple(dict.fromkeys(op.inputs[0] for op in imported.graph.outputs))
        self._tallies: dict[str, Tally] = {}
        self.runtime: SourceRuntime | None = None
        try:
            names = tuple(imported.origin[tensor][0] for tensor in self._outputs)
            self.runtime = source_runtime(imported, names, blocks.size)
        except CheckFailed as error:
            self.failure = str(error)

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """The rows of the table, the source's first."""
        order = ("framework", "runtime", "float64", "graph")
        return tuple(self._tallies[key] for key in order if key in self._tallies)

    def run(self, say: Callable[[int], None], settle: Callable[[Tally], None]) -> None:
        """Go through all samples.

        Args:
            say: told how many samples are done.
            settle: looks into the samples of a row that differ.
        """
        for start, samples in self.blocks:
            feeds = encoded(self.imported, samples)
            made = self.simulator.outputs(feeds)
            ours = {name: made[name] for name in self._outputs}
            block = _Block(start, source_samples(self.imported, samples), feeds, ours)
            self._decide(SIMULATOR, start, self._first_real(ours))
            self._run_framework(block)
            self._run_source(block)
            self._run_reference(block)
            for row in self.tallies:
                if row.pending_bytes > _PENDING_BYTES:
                    settle(row)
            say(start + sample_count(samples))
        for row in self.tallies:
            settle(row)

    def _tally(self, key: str, level: str, against: str, scope: str, by: str) -> Tally:
        return self._tallies.setdefault(key, Tally(level, against, scope, by))

    def _decide(self, level: str, start: int, real: np.ndarray) -> None:
        self.decisions.add(level, start, real)

    def _first_real(self, integers: Mapping[str, np.ndarray]) -> np.ndarray:
        """Real values of the first output, as the source lays them out."""
        op = self.imported.graph.outputs[0]
        tensor = self.imported.graph.tensors[op.inputs[0]]
        return op.in_source_order(tensor.affine.apply(integers[tensor.name]))

    def _run_framework(self, block: _Block) -> None:
        if self._framework is None:
            return
        who, ends = self._framework.who, self.imported.graph.outputs
        rows = slice(block.start, block.start + sample_count(block.ours))
        theirs = {
            tensor: source_integers(self.imported, tensor, values[rows])
            for tensor, values in (
                (ends[number].inputs[0], item) for number, item in self._framework.real.items()
            )
        }
        row = self._tally("framework", who, SIMULATOR, "outputs", self._framework.by)
        row.add(block.start, theirs, block.ours)
        self._decide(who, block.start, self._framework.real[0][rows])

    def _run_source(self, block: _Block) -> None:
        """The source's own runtime; one that fails is not asked again."""
        if self.runtime is None:
            return
        try:
            real = dict(zip(self._outputs, self.runtime.run(block.fed), strict=True))
        except CheckFailed as error:
            self.failure, self.runtime = str(error), None
            self._tallies.pop("runtime", None)
            return
        theirs = {
            name: source_integers(self.imported, name, values) for name, values in real.items()
        }
        row = self._tally("runtime", self.runtime.who, SIMULATOR, "outputs", self.runtime.by)
        row.add(block.start, theirs, block.ours)
        self._decide(self.runtime.who, block.start, real[self._outputs[0]])

    def _run_reference(self, block: _Block) -> None:
        """The definition and the source in float64, of the first samples."""
        count = min(self.reference - block.start, sample_count(block.fed))
        if count <= 0:
            return
        feeds = {name: values[:count] for name, values in block.feeds.items()}
        ours = trace(self.imported.graph, feeds)
        by = f"hwcompress with numba {version('numba')}"
        row = self._tally("graph", SIMULATOR, GRAPH, "every tensor", by)
        row.add(block.start, self.simulator.trace(feeds), ours)
        numpy = f"numpy {version('numpy')}"
        row = self._tally("float64", FLOAT64, GRAPH, "every quantized tensor", numpy)
        for start in range(0, count, _FLOAT64_BLOCK):
            stop = min(start + _FLOAT64_BLOCK, count)
            theirs = self.float64_integers(sample_rows(block.fed, slice(start, stop)))
            row.add(
                block.start + start,
                {name: theirs[name] for name in ours if name in theirs},
                {name: values[start:stop] for name, values in ours.items()},
            )

    def float64_integers(self, fed: Samples) -> dict[str, np.ndarray]:
        """Integers of every graph tensor that stands for a source tensor, by the source."""
        real = self.imported.float64.trace(fed)
        return {
            tensor: source_integers(self.imported, tensor, real[source])
            for tensor, (source, _) in self.imported.origin.items()
        }
