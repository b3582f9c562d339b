"""The fast, exact simulator of an integer graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.sim import (  # noqa: F401  (register handlers)
    constant,
    gather,
    join,
    linear,
    pool,
    rescale,
    shape,
    table,
    threshold,
)
from hwcompress.sim.calls import inputs_by_name, known_tensors, processors
from hwcompress.sim.engine import Engine, Limits
from hwcompress.sim.plan import SIM

__all__ = ["Simulator"]


class Simulator:
    """Runs a graph on integers, equal to ``hwcompress.ir.reference`` in every integer.

    A plan (which kernel does what, and where tensors live) is made once for the outputs, and
    once for every other set of tensors that is asked for. A call cuts the samples into
    blocks; each thread takes one block after another through the whole plan, so that
    memory is bounded by one block a thread beyond inputs and outputs. A simulator may be used
    from several threads at once.

    Args:
        graph: the graph.
        threads: worker threads; by default the processors this process may use.
        batch: samples per block, rounded up to a vector of 16; by default so many that a
            block fits a cache.
        memory: bytes that the blocks of all threads may take together; by default no limit.
        words: whether kernels on packed words may be used. Without them, every operation runs
            on its own and slower; the integers are the same.

    Raises:
        InputError: an option is not positive, or ``memory`` is too little for one block.
        UnsupportedError: the simulator lacks an operation of the graph.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        threads: int | None = None,
        batch: int | None = None,
        memory: int | None = None,
        words: bool = True,
    ) -> None:
        for name, value in (("threads", threads), ("batch", batch), ("memory", memory)):
            if value is not None and value < 1:
                raise InputError(f"{name} {value} is not positive", where="simulator")
        self.graph = graph
        self.threads = threads or processors()
        for op in graph.layers:
            SIM.handler(op)
        self._limits = Limits(self.threads, batch, memory, words)
        self._engines: dict[tuple[str, ...], Engine] = {}
        self._results = tuple(dict.fromkeys(op.inputs[0] for op in graph.outputs))
        self._whole = self._engine(self._results)
        self.batch = self._whole.batch

    def __call__(
        self, inputs: np.ndarray | Mapping[str, np.ndarray]
    ) -> np.ndarray | dict[str, np.ndarray]:
        """Output integers, int64 ``(n, *shape)``; by tensor name if the graph has several outputs.

        Args:
            inputs: integers ``(n, *shape)`` for a graph with one input, or one
                such array for each input tensor.

        Raises:
            InputError: as :func:`hwcompress.ir.reference.as_feeds`, or the
                inputs differ in the number of samples.
        """
        values = self._whole.run(inputs_by_name(self.graph, inputs))
        return next(iter(values.values())) if len(values) == 1 else values

    def outputs(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Output integers by tensor name, int64 ``(n, *shape)``."""
        return self._run(inputs, self._results)

    def trace(
        self,
        inputs: np.ndarray | Mapping[str, np.ndarray],
        tensors: Iterable[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Integers of the named tensors (default: all), int64 ``(n, *shape)``.

        Raises:
            InputError: a name is no tensor of the graph, or the inputs are wrong.
        """
        return self._run(inputs, known_tensors(self.graph, tensors))

    def describe(self) -> str:
        """The plan for the outputs as text: a line for every job."""
        lines = [f"{self.graph.name}: {self.threads} threads, blocks of {self.batch} samples"]
        lines += (f"  {label}" for label in self.jobs)
        return "\n".join(lines) + "\n"

    @property
    def jobs(self) -> tuple[str, ...]:
        """What is done for the outputs, in order: operations with their kernels, and moves."""
        return tuple(job.label for job in self._engine(self._results).plan.jobs)

    def _engine(self, wanted: Sequence[str]) -> Engine:
        key = tuple(dict.fromkeys(wanted))
        if key not in self._engines:
            self._engines[key] = Engine(self.graph, key, self._limits)
        return self._engines[key]

    def _run(
        self, inputs: np.ndarray | Mapping[str, np.ndarray], wanted: Sequence[str]
    ) -> dict[str, np.ndarray]:
        return self._engine(wanted).run(inputs_by_name(self.graph, inputs))
