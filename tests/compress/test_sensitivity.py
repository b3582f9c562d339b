"""Sensitivity: what is asked, and answers that can be told beforehand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.recipe import Data, Recipe, parse_recipe, run_recipe
from hwcompress.compress.sensitivity import (
    ALL_LAYERS,
    Sensitivity,
    cross_entropy,
    layer_sensitivity,
    mixed_step,
)
from hwcompress.compress.train import accuracy, logits
from hwcompress.errors import InputError
from tests.compress.recipe.tiny import tiny_data, tiny_net

BITS = (2, 8)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    text = '[[step]]\nname = "train"\nepochs = 6\nbatch = 32\n'
    return run_recipe(tiny_net(), tiny_data(), parse_recipe(text, "x")).module


@pytest.fixture(scope="module")
def rows(trained: nn.Module) -> list[Sensitivity]:
    return layer_sensitivity(trained, tiny_data(), BITS)


def test_every_layer_part_and_number(rows) -> None:
    assert (rows[0].layer, rows[0].bits) == (ALL_LAYERS, 8)
    keys = [(row.layer, row.part, row.bits) for row in rows]
    assert len(set(keys)) == len(keys)
    wanted = {
        (layer, part, bits)
        for layer in ("conv1", "conv2", "head")
        for part in ("weights", "activations", "both")
        for bits in BITS
    }
    assert set(keys) == wanted | {(ALL_LAYERS, "both", 8), (ALL_LAYERS, "both", 2)}


def test_eight_bits_everywhere_is_the_reference(rows) -> None:
    found = {(row.accuracy, row.loss) for row in rows if row.bits == 8}
    assert found == {(rows[0].accuracy, rows[0].loss)}


def test_each_row_is_that_network(trained, rows) -> None:
    """One row again, by a recipe in words."""
    text = '[[step]]\nname = "quantize"\nlayers = [{ match = "conv2", weight_bits = 2 }]\n'
    data = tiny_data()
    made = run_recipe(trained, Data(data.x), parse_recipe(text, "x")).module
    (row,) = [row for row in rows if (row.layer, row.part, row.bits) == ("conv2", "weights", 2)]
    assert row.accuracy == accuracy(logits(made, data.x), data.y)
    assert row.loss == cross_entropy(logits(made, data.x), data.y)
    assert row.loss > rows[0].loss


def test_a_layer_that_two_bits_hold_does_not_mind() -> None:
    """Its weights are three values that are the same integers times a power of two in both."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 3)).eval()
    random = np.random.default_rng(0)
    signs = random.integers(-1, 2, (8, 6))
    signs[:, 0] = 1
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor(signs * 0.2501))
    data = Data(random.random((300, 6)).astype(np.float32), random.integers(0, 3, 300))
    rows = layer_sensitivity(net, data, [2])
    found = {(row.layer, row.part): row.loss for row in rows[1:]}
    assert found["0", "weights"] == rows[0].loss
    assert abs(found["2", "weights"] - rows[0].loss) > 1e-4


def test_cross_entropy_is_torch_s() -> None:
    random = np.random.default_rng(0)
    rows, labels = random.normal(size=(50, 7)) * 9, random.integers(0, 7, 50)
    expected = nn.functional.cross_entropy(torch.tensor(rows), torch.tensor(labels))
    assert cross_entropy(rows, labels) == pytest.approx(float(expected))


def test_mixed_bits_reach_the_layers(trained) -> None:
    bits = {"conv1": 8, "conv2": 3, "head": 5}
    made = run_recipe(trained, Data(tiny_data().x), Recipe("x", "", (mixed_step(bits),)))
    found = {name: int(made.module.get_submodule(name).quant_weight().bit_width) for name in bits}
    assert found == bits
    assert "3- and 5- and 8-bit weights" in made.notes[0]


def test_softmax_at_the_end_changes_nothing(trained, rows) -> None:
    ended = nn.Sequential(trained, nn.Softmax(dim=1)).eval()
    found = layer_sensitivity(ended, tiny_data(), [2])
    assert {(row.accuracy, row.loss) for row in found if row.layer == "0.conv2"} == {
        (row.accuracy, row.loss) for row in rows if row.layer == "conv2" and row.bits == 2
    }


def test_labels_are_needed(trained) -> None:
    single = nn.Sequential(nn.Flatten(), nn.Linear(36, 1)).eval()
    with pytest.raises(InputError, match="give a classifier with an output for each class"):
        layer_sensitivity(single, tiny_data(), BITS)
    with pytest.raises(InputError, match="needs labels"):
        layer_sensitivity(trained, Data(tiny_data().x), BITS)
