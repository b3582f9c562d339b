"""The Deep Compression command on few images: size, exactness, and how it is pruned."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import deep_compression
from benchmarks.deep_compression import Images, load_images
from benchmarks.deep_networks import NETWORKS
from tests.shared_data import shared_file


def few() -> Images:
    torch.set_num_threads(1)
    whole = load_images(str(shared_file("data/fashion_mnist")), 512)
    return Images(whole.train, whole.labels, whole.test[:200], whole.test_labels[:200])


@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_small_and_exact_after_an_epoch(name: str, tmp_path: Path) -> None:
    """Sizes hardly depend on how long is trained; ``measure`` stops if an integer differs."""
    network = NETWORKS[name].with_epochs(1, 1, 1)
    result = deep_compression.measure(network, few(), tmp_path)
    assert result.smaller >= deep_compression.SMALLER
    assert (tmp_path / "net.hwc").stat().st_size == result.packed.total
    weights = [item for item in result.packed.arrays if item.field == "weight"]
    assert len(weights) == len(network.sparsity)
    for item, zeros in zip(weights, network.sparsity.values(), strict=True):
        assert item.nonzero <= round((1 - zeros) * item.elements) + 1
        assert item.values <= network.values + 1
    text = deep_compression.page([result], "the command")
    assert f"| {network.title} | {result.parameters:,} | {result.packed.total:,} |" in text
