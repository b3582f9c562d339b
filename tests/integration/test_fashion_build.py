"""A float network trained on Fashion-MNIST, and built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.builds import build
from tests.shared_data import shared_file

ROOT = Path(__file__).resolve().parents[2]


def check_fashion(folder: Path, epochs: int, accuracy: float) -> None:
    result = build(
        folder,
        f"{ROOT / 'examples' / 'fashion_cnn.py'}:make_net",
        "--data",
        str(shared_file("data/fashion_mnist/t10k-images-idx3-ubyte.gz").parent),
        "--epochs",
        str(epochs),
    )
    assert result.samples("integer graph", "PyTorch") == 10_000
    assert result.samples("integer graph", "QONNX executor") == 10_000
    result.check_hardware(10_000)
    assert result.share("PyTorch") == result.share("Simulator") >= accuracy


def test_fashion_mnist_conv_net(tmp_path: Path) -> None:
    check_fashion(tmp_path / "fashion", 1, 0.85)


@pytest.mark.long
def test_fashion_mnist_conv_net_for_a_few_epochs(tmp_path: Path) -> None:
    check_fashion(tmp_path / "fashion", 3, 0.88)
