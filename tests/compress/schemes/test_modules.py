"""Schemes on modules of many shapes, by layer, as steps of recipes, and what they refuse."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress import recipe
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe import Data, parse_recipe, run_recipe, step_kinds
from hwcompress.compress.schemes import (
    BinaryNetwork,
    BinaryWeights,
    Dorefa,
    FixedPoint,
    IntegerOnly,
    LearnedStep,
    LogarithmicWeights,
    Scheme,
    Ternary,
    apply_scheme,
    settle,
    weight_levels,
)
from hwcompress.compress.schemes.steps import SchemeStep
from hwcompress.compress.train import logits, train_classifier
from hwcompress.errors import HwcompressError, InputError
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_float64, check_values, source_samples
from hwcompress.ir import trace
from tests.compress.networks import CASES
from tests.compress.schemes.networks import cnn8, data

SHAPE = (1, 6, 6)
SCHEMES: dict[str, Scheme] = {
    "ternary": Ternary(act_bits=4, edge_bits=0),
    "bwn": BinaryWeights(act_bits=4, edge_bits=4),
    "bnn": BinaryNetwork(edge_bits=0),
    "dorefa": Dorefa(edge_bits=4),
    "lsq": LearnedStep(weight_bits=3, act_bits=3, edge_bits=0),
    "log2": LogarithmicWeights(act_bits=4, edge_bits=0),
    "integer-only": IntegerOnly(weight_bits=4, act_bits=4, delay=0, per_channel=True),
    "float scales": IntegerOnly(weight_bits=4, act_bits=4, delay=0, power_of_two=False),
}
DEFAULT = ["functional", "nested", "depthwise", "residual", "norm after linear", "signal"]
CURVED = ("sigmoid", "tanh", "silu", "gelu", "hard-swish", "mish", "softplus", "gated")


def test_a_step_has_the_defaults_of_its_scheme() -> None:
    """Options that a scheme declares anew are not hidden by those of the steps' base class."""
    seen = 0
    for kind in step_kinds().values():
        if issubclass(kind, SchemeStep):
            (scheme,) = [base for base in kind.__bases__ if not issubclass(base, SchemeStep)]
            own = {item.name: item.default for item in fields(scheme)}
            found = {item.name: item.default for item in fields(kind) if item.name in own}
            assert found == own, kind.name
            seen += 1
    assert seen == 14


def check(network: str, name: str, path: Path) -> None:
    """Trained for an epoch on noise: the graph is the module, whatever the shape."""
    random = np.random.default_rng(5)
    x = random.random((60, *SHAPE)).astype(np.float32)
    torch.manual_seed(7)
    module = apply_scheme(CASES[network](), SCHEMES[name], x)
    train_classifier(module, x, random.integers(0, 3, len(x)), epochs=2, batch=20)
    settle(module)
    export_qonnx(module, SHAPE, path / "m.onnx")
    imported = import_model(path / "m.onnx", samples=x)
    integers = trace(imported.graph, imported.graph.inputs[0].encode(x))
    tensor = imported.graph.outputs[0].inputs[0]
    outputs = {tensor: logits(module, source_samples(imported, x))}
    checks = [*check_values(imported, "PyTorch", outputs, x, integers)]
    checks += check_float64(imported, x, integers)
    for result in checks:
        assert result.exact, result
        # Scales that are no powers of two make float32 round; so do curves.
        if name in ("bnn", "log2", "integer-only") and network not in CURVED:
            assert result.mismatches == 0, result


@pytest.mark.parametrize("network", DEFAULT)
@pytest.mark.parametrize("name", ["dorefa"])
def test_some_shapes(network: str, name: str, tmp_path: Path) -> None:
    check(network, name, tmp_path)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_shape_in_every_scheme(name: str, tmp_path: Path) -> None:
    check("functional", name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("network", CASES)
@pytest.mark.parametrize("name", SCHEMES)
def test_all_shapes(network: str, name: str, tmp_path: Path) -> None:
    check(network, name, tmp_path)


def test_layers_may_differ() -> None:
    module = apply_scheme(
        cnn8(), Ternary(edge_bits=0), data().x[:16], layers={"7": Dorefa(weight_bits=3)}
    )
    assert weight_levels(module.get_submodule("3"))[0].abs().max() == 1
    assert weight_levels(module.get_submodule("7"))[0].abs().max() == 7
    with pytest.raises(InputError, match="no layer 'conv9' with weights"):
        apply_scheme(cnn8(), Ternary(), data().x[:16], layers={"conv9": Ternary()})
    with pytest.raises(InputError, match="has quantizers already"):
        apply_scheme(module, Ternary(), data().x[:16])


def test_the_edges_follow_the_policy() -> None:
    for edge_bits, levels in ((8, 127), (4, 7), (0, 1)):
        module = apply_scheme(cnn8(), Ternary(edge_bits=edge_bits), data().x[:16])
        for name in ("0", "12"):
            assert weight_levels(module.get_submodule(name))[0].abs().max() <= levels
        first = weight_levels(module.get_submodule("0"))[0]
        assert (float(first.abs().max()) == 1) is (edge_bits == 0)


STEPS = {name: kind for name, kind in step_kinds().items() if issubclass(kind, SchemeStep)}


def test_every_scheme_is_a_step() -> None:
    wanted = {
        "a2q", "bnn", "bwn", "dorefa", "fixed-point", "integer-only", "lbcnn", "learned-bits",
        "log2", "lsq", "qnn", "separable", "ternary", "xnor",
    }  # fmt: skip
    assert set(STEPS) == wanted
    assert all(kind.summary for kind in STEPS.values())


@pytest.mark.parametrize("name", ["learned-bits", "integer-only"])
def test_recipes_and_calls(name: str) -> None:
    """A step in a recipe with its training; the call of its name is the recipe of it alone."""
    given = Data(data().x[:200], data().y[:200])
    text = f'[[step]]\nname = "{name}"\nlayers = [{{ match = "@first", edge_bits = 4 }}]\n'
    text += '[[step]]\nname = "train"\nepochs = 1\n'
    result = run_recipe(cnn8(), given, parse_recipe(text, "r"), seed=3)
    assert any(note.startswith(f"{name}: ") for note in result.notes)
    assert weight_levels(result.module.get_submodule("0"))[0].abs().max() <= 7
    alone = run_recipe(cnn8(), given, parse_recipe(f'[[step]]\nname = "{name}"\n', "r"), seed=3)
    called = getattr(recipe, name.replace("-", "_"))(cnn8(), given, seed=3)
    x = data().test_x[:20]
    assert np.array_equal(logits(called, x), logits(alone.module, x))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("name = 'dorefa'\nweight_bits = 8", "weights of 8 bits"),
        ("name = 'lsq'\nweight_bits = 1", "weights of 1 bits"),
        ("name = 'log2'\nweight_bits = 5", "weight codes of 5 bits"),
        ("name = 'lbcnn'\nshare = 0.0", "a share of 0"),
        ("name = 'a2q'\naccumulator_bits = 40", "accumulators of 40 bits"),
        ("name = 'integer-only'\nstrategy = 'median'", "strategy is 'median'"),
        ("name = 'ternary'\nedge_bits = 9", "first and last layers of 9 bits"),
    ],
)
def test_wrong_options(options: str, text: str) -> None:
    with pytest.raises(HwcompressError, match=text):
        parse_recipe(f"[[step]]\n{options}\n", "r")


def test_fixed_point_is_exact_without_norms(tmp_path: Path) -> None:
    """No batch norm takes a scale in: learned powers of two need none."""
    torch.manual_seed(1)
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 12), nn.ReLU(), nn.Linear(12, 3))
    x = np.random.default_rng(1).random((50, *SHAPE)).astype(np.float32)
    quantized = apply_scheme(module, FixedPoint(weight_bits=4, act_bits=4, edge_bits=0), x)
    train_classifier(quantized, x, np.arange(50) % 3, epochs=1)
    settle(quantized)
    export_qonnx(quantized, SHAPE, tmp_path / "m.onnx")
    graph = import_model(tmp_path / "m.onnx", samples=x).graph
    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    values = trace(graph, graph.inputs[0].encode(x))[tensor.name]
    assert np.array_equal(tensor.affine.apply(values), logits(quantized, x))
