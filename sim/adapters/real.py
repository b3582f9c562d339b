"""A graph on real samples, laid out as the source model has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.sim.real_input import encode_real, feed_dtype
from hwcompress.sim.simulator import Simulator

__all__ = ["HasGraph", "RealSimulator"]


class HasGraph(Protocol):
    """An imported model: its graph, and the source's name for each input tensor, in the
    source's order."""

    @property
    def graph(self) -> Graph: ...

    @property
    def inputs(self) -> Mapping[str, str]: ...


class RealSimulator:
    """Encodes real samples, simulates, and gives real results; all exact in float64.

    Args:
        source: an imported model, or a graph; the inputs of a graph have their operations'
            names.
        threads, batch, memory: of the :class:`hwcompress.sim.Simulator`.

    Raises:
        InputError, UnsupportedError: as of the simulator.
    """

    def __init__(
        self,
        source: Graph | HasGraph,
        *,
        threads: int | None = None,
        batch: int | None = None,
        memory: int | None = None,
    ) -> None:
        if isinstance(source, Graph):
            graph = source
            names = {op.outputs[0]: op.name for op in graph.inputs}
        else:
            graph, names = source.graph, dict(source.inputs)
        self._made_of = (source, threads, batch, memory)
        self.graph = graph
        self.simulator = Simulator(graph, threads=threads, batch=batch, memory=memory)
        ops = {op.outputs[0]: op for op in graph.inputs}
        self._inputs = {name: ops[tensor] for tensor, name in names.items() if tensor in ops}

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, in order."""
        return tuple(self._inputs)

    def __deepcopy__(self, memo: object) -> Self:
        return self  # nothing in it changes

    def __reduce__(self) -> tuple[object, ...]:
        return _made, self._made_of

    def feeds(
        self, samples: Sequence[np.ndarray] | Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Integers by input tensor.

        Args:
            samples: of each input ``(n, *source shape)``, in order or by name.

        Raises:
            InputError: samples of an input are missing, too many, or do not fit.
        """
        if not isinstance(samples, Mapping):
            if len(samples) != len(self._inputs):
                raise self._wrong(f"{len(samples)} arrays of samples")
            samples = dict(zip(self._inputs, samples, strict=True))
        if set(samples) != set(self._inputs):
            raise self._wrong(f"samples of {', '.join(samples) or 'nothing'}")
        made = {}
        for name, op in self._inputs.items():
            real = np.asarray(samples[name])
            if real.ndim == 0 or real.shape[1:] != op.source_shape:
                op.encode(real)  # raises
            integers = np.empty((len(real), *op.shape), feed_dtype(op))
            encode_real(op, real, integers)
            made[op.outputs[0]] = integers
        return made

    def before_host(
        self, samples: Sequence[np.ndarray] | Mapping[str, np.ndarray]
    ) -> list[np.ndarray]:
        """Every output's real values, float64 ``(n, *source shape)``, before the functions
        that are left to the host."""
        values = self.simulator.outputs(self.feeds(samples))
        return [
            op.in_source_order(self.graph.tensors[op.inputs[0]].affine.apply(values[op.inputs[0]]))
            for op in self.graph.outputs
        ]

    def __call__(
        self, samples: Sequence[np.ndarray] | Mapping[str, np.ndarray]
    ) -> list[np.ndarray]:
        """Every output as the source gives it, float64 ``(n, ...)``."""
        return [
            op.finish(real)
            for op, real in zip(self.graph.outputs, self.before_host(samples), strict=True)
        ]

    def _wrong(self, given: str) -> InputError:
        return InputError(
            f"{given} for a model with {len(self._inputs)} inputs ({', '.join(self._inputs)})",
            where=self.graph.name,
            remedy="give samples for each of them, in this order or by name",
        )


def _made(
    source: Graph | HasGraph, threads: int | None, batch: int | None, memory: int | None
) -> RealSimulator:
    return RealSimulator(source, threads=threads, batch=batch, memory=memory)
