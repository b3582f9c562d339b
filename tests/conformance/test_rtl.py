"""The generated Verilog under Icarus equals the reference on every operation and on networks.

Foldings are random among the legal ones; every input and output stalls at
random in three seeds of four.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hwcompress.hls.rtl  # noqa: F401  (registers the handlers)
from hwcompress.ir import REALISATIONS, Graph
from hwcompress.report.conformance import SWEEPS
from tests.conformance.generators import KINDS, random_dag, random_op_graph
from tests.rtl.dag_designs import check_dag
from tests.rtl.graphs import random_folding

_SWEEP = SWEEPS["rtl"]
# (input, output) wait states per 256 cycles
_STALLS = ((0, 0), (150, 0), (0, 150), (110, 110))


def _check(graph: Graph, seed: int, folder: Path) -> None:
    folding = random_folding(graph, np.random.default_rng([seed, 9]))
    stalls = _STALLS[seed % len(_STALLS)]
    check_dag(graph, folding, folder, frames=_SWEEP.samples, stalls=stalls, seed=seed)


def test_every_operation_has_a_handler() -> None:
    assert set(KINDS) <= set(REALISATIONS["rtl"].handlers)


@pytest.mark.parametrize("kind", KINDS)
def test_operation(kind: str, tmp_path: Path) -> None:
    for seed in range(_SWEEP.default):
        _check(random_op_graph(kind, seed), seed, tmp_path / f"{seed}")


@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose", "Dense"])
def test_layer_of_powers(kind: str, tmp_path: Path) -> None:
    for seed in range(4):
        _check(random_op_graph(kind, seed, powers=True), seed, tmp_path / f"{seed}")


@pytest.mark.parametrize("seed", range(4))
def test_network_with_branches(seed: int, tmp_path: Path) -> None:
    _check(random_dag(seed, max_size=4, max_channels=4), seed, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_operation_long(kind: str, tmp_path: Path) -> None:
    for seed in range(_SWEEP.default, _SWEEP.full):
        _check(random_op_graph(kind, seed), seed, tmp_path / f"{seed}")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(_SWEEP.networks))
def test_network_with_branches_long(seed: int, tmp_path: Path) -> None:
    _check(random_dag(seed), seed, tmp_path)
