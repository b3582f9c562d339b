"""Every kernel that the simulator can choose, at every instruction level, with odd sizes.

A choice that no graph of the sweep takes fails: the kernels themselves are watched.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hwcompress.sim import Simulator
from hwcompress.sim.words import dot_kernel
from hwcompress.sim.words.cpu import LEVEL
from tests.sim import sum_graphs, word_graphs
from tests.sim.sweep import LEVELS, WHOLE, Found, forced, needed, sweep

ROOT = Path(__file__).parents[2]

_WORDS = {
    "bytes": "bytes",
    "pairs": "words of 16 bits",
    "bits": "single bits",
    "wide": "words of 32 bits",
}
_ON_ROWS = {
    "Add", "ArgMax", "CompareThreshold", "Gather", "MaxPool", "Mul", "Rescale", "Scatter",
    "SearchThreshold", "SumPool", "Table", "TappedSum", "TopK", "WeightedSum", "XnorSum",
}  # fmt: skip


@functools.cache
def _found() -> Found:
    return sweep(WHOLE)


def test_no_mode_of_the_kernel_is_left_out() -> None:
    known = {name.upper() for name in (*sum_graphs.MODES, *sum_graphs.RESULTS)}
    assert known == set(dot_kernel.__all__) - {"DOT_FACTS", "dot"}


def test_all_integers_are_those_of_the_reference() -> None:
    """The whole sweep, at the level of this processor: it raises at the first difference."""
    found = _found()
    assert found.level == LEVEL
    assert found.graphs > 80 and found.integers > 10_000_000


def test_every_way_to_call_a_kernel_is_taken() -> None:
    assert sorted(needed(WHOLE) - set(_found().calls)) == []


def test_every_operation_works_on_all_words_that_it_can() -> None:
    jobs = [job for job in _found().jobs if " on " in job]
    taken = {(job.split()[0], job.rsplit(" on ", 1)[1]) for job in jobs}
    wanted = {
        (name, _WORDS[kind]) for kind, names in word_graphs.OPERATIONS.items() for name in names
    }
    assert sorted(wanted - taken) == []
    rows = {where.removeprefix("rows: ") for _, where in taken if where.startswith("rows: ")}
    assert rows == _ON_ROWS


def test_channels_are_moved_without_moving_words() -> None:
    joined = [graph for graph in word_graphs.graphs() if graph.name.startswith("joined")]
    assert len(joined) == 2
    for graph in joined:
        jobs = Simulator(graph).jobs
        assert not [job for job in jobs if job.startswith(("Concat", "Shuffle", "Split"))]


def _at_level(level: str, cache: Path) -> None:
    """The compact sweep in a process of its own, compiled for a level."""
    environment = os.environ | forced(level) | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.sim.sweep"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["level"] == level
    assert found["graphs"] == _found().graphs
    assert found["absent"] == []


def test_the_level_without_vector_instructions(tmp_path: Path) -> None:
    _at_level("plain", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("level", LEVELS[1 : LEVELS.index(LEVEL)])
def test_lower_levels(level: str, tmp_path: Path) -> None:
    _at_level(level, tmp_path)
