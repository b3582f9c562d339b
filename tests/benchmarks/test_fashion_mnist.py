"""The Fashion-MNIST command on few images: exact, and far above chance."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import fashion_mnist
from benchmarks.deep_compression import Images, load_images
from benchmarks.fashion_networks import NETWORKS
from hwcompress.compress.train import accuracy
from tests.shared_data import shared_file

FOLDER = "data/fashion_mnist"


def few(train: int, test: int) -> Images:
    torch.set_num_threads(1)
    whole = load_images(str(shared_file(FOLDER)), train)
    return Images(whole.train, whole.labels, whole.test[:test], whole.test_labels[:test])


@pytest.mark.parametrize("name", NETWORKS)
def test_exact_and_above_chance(name: str, tmp_path: Path) -> None:
    """Two epochs of 1,280 images; one class in ten is chance."""
    network, images = NETWORKS[name], few(1280, 300)
    module, notes, minutes = fashion_mnist.training(
        network.float_network(0), images, network.few_bits(2), 0, tmp_path / "recipe"
    )
    real, differing = fashion_mnist.integers(module, images.test, tmp_path)
    assert differing == 0
    score = accuracy(real, images.test_labels)
    print(f"{network.title}: {score:.2%} after two epochs of 1,280 images")
    assert score > 0.4
    assert minutes > 0
    assert any("trained for 2 epochs" in note for note in notes)


def test_the_command_writes_its_page_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(shared_file(FOLDER)), "--net", "w4a4", "--samples", "400"]
    given += ["--tested", "200", "--epochs", "1", "--folder", str(tmp_path / "run")]
    fashion_mnist.main([*given, "--write", str(tmp_path / "page.md")])
    text = (tmp_path / "page.md").read_text("utf-8")
    assert "| W4A4 CNN, 28,944 weights | 4, all layers | 4 |" in text
    assert "| 0 of 2,000 | 90.5 % |" in text
    capsys.readouterr()
    fashion_mnist.main([*given, "--write", str(tmp_path / "again.md")])
    assert (tmp_path / "again.md").read_text("utf-8") == text
    assert "goes on after epoch 1 of 1" in capsys.readouterr().out


def test_a_missed_bound_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion_mnist, "ALL", 200)
    monkeypatch.setattr(fashion_mnist, "TESTED", 200)
    given = ["--data", str(shared_file(FOLDER)), "--net", "w4a4", "--samples", "200"]
    with pytest.raises(SystemExit, match=r"W4A4 CNN: .* %, the bound is 90.5 %"):
        fashion_mnist.main([*given, "--tested", "200", "--epochs", "1"])
