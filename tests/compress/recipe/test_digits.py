"""Built-in recipes on digits, as they stand: what accuracy they keep, the float model beside it.

The network is CNN8 (convolutions of 16, 32 and 32 channels, a dense layer); no layer is left in
float: the first and the last one have the bits that the recipe says.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe import Data, builtin_recipe, parse_recipe, run_recipe
from hwcompress.compress.train import accuracy, logits
from hwcompress.data import digits
from hwcompress.frontend import import_model
from hwcompress.frontend.check import encoded
from hwcompress.sim import Simulator
from tests.compress.schemes.networks import cnn8

LEAST = {"w8a8-ptq": 0.98, "w4a4": 0.98, "w2a2": 0.975, "ternary": 0.975, "binary": 0.945}


@cache
def samples() -> tuple[Data, np.ndarray, np.ndarray]:
    """Training data, and the test samples with their labels."""
    found = digits()
    assert found.y_test is not None
    return Data(found.real_train(), found.y_train), found.real_test(), found.y_test


@cache
def trained() -> nn.Module:
    """CNN8 in float."""
    recipe = parse_recipe('[[step]]\nname = "train"\nepochs = 30\n', "float")
    return run_recipe(cnn8(), samples()[0], recipe).module


def simulated(module: nn.Module, folder: Path) -> float:
    """Accuracy of the integer graph in the simulator; PyTorch agrees in every output."""
    _, x, y = samples()
    export_qonnx(module, (1, 8, 8), folder / "m.onnx")
    imported = import_model(folder / "m.onnx", samples=x)
    values = Simulator(imported.graph)(encoded(imported, x))
    assert isinstance(values, np.ndarray)
    tensor = imported.graph.tensors[imported.graph.outputs[0].inputs[0]]
    found = tensor.affine.apply(values)
    assert np.array_equal(found, logits(module, x))
    return accuracy(found, y)


@pytest.mark.long
@pytest.mark.parametrize("name", LEAST)
def test_accuracy(name: str, tmp_path: Path) -> None:
    data, x, y = samples()
    made = run_recipe(trained(), data, builtin_recipe(name))
    found, before = simulated(made.module, tmp_path), accuracy(logits(trained(), x), y)
    print(f"{name}: {found:.2%} in the simulator, float {before:.2%}")
    assert found >= LEAST[name]
