"""Every recipe that comes with hwcompress: PyTorch equals the integer graph, bit for bit."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from torch import nn

from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe import builtin_names, builtin_recipe, parse_recipe, run_recipe
from hwcompress.compress.train import logits
from hwcompress.frontend import import_model
from hwcompress.frontend.check import encoded
from hwcompress.sim import Simulator
from tests.compress.recipe.tiny import tiny_data, tiny_net


@cache
def trained() -> nn.Module:
    """The network in float: at two bits one that knows nothing would give the same for all."""
    recipe = parse_recipe('[[step]]\nname = "train"\nepochs = 5\nbatch = 32\n', "float")
    return run_recipe(tiny_net(), tiny_data(), recipe).module


@pytest.mark.parametrize("name", builtin_names())
def test_exact(name, tmp_path) -> None:
    recipe = builtin_recipe(name)
    if recipe.trains():
        recipe = recipe.with_options("train", epochs=1)
    made = run_recipe(trained(), tiny_data(), recipe)
    samples = tiny_data(200, seed=1).x
    export_qonnx(made.module, (1, 6, 6), tmp_path / "m.onnx")
    imported = import_model(tmp_path / "m.onnx", samples=samples)
    graph = imported.graph
    values = Simulator(graph)(encoded(imported, samples))
    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    found = tensor.affine.apply(values)
    assert np.unique(found).size > 20
    assert np.array_equal(found, logits(made.module, samples))
