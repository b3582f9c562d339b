"""The embedded network, and TFCs of FINN's authors on all of MNIST."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.builds import build
from tests.shared_data import shared_file


def test_embedded_network(tmp_path: Path) -> None:
    result = build(tmp_path / "digits")
    samples = 450
    assert result.samples("integer graph", "PyTorch") == samples
    assert result.samples("integer graph", "QONNX executor") == samples
    assert result.samples("integer graph", "source in float64") == samples
    result.check_hardware(samples)
    assert result.share("PyTorch") == result.share("Simulator") >= 0.97
    for made in (
        "report.html",
        "graph/graph.json",
        "rtl/hwcompress_top.v",
        "source/model.onnx",
        "deploy/README.md",
    ):
        assert (result.folder / made).is_file(), made
    for word in ("mismatches", "frames/s", "LUT", "FF", "BRAM36", "DSP", "report.html"):
        assert word in result.screen


@pytest.mark.parametrize(
    ("name", "accuracy"), [("tfc_1w1a_mnist", 0.9296), ("tfc_2w2a_mnist", 0.9660)]
)
def test_tfc_on_all_of_mnist(name: str, accuracy: float, tmp_path: Path) -> None:
    result = build(
        tmp_path / name,
        str(shared_file(f"models/qonnx/{name}.onnx")),
        "--data",
        str(shared_file("data/mnist/t10k-images-idx3-ubyte.gz")),
    )
    assert result.samples("integer graph", "QONNX executor") == 10_000
    result.check_hardware(10_000)
    assert result.share("Simulator") == accuracy == result.share("QONNX executor")
