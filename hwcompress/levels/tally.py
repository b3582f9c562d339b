"""Two levels' integers, compared block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hwcompress.errors import InputError
from hwcompress.inspect.tally import Wrong
from hwcompress.ir import Graph
from hwcompress.levels.difference import Difference, DiffReport, Follows, TensorRow, Window
from hwcompress.levels.follows import follows

__all__ = ["DiffTally", "Explain"]

Explain = Callable[[list[Wrong]], np.ndarray]
"""Which samples, all of one tensor, differ by rounding ties alone; ``theirs`` belongs to A."""

_PENDING_BYTES = 1 << 27
# Around the first difference: so many rows and columns, or channels of a vector, on each side.
_ROWS, _COLUMNS, _CHANNELS = 2, 3, 4


@dataclass
class _Counts:
    integers: int = 0
    differing: int = 0
    explained: int = 0
    first_sample: int | None = None
    fault: Wrong | None = None
    tie: Wrong | None = None
    pending: list[Wrong] = field(default_factory=list)
    channels: np.ndarray | None = None  # differences in each


@dataclass(frozen=True, eq=False)
class _Kept:
    """A whole sample of both sides, ``(1, *shape)``, in which the tensor ``place`` differs."""

    place: int
    a: dict[str, np.ndarray]
    b: dict[str, np.ndarray]


class DiffTally:
    """Adds up a comparison.

    Args:
        names: of A and B.
        tensors: what is compared, in order.
        graph: whose operations and scales are named, or ``None``.
        source: the source model's tensor by tensor of the graph, as far as known.
        explain: looks into samples that differ; ``None`` between integer levels, where nothing
            is explained.
    """

    def __init__(
        self,
        names: tuple[str, str],
        tensors: Sequence[str],
        graph: Graph | None = None,
        source: Mapping[str, str] | None = None,
        explain: Explain | None = None,
    ) -> None:
        self.names = names
        self.samples = 0
        self._graph = graph
        self._source = source or {}
        self._explain = explain
        self._makers = {} if graph is None else _makers(graph)
        self._counts = {name: _Counts() for name in tensors}
        self._kept: _Kept | None = None

    def add(
        self,
        a: Mapping[str, np.ndarray],
        b: Mapping[str, np.ndarray],
        feeds: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Compare the next block: integers ``(n, *shape)`` of every tensor.

        A level that stopped may have fewer samples of some tensors; those are left out.
        ``feeds`` are integers of the graph's inputs that both sides were given.

        Raises:
            InputError: the samples of a tensor have different shapes.
        """
        start, most = self.samples, 0
        for name, counts in self._counts.items():
            first, second = a[name], b[name]
            if first.shape[1:] != second.shape[1:]:
                raise InputError(
                    f"{self.names[0]} has samples of shape {first.shape[1:]},"
                    f" {self.names[1]} of {second.shape[1:]}",
                    where=f"tensor {name!r}",
                )
            length = min(len(first), len(second))
            self._compare(counts, name, start, first[:length], second[:length])
            most = max(most, length)
        if self._explain is None and self._graph is not None:
            self._keep(start, a, b, feeds or {})
        self.samples += most
        held = sum(
            item.theirs.nbytes + item.ours.nbytes
            for counts in self._counts.values()
            for item in counts.pending
        )
        if held > _PENDING_BYTES:
            self._settle()

    def _keep(
        self,
        start: int,
        a: Mapping[str, np.ndarray],
        b: Mapping[str, np.ndarray],
        feeds: Mapping[str, np.ndarray],
    ) -> None:
        """Keep the sample of the first difference as long as there is none in an earlier tensor."""
        for place, counts in enumerate(self._counts.values()):
            if self._kept is not None and place >= self._kept.place:
                return
            if counts.fault is not None:
                row = counts.fault.sample - start
                rows = slice(row, row + 1)
                sides = [
                    {name: item[rows].copy() for name, item in side.items() if len(item) > row}
                    for side in ({**feeds, **a}, {**feeds, **b})
                ]
                self._kept = _Kept(place, *sides)
                return

    def _compare(
        self, counts: _Counts, name: str, start: int, a: np.ndarray, b: np.ndarray
    ) -> None:
        differ = a != b
        found = int(differ.sum())
        counts.integers += differ.size
        counts.differing += found
        if not found:
            return
        channels = differ.reshape(-1, differ.shape[-1]).sum(axis=0)
        counts.channels = channels if counts.channels is None else counts.channels + channels
        rows = np.flatnonzero(differ.reshape(len(differ), -1).any(axis=1))
        if counts.first_sample is None:
            counts.first_sample = start + int(rows[0])
        if self._explain is None:
            rows = rows[:1] if counts.fault is None else rows[:0]
        wrong = [Wrong(start + int(row), name, a[row].copy(), b[row].copy()) for row in rows]
        if self._explain is not None:
            counts.pending += wrong
        elif wrong:
            counts.fault = wrong[0]

    def _settle(self) -> None:
        """Look into samples that differ, up to the first unexplained difference: what is behind it
        in the graph only passes it on."""
        known = False
        for counts in self._counts.values():
            pending, counts.pending = counts.pending, []
            known = known or counts.fault is not None
            if pending:
                assert self._explain is not None
                ties = np.zeros(len(pending), bool) if known else self._explain(pending)
                for wrong, tie in zip(pending, ties.tolist(), strict=True):
                    if tie:
                        counts.explained += int((wrong.theirs != wrong.ours).sum())
                        counts.tie = counts.tie or wrong
                    else:
                        counts.fault = counts.fault or wrong
            known = known or counts.fault is not None

    def report(
        self,
        only_a: Sequence[str] = (),
        only_b: Sequence[str] = (),
        failure: str = "",
        notes: Sequence[str] = (),
    ) -> DiffReport:
        """What was found, with what the caller knows besides."""
        self._settle()
        rows = tuple(
            TensorRow(
                name,
                self._makers.get(name, ""),
                self._source.get(name, ""),
                counts.integers,
                counts.differing,
                counts.explained,
                counts.first_sample,
            )
            for name, counts in self._counts.items()
        )
        return DiffReport(
            *self.names,
            self.samples,
            rows,
            tuple(only_a),
            tuple(only_b),
            self._first(rows),
            self._follows(),
            failure,
            tuple(notes),
        )

    def _follows(self) -> tuple[Follows, ...]:
        if self._kept is None or self._graph is None:
            return ()
        sides = zip(self.names, (self._kept.a, self._kept.b), strict=True)
        return tuple(follows(self._graph, name, values) for name, values in sides)

    def _first(self, rows: tuple[TensorRow, ...]) -> Difference | None:
        faults = [item.fault for item in self._counts.values() if item.fault is not None]
        ties = [item.tie for item in self._counts.values() if item.tie is not None]
        if not faults and not ties:
            return None
        wrong = (faults or ties)[0]
        a, b = wrong.theirs, wrong.ours
        differ = a != b
        index = tuple(int(i) for i in np.unravel_index(int(differ.argmax()), differ.shape))
        place = [row.tensor for row in rows].index(wrong.tensor)
        real = self._real(wrong.tensor, a), self._real(wrong.tensor, b)
        return Difference(
            wrong.tensor,
            rows[place].operation,
            rows[place].source,
            wrong.sample,
            index[:-1],
            index[-1],
            int(a[index]),
            int(b[index]),
            None if real[0] is None else float(real[0][index]),
            None if real[1] is None else float(real[1][index]),
            not faults,
            _window(a, b, index),
            _nonzero(self._counts[wrong.tensor].channels),
            int(differ.sum()),
            rows[place].differing,
            sum(row.differing for row in rows[place + 1 :]),
        )

    def _real(self, tensor: str, values: np.ndarray) -> np.ndarray | None:
        if self._graph is None or tensor not in self._graph.tensors:
            return None
        return np.broadcast_to(self._graph.tensors[tensor].affine.apply(values), values.shape)


def _nonzero(counts: np.ndarray | None) -> tuple[int, ...]:
    return () if counts is None else tuple(int(i) for i in np.flatnonzero(counts))


def _makers(graph: Graph) -> dict[str, str]:
    return {name: f"{op.kind} {op.name}" for op in graph.ops for name in op.outputs}


def _window(a: np.ndarray, b: np.ndarray, index: tuple[int, ...]) -> Window:
    """What is around an index of both arrays."""
    if a.ndim == 1:
        near, start = _near(index[0], _CHANNELS)
        return Window("channel", None, start, _table(a[None, near]), _table(b[None, near]))
    columns, column = _near(index[-2], _COLUMNS)
    if a.ndim == 2:
        place: tuple[int | slice, ...] = (columns, index[-1])
        return Window("position", None, column, _table(a[place][None]), _table(b[place][None]))
    rows, row = _near(index[-3], _ROWS)
    place = (*index[:-3], rows, columns, index[-1])
    return Window("column", row, column, _table(a[place]), _table(b[place]))


def _near(middle: int, reach: int) -> tuple[slice, int]:
    start = max(0, middle - reach)
    return slice(start, middle + reach + 1), start


def _table(values: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(value) for value in row) for row in values)
