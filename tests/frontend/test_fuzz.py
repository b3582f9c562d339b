"""Damaged models end in a message of ours, whatever the damage, or in a graph that runs."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import HwcompressError
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_float64
from hwcompress.ir import trace
from tests.frontend.mutate import mutated
from tests.frontend.test_chains import random_conv_chain, random_dense_chain

CASES = 120
MANY = 2500


def survives(seed: int, folder: Path) -> str:
    """Import one damaged model; returns how it ended."""
    random = np.random.default_rng(seed)
    make = random_dense_chain if random.random() < 0.5 else random_conv_chain
    path = make(int(random.integers(200))).save(folder / "model.onnx")
    path.write_bytes(mutated(random, path.read_bytes()))
    try:
        imported = import_model(path, input_type="fixed<6,3>" if random.random() < 0.2 else None)
    except HwcompressError:
        return "refused"
    op = imported.graph.inputs[0]
    if np.prod(op.source_shape) > 10**5:
        return "large"
    samples = random.normal(0, 1.5, (6, *op.source_shape))
    for result in check_float64(imported, samples, trace(imported.graph, op.encode(samples))):
        assert result.exact, f"seed {seed}: {result}"
    return "imported"


def run(seeds: range, folder: Path) -> dict[str, int]:
    ends: dict[str, int] = {}
    for seed in seeds:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                end = survives(seed, folder)
            except Exception as error:
                raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
        ends[end] = ends.get(end, 0) + 1
    return ends


def test_damaged_models(tmp_path: Path) -> None:
    ends = run(range(CASES), tmp_path)
    assert ends["refused"] > CASES // 3
    assert ends["imported"] > CASES // 20


@pytest.mark.long
def test_many_damaged_models(tmp_path: Path) -> None:
    run(range(10_000, 10_000 + MANY), tmp_path)
