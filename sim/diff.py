"""Exact comparison of two levels of the flow, and the first place where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph

__all__ = ["Comparison", "compare", "compare_traces"]


@dataclass(frozen=True)
class Comparison:
    """How two levels (PyTorch, integer graph, simulator, RTL, ...) compare, integer by integer.

    Attributes:
        a, b: names of the levels.
        samples: number of samples.
        values: number of integers compared, over all tensors.
        mismatches: how many of them differ, explained ones included.
        mismatched_samples: samples with at least one difference.
        explained: differences with a proven reason (docs of the frontend);
            between integer levels there are none.
        first: the first difference as a sentence, or ``None``.
        note: what else a reader should know.
    """

    a: str
    b: str
    samples: int
    values: int
    mismatches: int
    mismatched_samples: int
    explained: int = 0
    first: str | None = None
    note: str = ""

    @property
    def exact(self) -> bool:
        """Whether every difference is explained."""
        return self.mismatches == self.explained

    def to_json(self) -> dict[str, str | int | None]:
        """The fields, for a JSON file."""
        return asdict(self)


def compare(
    a_name: str, b_name: str, a_values: np.ndarray, b_values: np.ndarray, tensor: str
) -> Comparison:
    """Compare one tensor, ``(n, *shape)`` integers of both levels.

    Raises:
        InputError: the shapes differ, or an array does not hold integers.
    """
    where = f"tensor {tensor!r}"
    differ = _differences(a_name, b_name, a_values, b_values, where)
    return Comparison(
        a=a_name,
        b=b_name,
        samples=len(differ),
        values=differ.size,
        mismatches=int(differ.sum()),
        mismatched_samples=int(_any_per_sample(differ).sum()),
        first=_first(a_name, b_name, a_values, b_values, differ, where),
    )


def compare_traces(
    graph: Graph,
    a_name: str,
    a_traces: Mapping[str, np.ndarray],
    b_name: str,
    b_traces: Mapping[str, np.ndarray],
) -> Comparison:
    """Compare the tensors that both traces hold; the first difference is the first in graph order.

    Raises:
        InputError: the traces share no tensor of the graph, name a tensor
            that it lacks, or hold arrays that do not fit it or each other.
    """
    for name, traces in ((a_name, a_traces), (b_name, b_traces)):
        unknown = sorted(set(traces) - set(graph.tensors))
        if unknown:
            raise InputError(f"{graph.name} has no tensor {unknown[0]!r}", where=f"trace of {name}")
    shared = [name for name in graph.tensors if name in a_traces and name in b_traces]
    if not shared:
        raise InputError(
            f"the traces of {a_name} and {b_name} have no tensor in common",
            remedy=f"trace one of {', '.join(graph.tensors)}",
        )
    counts = {len(traces[name]) for traces in (a_traces, b_traces) for name in shared}
    if len(counts) != 1:
        raise InputError(
            f"traces of {' and '.join(map(str, sorted(counts)))} samples",
            where=f"{a_name} against {b_name}",
        )
    (samples,) = counts
    wrong = np.zeros(samples, bool)
    first, values, mismatches = None, 0, 0
    for name in shared:
        op = graph.producer(name)
        where = f"{op.kind} {op.name!r}, tensor {name!r}"
        a_values, b_values = a_traces[name], b_traces[name]
        if a_values.shape[1:] != graph.tensors[name].shape:
            raise InputError(
                f"{a_name} holds samples of shape {a_values.shape[1:]},"
                f" the graph has {graph.tensors[name].shape}",
                where=where,
            )
        differ = _differences(a_name, b_name, a_values, b_values, where)
        first = first or _first(a_name, b_name, a_values, b_values, differ, where)
        values += differ.size
        mismatches += int(differ.sum())
        wrong |= _any_per_sample(differ)
    return Comparison(
        a=a_name,
        b=b_name,
        samples=samples,
        values=values,
        mismatches=mismatches,
        mismatched_samples=int(wrong.sum()),
        first=first,
        note=f"{len(shared)} of {len(graph.tensors)} tensors",
    )


def _differences(
    a_name: str, b_name: str, a_values: np.ndarray, b_values: np.ndarray, where: str
) -> np.ndarray:
    """Where two integer arrays differ."""
    for name, values in ((a_name, a_values), (b_name, b_values)):
        if values.dtype.kind not in "iub" or values.ndim == 0:
            raise InputError(
                f"{name} holds {values.dtype} of shape {values.shape}, not samples of integers",
                where=where,
            )
    if a_values.shape != b_values.shape:
        raise InputError(
            f"{a_name} has shape {a_values.shape}, {b_name} has {b_values.shape}", where=where
        )
    return np.asarray(a_values != b_values)


def _any_per_sample(differ: np.ndarray) -> np.ndarray:
    return np.asarray(differ.any(axis=tuple(range(1, differ.ndim))))


def _first(
    a_name: str,
    b_name: str,
    a_values: np.ndarray,
    b_values: np.ndarray,
    differ: np.ndarray,
    where: str,
) -> str | None:
    """The first difference as a sentence: samples first, then positions, then channels."""
    if not differ.any():
        return None
    index = tuple(int(i) for i in np.unravel_index(int(differ.argmax()), differ.shape))
    place = [f"sample {index[0]}"]
    if len(index) == 4:
        place.append(f"row {index[1]}, column {index[2]}")
    elif len(index) > 2:
        place.append(f"position {index[1:-1]}")
    if len(index) > 1:
        place.append(f"channel {index[-1]}")
    return (
        f"{where}, {', '.join(place)}:"
        f" {a_name} has {int(a_values[index])}, {b_name} has {int(b_values[index])}"
    )
