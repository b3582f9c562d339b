"""Looking into differences: whether rounding ties explain them, and where the first one is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwcompress.frontend.check import (
    encoded,
    explained_samples,
    source_integers,
    source_samples,
)
from hwcompress.inspect.compare_facts import FirstDifference
from hwcompress.inspect.comparing import FLOAT64, SIMULATOR, Comparing
from hwcompress.inspect.locate import Look, locate
from hwcompress.inspect.sources import source_runtime
from hwcompress.inspect.tally import Tally, Wrong
from hwcompress.ir import trace
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = ["first_differences", "settle"]

_EVIDENCE = 64
"""Samples that tell where float32 is exact, besides those that differ."""
_LEAST_EVIDENCE = 4


def settle(work: Comparing, row: Tally) -> None:
    """Count what rounding ties alone can cause; between integer levels nothing is explained."""
    explained = np.zeros(len(row.pending), bool)
    if row.level != SIMULATOR:
        for tensor in dict.fromkeys(item.tensor for item in row.pending):
            places = [i for i, item in enumerate(row.pending) if item.tensor == tensor]
            explained[places] = _explained(work, [row.pending[i] for i in places])
    row.settle(explained.tolist())


def _explained(work: Comparing, wrong: list[Wrong]) -> np.ndarray:
    """Which samples differ by ties, all in one tensor."""
    count = min(_EVIDENCE, work.blocks.count, max(work.reference, _LEAST_EVIDENCE))
    indices = [*(item.sample for item in wrong), *range(count)]
    fed = source_samples(work.imported, work.blocks.rows(indices))
    # In the samples that are evidence only, nothing is to be explained.
    same = np.zeros((count, *wrong[0].ours.shape), np.int64)
    theirs = np.concatenate([np.stack([item.theirs for item in wrong]), same])
    ours = np.concatenate([np.stack([item.ours for item in wrong]), same])
    found = explained_samples(work.imported, fed, wrong[0].tensor, theirs, ours)
    return found[: len(wrong)]


def first_differences(work: Comparing) -> tuple[FirstDifference, ...]:
    """For every row with differences, the first tensor that differs in one sample.

    The sample is the first one with an unexplained difference, else the first one.
    """
    return tuple(_first(work, row) for row in work.tallies if row.fault or row.tie)


def _first(work: Comparing, row: Tally) -> FirstDifference:
    wrong = row.fault or row.tie
    assert wrong is not None
    samples = work.blocks.rows([wrong.sample])
    feeds = encoded(work.imported, samples)
    fed = source_samples(work.imported, samples)
    graph = work.imported.graph
    ours = work.simulator.trace(feeds) if row.against == SIMULATOR else trace(graph, feeds)

    def theirs(order: tuple[str, ...]) -> Mapping[str, np.ndarray]:
        if row.level == SIMULATOR:
            return work.simulator.trace(feeds)
        if row.level == FLOAT64:
            return work.float64_integers(fed)
        return _asked(work, fed, order) if work.runtime is not None else {}

    look: Look = theirs
    explained = row.fault is None
    return locate(work.imported, (row.level, row.against), wrong, look, ours, explained=explained)


def _asked(work: Comparing, fed: Samples, order: tuple[str, ...]) -> Mapping[str, np.ndarray]:
    """What the source's runtime has inside, of one sample."""
    imported = work.imported
    assert sample_count(fed) == 1
    known = [
        name
        for name in order
        if name in imported.origin and imported.origin[name][0] not in imported.model.added
    ]
    names = tuple(imported.origin[name][0] for name in known)
    real = source_runtime(imported, names, 1).run(sample_rows(fed, slice(1)))
    return {
        name: source_integers(imported, name, values)
        for name, values in zip(known, real, strict=True)
    }
