"""Designs with branches against the reference interpreter, exactly, under random stalls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conformance.generators import random_dag, random_op_graph

from .dag_designs import check_dag
from .graphs import random_folding

STALLS = [(0, 0), (150, 0), (0, 150), (110, 110)]
KINDS = ("Add", "Mul", "Concat", "Split")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", KINDS)
def test_one_operation(tmp_path: Path, kind: str, seed: int) -> None:
    """Random types, multipliers, numbers of inputs and foldings of each operation alone."""
    rng = np.random.default_rng([seed, KINDS.index(kind), 61])
    graph = random_op_graph(kind, seed)
    folding = random_folding(graph, rng)
    check_dag(graph, folding, tmp_path, stalls=STALLS[seed % 4], seed=seed)


@pytest.mark.parametrize("seed", range(16))
def test_random_dag(tmp_path: Path, seed: int) -> None:
    """Residuals, gates, concatenations, splits, several inputs and outputs; random foldings."""
    rng = np.random.default_rng([seed, 62])
    graph = random_dag(seed)
    folding = random_folding(graph, rng)
    check_dag(graph, folding, tmp_path, stalls=STALLS[seed % 4], seed=seed)
