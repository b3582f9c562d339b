"""Steps at work: one loop for all, options by layer, the same result every time."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

import tests.compress.recipe.probes  # noqa: F401  (registers steps)
from hwcompress.compress import recipe as recipes
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe import Data, builtin_recipe, parse_recipe, run_recipe
from hwcompress.compress.train import accuracy, logits
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend import import_model
from hwcompress.frontend.check import encoded
from hwcompress.ir import Conv, Dense
from hwcompress.sim import Simulator
from tests.compress.recipe.tiny import tiny_data, tiny_net

W4A4 = '[[step]]\nname = "quantize"\nweight_bits = 4\nact_bits = 4\n'
TRAIN = '[[step]]\nname = "train"\nepochs = {}\nbatch = 32\n'


def state_of(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in module.state_dict().items()}


def equal(one: nn.Module, other: nn.Module) -> bool:
    first, second = state_of(one), state_of(other)
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


def run(text: str, net: nn.Module | None = None, **options):
    return run_recipe(net or tiny_net(), tiny_data(), parse_recipe(text, "test"), **options)


def test_pytorch_equals_the_integer_graph(tmp_path) -> None:
    text = (
        '[[step]]\nname = "quantize"\nweight_bits = 3\nact_bits = 4\nlayers = ['
        '{ match = ["@first", "@last"], weight_bits = 6 }, { match = "conv2", act_bits = 2 }]\n'
    ) + TRAIN.format(3)
    made = run(text)
    data = tiny_data(seed=1)
    export_qonnx(made.module, (1, 6, 6), tmp_path / "m.onnx")
    imported = import_model(tmp_path / "m.onnx", samples=data.x)
    graph = imported.graph
    weighted = [op for op in graph.layers if isinstance(op, Conv | Dense)]
    assert [op.wtype.bits for op in weighted] == [6, 3, 6]
    read = [graph.tensors[op.inputs[0]].dtype.bits for op in weighted]
    assert read == [4, 2, 4]
    values = Simulator(graph)(encoded(imported, data.x))
    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    assert np.array_equal(tensor.affine.apply(values), logits(made.module, data.x))


def test_eight_bits_without_training_lose_nothing() -> None:
    trained = run(TRAIN.format(4)).module
    data = tiny_data(seed=1)
    before = accuracy(logits(trained, data.x), data.y)
    made = run_recipe(trained, tiny_data(), builtin_recipe("w8a8-ptq"))
    assert before > 0.9
    assert accuracy(logits(made.module, data.x), data.y) >= before - 0.02


def test_call_equals_recipe_of_one_step() -> None:
    net = run(TRAIN.format(1)).module
    called = recipes.quantize(
        net, tiny_data(), weight_bits=4, act_bits=4, layers={"conv*": {"weight_bits": 2}}
    )
    text = W4A4 + 'layers = [{ match = "conv*", weight_bits = 2 }]'
    assert equal(called, run(text, net).module)
    with pytest.raises(AttributeError, match="has no attribute 'quantise'"):
        recipes.quantise  # noqa: B018
    with pytest.raises(InputError, match="there is no option 'bits'"):
        recipes.quantize(net, tiny_data(), bits=4)


def test_same_start_same_result_and_no_trace() -> None:
    net, data = tiny_net(), tiny_data()
    kept, samples = state_of(net), data.x.copy()
    text = '[[step]]\nname = "test-draw"\n' + W4A4 + TRAIN.format(2)
    recipe = parse_recipe(text, "x")
    torch.manual_seed(17)
    first = run_recipe(net, data, recipe, seed=3).module
    torch.manual_seed(18)
    assert equal(first, run_recipe(net, data, recipe, seed=3).module)
    assert not equal(first, run_recipe(net, data, recipe, seed=4).module)
    assert all(np.array_equal(kept[name], value) for name, value in state_of(net).items())
    assert np.array_equal(samples, data.x)
    assert not first.training


def test_all_steps_before_it_take_part_in_a_training() -> None:
    text = (
        '[[step]]\nname = "test-watch"\n'
        '[[step]]\nname = "train"\nepochs = 2\nbatch = 64\n'
        '[[step]]\nname = "test-watch"\nlevel = 1\n'
        '[[step]]\nname = "train"\nepochs = 1\nbatch = 64\n'
        '[[step]]\nname = "test-watch"\nlevel = 2\n'
    )
    made = run(text)
    first, second, third = (made.state.memories[index] for index in (0, 2, 4))
    # 192 samples: 3 steps an epoch. The first one's schedule is over in the second training.
    shares = [(index + 1) / 6 for index in range(6)] + [1.0] * 3
    assert first["progress"] == "".join(f" {share:.4f}" for share in shares)
    assert second["progress"] == "".join(f" {(index + 1) / 3:.4f}" for index in range(3))
    assert (first["seen"], second["seen"]) == (9 * 64, 3 * 64)
    assert (first["prepared"], second["prepared"], third["prepared"]) == (True, True, False)
    assert "calls" not in third
    assert all("finished" in item for item in (first, second, third))


def test_penalty_and_schedule_of_two_steps_in_one_loop() -> None:
    free = run(W4A4 + TRAIN.format(3)).module.head.weight.abs().max()
    pull = '[[step]]\nname = "test-pull"\nstrength = 1.0\n'
    held = run(pull + W4A4 + TRAIN.format(3)).module.head.weight.abs().max()
    assert held < 0.5 * free
    clip = '[[step]]\nname = "test-pull"\nstrength = 0\nreach = { start = 1.0, end = 0.01 }\n'
    assert run(clip + W4A4 + TRAIN.format(3)).module.head.weight.abs().max() <= 0.01


def test_a_layer_alone_gets_a_name() -> None:
    x = np.random.default_rng(0).random((50, 4)).astype(np.float32)
    made = run_recipe(nn.Linear(4, 2), Data(x), builtin_recipe("w8a8-ptq"))
    assert logits(made.module, x).shape == (50, 2)


def test_refusals() -> None:
    data = tiny_data()
    text = W4A4 + 'layers = [{ match = "fc", weight_bits = 2 }]'
    with pytest.raises(InputError, match="no layer is called 'fc'.*conv1, conv2, head"):
        run(text)
    with pytest.raises(InputError, match="the module has quantizers already"):
        run(W4A4 + W4A4)
    with pytest.raises(InputError, match="training needs labelled"):
        run_recipe(tiny_net(), Data(data.x), builtin_recipe("w4a4"))
    net = tiny_net()
    net.head = nn.Linear(24, 2)
    with pytest.raises(InputError, match="label 2, but the module has 2 outputs"):
        run_recipe(net, data, builtin_recipe("w4a4"))
    with pytest.raises(InputError, match="not one row of classes"):
        run_recipe(nn.Conv2d(1, 2, 3), data, builtin_recipe("w4a4"))
    with pytest.raises(InputError, match="192 samples but 3 labels"):
        Data(data.x, np.zeros(3, np.int64))
    with pytest.raises(UnsupportedError, match="LayerNorm"):
        run_recipe(nn.Sequential(tiny_net(), nn.LayerNorm(3)), data, builtin_recipe("w8a8-ptq"))


def test_a_wrong_pattern_is_found_before_anything_is_trained() -> None:
    said: list[str] = []
    text = TRAIN.format(3) + W4A4 + 'layers = [{ match = "fc*", weight_bits = 2 }]'
    with pytest.raises(InputError, match=r"no layer is called 'fc\*'.*conv1, conv2, head"):
        run_recipe(tiny_net(), tiny_data(), parse_recipe(text, "wrong"), say=said.append)
    assert said == []


def test_patterns_behind_a_step_that_renames_layers() -> None:
    share = '[[step]]\nname = "share"\nvalues = 4\nlayers = [{ match = "1.*", values = 2 }]\n'
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 1), nn.Flatten())
    recipe = parse_recipe('[[step]]\nname = "lbcnn"\n' + share, "renamed")
    made = run_recipe(net, Data(tiny_data().x), recipe)
    assert "1.2 2," in " ".join(made.notes)


def test_a_memory_of_two_steps_alike() -> None:
    """Steps that are equal in every option still remember each their own."""
    text = '[[step]]\nname = "test-watch"\n' * 2 + TRAIN.format(1)
    made = run(text)
    assert made.state.memories[0] is not made.state.memories[1]
    assert made.state.memories[0]["seen"] == made.state.memories[1]["seen"]


def test_memory_survives_deepcopy_of_the_module() -> None:
    made = run('[[step]]\nname = "test-watch"\n' + W4A4 + TRAIN.format(1))
    assert equal(copy.deepcopy(made.module), made.module)
    assert made.notes[-1].startswith("2 batch norms and 1 biases rounded")
