"""Operations with one input that are no matrix product: every beat of port and layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.rtl import generate

from ..rtl.graphs import graph_of, random_folding
from ..rtl.test_map_designs import KINDS
from .designs import check_beats

_PAUSES = [(100, 100), (30, 100), (100, 30), (60, 60)]


def _check(kind: str, seed: int, folder: Path) -> None:
    rng = np.random.default_rng([seed, 61 + KINDS.index(kind)])
    graph = graph_of(kind, rng)
    design = generate(graph, random_folding(graph, rng), folder)
    check_beats(design, frames=4, rng=rng, pauses=_PAUSES[seed % 4])


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", KINDS)
def test_every_beat(tmp_path: Path, kind: str, seed: int) -> None:
    """Random shapes and foldings."""
    _check(kind, seed, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
@pytest.mark.parametrize("kind", KINDS)
def test_every_beat_of_many(tmp_path: Path, kind: str, seed: int) -> None:
    """More of them."""
    _check(kind, seed, tmp_path)
