"""The slow interpreter that defines what a graph computes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwcompress.errors import CheckFailed, InputError
from hwcompress.ir.graph import Graph

__all__ = ["as_feeds", "evaluate", "trace"]


def as_feeds(graph: Graph, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Integers for every graph input, checked and as int64, by tensor name.

    Args:
        graph: the graph.
        inputs: ``(batch, *shape)`` for a graph with one input, or one such
            array for each input tensor.

    Raises:
        InputError: an input is missing, has another shape, is not an
            integer array, or holds a value outside its type.
    """
    if not isinstance(inputs, Mapping):
        if len(graph.inputs) != 1:
            raise InputError(f"{graph.name} has {len(graph.inputs)} inputs; give them by name")
        inputs = {graph.inputs[0].outputs[0]: inputs}
    feeds = {}
    for op in graph.inputs:
        name = op.outputs[0]
        if name not in inputs:
            raise InputError(f"input {name!r} is missing", where=graph.name)
        values = np.asarray(inputs[name])
        if values.dtype.kind not in "iub":
            raise InputError(
                f"dtype {values.dtype} is not an integer type",
                where=f"input {name!r}",
                remedy="encode real samples with Input.encode first",
            )
        if values.shape[1:] != op.shape:
            raise InputError(
                f"samples of shape {values.shape[1:]}, expected {op.shape}",
                where=f"input {name!r}",
            )
        # Checked before the cast, in which a large uint64 would wrap.
        if not op.dtype.contains(values):
            raise InputError(
                f"values {values.min()}..{values.max()} are not all of type {op.dtype}",
                where=f"input {name!r}",
            )
        feeds[name] = values.astype(np.int64)
    return feeds


def trace(graph: Graph, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor's integers, int64 ``(batch, *shape)``, by name.

    Raises:
        CheckFailed: an operation left its declared type, which is a defect
            of the operation.
    """
    values = as_feeds(graph, inputs)
    samples = len(next(iter(values.values())))
    for op in graph.layers:
        results = op.evaluate([values[source] for source in op.inputs])
        for output, result in zip(op.outputs, results, strict=True):
            if not graph.tensors[output].dtype.contains(result):
                raise CheckFailed(
                    f"values {result.min()}..{result.max()} left the type"
                    f" {graph.tensors[output].dtype}",
                    where=f"{op.kind} {op.name!r}",
                )
            # What reads nothing is the same for every sample.
            values[output] = (
                result if op.inputs else np.broadcast_to(result, (samples, *result.shape[1:]))
            )
    return values


def evaluate(graph: Graph, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs' integers, by tensor name."""
    values = trace(graph, inputs)
    return {op.inputs[0]: values[op.inputs[0]] for op in graph.outputs}
