"""Prune, share, code: from a float network to a file whose integers are those that run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe.recipe import parse_recipe
from hwcompress.compress.recipe.run import Compressed, run_recipe
from hwcompress.compress.recipe.state import Data
from hwcompress.compress.train import logits
from hwcompress.errors import InputError
from hwcompress.frontend import import_model
from hwcompress.ir import Conv, Dense, Graph, evaluate
from hwcompress.packing import read_packed, write_packed
from hwcompress.sim import Simulator
from tests.compress.sharing.nets import Trained, layer_names, score_of, trained
from tests.packing.test_file import assert_same

RECIPE = """
[[step]]
name = "quantize"
weight_bits = 8
act_bits = 4

[[step]]
name = "prune"
sparsity = {{ start = 0.0, end = {sparsity}, ramp = "cubic", until = 0.7 }}

[[step]]
name = "train"
epochs = {epochs}
rate = 3e-3

[[step]]
name = "share"
values = 16

[[step]]
name = "train"
epochs = {more}
rate = 5e-4
"""


LONG = pytest.mark.long


def float_bytes(module: nn.Module) -> int:
    """Parameters and statistics as float32, without any container."""
    buffers = sum(item.numel() for item in module.buffers() if item.ndim)
    return 4 * (sum(item.numel() for item in module.parameters()) + buffers)


def graph_of(net: Trained, done: Compressed, folder: Path) -> Graph:
    export_qonnx(done.module, net.x.shape[1:], folder / "model.onnx")
    return import_model(folder / "model.onnx", samples=net.x[:50]).graph


def check_file(net: Trained, done: Compressed, graph: Graph, path: Path) -> tuple[float, float]:
    """Pack, load, simulate: the same integers as before and as PyTorch's. Returns how many times
    smaller the file is, with Huffman's words and with words of one length."""
    size = write_packed(graph, path)
    plain = write_packed(graph, path.with_suffix(".fixed.hwc"), huffman=False)
    assert path.stat().st_size == size.total
    loaded = read_packed(path)
    assert_same(loaded, graph)
    feeds = loaded.inputs[0].encode(net.x_test)
    feeds = {loaded.inputs[0].outputs[0]: feeds} if isinstance(feeds, np.ndarray) else feeds
    tensor = loaded.outputs[0].inputs[0]
    result = Simulator(loaded).outputs(feeds)[tensor]
    assert np.array_equal(result, Simulator(graph).outputs(feeds)[tensor])
    some = {name: item[:20] for name, item in feeds.items()}
    assert np.array_equal(result[:20], evaluate(loaded, some)[tensor])
    real = loaded.tensors[tensor].affine.apply(result)
    assert np.array_equal(real, logits(done.module, net.x_test))
    whole = float_bytes(net.module)
    print(f"{whole} bytes as float32, {plain.total} with words of one length, {size.total} packed")
    print(f"tables {size.tables}, words {size.words}, facts {size.facts}, header {size.header}")
    return whole / size.total, whole / plain.total


def check_weights(net: Trained, graph: Graph, values: int, sparsity: float) -> None:
    """At most so many different integers a layer, and exactly as many zeros as asked for."""
    layers = [op for op in graph.layers if isinstance(op, Conv | Dense)]
    names = layer_names(net.module)
    assert len(layers) == len(names)
    for op in layers:
        kept = op.weight[op.weight != 0]
        assert np.unique(kept).size <= values, op.name
        assert kept.size <= op.weight.size - round(sparsity * op.weight.size)
        assert op.weight.max() <= 127 and op.weight.min() >= -127


def compress(net: Trained, **options: float) -> Compressed:
    torch.set_num_threads(1)
    recipe = parse_recipe(RECIPE.format(**options), "deep compression")
    return run_recipe(net.module, Data(net.x, net.y), recipe)


def test_on_digits(tmp_path: Path) -> None:
    net = trained("cnn8", 15)
    done = compress(net, sparsity=0.85, epochs=5, more=2)
    graph = graph_of(net, done, tmp_path)
    ratio, plain = check_file(net, done, graph, tmp_path / "net.hwc")
    score = score_of(done.module, net)
    print(
        f"{ratio:.1f} times smaller ({plain:.1f} without Huffman), {net.score:.2f} to {score:.2f} %"
    )
    check_weights(net, graph, 16, 0.85)
    assert ratio >= 17
    assert ratio > 1.15 * plain
    assert score >= net.score - 3.5
    zeros = sum(
        int(np.count_nonzero(op.weight == 0)) for op in graph.layers if hasattr(op, "wtype")
    )
    assert zeros >= 0.849 * 15_248


@pytest.mark.long
def test_on_fashion_mnist(tmp_path: Path) -> None:
    """SYSTEMS.md 1.7: at least twenty times smaller with at most 3.5 points lost."""
    net = trained("cnn28", 5)
    done = compress(net, sparsity=0.86, epochs=6, more=2)
    graph = graph_of(net, done, tmp_path)
    ratio, plain = check_file(net, done, graph, tmp_path / "net.hwc")
    score = score_of(done.module, net)
    print(
        f"{ratio:.1f} times smaller ({plain:.1f} without Huffman), {net.score:.2f} to {score:.2f} %"
    )
    check_weights(net, graph, 16, 0.86)
    assert ratio >= 20 > plain
    assert score >= net.score - 3.5


def test_training_keeps_zeros_and_the_number_of_values() -> None:
    """In the middle of a training as well, and the values have moved."""
    net = trained("cnn8", 15)
    text = """
    [[step]]
    name = "prune"
    sparsity = 0.6

    [[step]]
    name = "share"
    values = 5
    layers = [{ match = "@last", values = 3 }]
    """
    data = Data(net.x, net.y)
    before = run_recipe(net.module, data, parse_recipe(text, "still")).module
    train = '\n[[step]]\nname = "train"\nepochs = 1\noptimizer = "sgd"\nrate = 1e-3\n'
    after = run_recipe(net.module, data, parse_recipe(text + train, "trained")).module
    for name in layer_names(net.module):
        old, new = (module.get_submodule(name).weight.detach() for module in (before, after))
        kept = 3 if name == layer_names(net.module)[-1] else 5
        assert new[new != 0].unique().numel() <= kept
        assert torch.equal(old == 0, new == 0)
        assert int((new == 0).sum()) == round(0.6 * new.numel())
        assert not torch.equal(old, new)
        # Weights that shared a value still do.
        for value in old.unique():
            assert new[old == value].unique().numel() == 1


@pytest.mark.parametrize(
    "method",
    ["k-means", *(pytest.param(name, marks=LONG) for name in ("hessian", "ecsq")), "uniform"],
)
@pytest.mark.parametrize("together", [False, pytest.param(True, marks=LONG)])
def test_every_method_ends_in_few_integers(method: str, together: bool, tmp_path: Path) -> None:
    """Without training, on weights with a scale for each channel: their integers are shared."""
    net = trained("cnn8", 15)
    text = f"""
    [[step]]
    name = "quantize"
    act_bits = 6

    [[step]]
    name = "share"
    method = "{method}"
    together = {str(together).lower()}
    values = 24
    bits = 3.5
    """
    done = run_recipe(net.module, Data(net.x, net.y), parse_recipe(text, method))
    graph = graph_of(net, done, tmp_path)
    ratio, _ = check_file(net, done, graph, tmp_path / "net.hwc")
    layers = [op for op in graph.layers if isinstance(op, Conv | Dense)]
    counts = [np.unique(op.weight[op.weight != 0]).size for op in layers]
    print(
        f"{method}: {counts} values, {ratio:.1f} times smaller, {score_of(done.module, net):.2f} %"
    )
    if method in ("k-means", "hessian"):
        assert max(counts) <= 24
    else:
        every = np.concatenate([op.weight.reshape(-1) for op in layers[:-1]])
        share = np.unique(every, return_counts=True)[1] / every.size
        assert -(share * np.log2(share)).sum() < 4.5
    assert score_of(done.module, net) >= net.score - 4
    assert ratio > 6


class Killed(Exception):
    """What a user's Ctrl-C looks like to this test."""


@pytest.mark.parametrize(
    "words",
    [*(pytest.param(f"epoch {n} of 2", marks=LONG) for n in (1, 2)), "share (step 4 of 5)"],
)
def test_a_killed_run_goes_on_to_the_same_weights(words: str, tmp_path: Path) -> None:
    """Masks and groups are in the checkpoints."""
    net = trained("cnn8", 15)
    recipe = parse_recipe(RECIPE.format(sparsity=0.7, epochs=2, more=2), "killed")
    data = Data(net.x[:200], net.y[:200])
    whole = run_recipe(net.module, data, recipe).module

    def say(text: str) -> None:
        if text.startswith(words):
            raise Killed

    with pytest.raises(Killed):
        run_recipe(net.module, data, recipe, folder=tmp_path, say=say)
    resumed = run_recipe(net.module, data, recipe, folder=tmp_path).module
    for name in layer_names(net.module):
        one, other = (part.get_submodule(name).weight for part in (whole, resumed))
        assert torch.equal(one, other)


def test_importance_from_adam() -> None:
    """What the training left weighs the errors: the values are others."""
    net = trained("cnn8", 15)
    train = '[[step]]\nname = "train"\nepochs = 1\nrate = 0.001\n'
    share = '[[step]]\nname = "share"\nmethod = "{}"\nimportance = "adam"\nvalues = 8\n'
    made = {
        method: run_recipe(
            net.module, Data(net.x, net.y), parse_recipe(train + share.format(method), method)
        ).module
        for method in ("hessian", "k-means")
    }
    one, other = (part.get_submodule("0").weight for part in made.values())
    assert one.unique().numel() <= 8 and not torch.equal(one, other)
    print(", ".join(f"{name} {score_of(part, net):.2f} %" for name, part in made.items()))
    assert all(score_of(part, net) >= net.score - 10 for part in made.values())
    alone = parse_recipe(share.format("hessian"), "alone")
    with pytest.raises(InputError, match="no training before this step"):
        run_recipe(net.module, Data(net.x, net.y), alone)


def test_hessian_needs_labels() -> None:
    net = trained("cnn8", 15)
    recipe = parse_recipe('[[step]]\nname = "share"\nmethod = "hessian"', "hessian")
    with pytest.raises(InputError, match="needs labelled samples"):
        run_recipe(net.module, Data(net.x), recipe)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "share"\nvalues = 0', "0 values or 3 bits"),
        ('name = "prune"\nsparsity = 1.0', "sparsity from 1 to 1"),
        ('name = "product-quantize"\ncodewords = 0', "0 codewords of length 0 in 1 stages"),
    ],
)
def test_options_that_are_none(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_recipe(f"[[step]]\n{text}", "wrong")
