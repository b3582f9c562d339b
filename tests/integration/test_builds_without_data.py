"""Models of others whose data nobody has: their reference samples, and random ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.integration.builds import build
from tests.shared_data import shared_file


def random_samples(name: str, count: int) -> np.ndarray:
    """The reference's samples, then random ones of the same kind."""
    reference = np.load(shared_file(f"models/qonnx/{name}.io.npz"))["x"][:, 0]
    random = np.random.default_rng(5)
    shape = (count - len(reference), *reference.shape[1:])
    if name.startswith("unsw"):
        # Rows near the reference's, so that both classes occur.
        rows = reference[random.integers(0, len(reference), shape[0])]
        more = np.where(random.random(shape) < 0.03, -rows, rows)
    else:
        more = random.normal(0, 1, shape)
    return np.concatenate([reference, more]).astype(np.float32)


@pytest.mark.parametrize("name", ["jets_qkeras_w6a6", "unsw_nb15_mlp_w2a2"])
def test_models_without_data(name: str, tmp_path: Path) -> None:
    samples = random_samples(name, 1000)
    np.savez(tmp_path / "samples.npz", x=samples)
    result = build(
        tmp_path / name,
        str(shared_file(f"models/qonnx/{name}.onnx")),
        "--data",
        str(tmp_path / "samples.npz"),
    )
    assert result.samples("integer graph", "QONNX executor") == 1000
    result.check_hardware(1000)
    with np.load(tmp_path / name / "sim" / "vectors.npz") as vectors:
        given = vectors["output0"]
    assert len(np.unique(given, axis=0)) > 1  # not one answer for everything
    if name.startswith("unsw"):
        reference = np.load(shared_file(f"models/qonnx/{name}.io.npz"))["y"][:, 0]
        assert np.array_equal(given[: len(reference)], reference)
