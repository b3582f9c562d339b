"""Product-quantized layers as look-up tables: the same integers, few products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hwcompress.hls.rtl  # noqa: F401  (registers the handlers)
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe.recipe import parse_recipe
from hwcompress.compress.recipe.run import run_recipe
from hwcompress.compress.recipe.state import Data
from hwcompress.compress.train import logits
from hwcompress.errors import InputError
from hwcompress.flow.compressing.lookup import find_lookup, with_lookups
from hwcompress.frontend import import_model
from hwcompress.ir import (
    Conv,
    Dense,
    Graph,
    Input,
    IntType,
    Output,
    Reshape,
    Table,
    int_range,
    trace,
)
from hwcompress.packing import pack_graph
from hwcompress.sim import Simulator
from tests.compress.sharing.nets import score_of, trained
from tests.rtl.dag_designs import check_dag
from tests.rtl.graphs import random_folding


def coded(seed: int, rows: int, parts: int, k: int, length: int, zeros: bool = False) -> np.ndarray:
    """Integer rows from codewords."""
    random = np.random.default_rng(seed)
    words = random.integers(-7, 8, (parts, k, length))
    if zeros:
        words[:, 0] = 0
    index = random.integers(0, k, (rows, parts))
    return words[np.arange(parts), index].reshape(rows, -1)


def conv_graph(seed: int, *, stride: int, padding: int, pad_value: int, zeros: bool) -> Graph:
    weight = coded(seed, 12, 3, 4, 18, zeros).reshape(12, 6, 3, 3).transpose(0, 2, 3, 1)
    weight = np.ascontiguousarray(weight)
    conv = Conv(
        "conv",
        ("x",),
        ("y",),
        weight,
        int_range(weight),
        np.arange(12),
        stride=(stride, stride),
        padding=(padding,) * 4,
        pad_value=pad_value,
    )
    entry = Input("in", (), ("x",), (7, 6, 6), (0, 1, 2), (7, 6, 6), IntType(0, 7), 1.0)
    return Graph.build("net", [entry, conv, Output("out", ("y",), ())])


def dense_graph(seed: int, *, table: bool = False, flattened: bool = True) -> Graph:
    weight = coded(seed, 20, 8, 5, 4)
    ops: list[object] = []
    if flattened:
        ops.append(Input("in", (), ("i",), (4, 4, 2), (0, 1, 2), (4, 4, 2), IntType(-4, 3), 1.0))
        ops.append(Reshape("flat", ("i",), ("x",), (32,)))
        # Columns as PyTorch has them, channels first.
        weight = weight[:, np.arange(32).reshape(2, 4, 4).transpose(1, 2, 0).reshape(-1)]
    else:
        ops.append(Input("in", (), ("x",), (32,), (0,), (32,), IntType(-4, 3), 1.0))
    dense = Dense("dense", ("x",), ("y",), np.ascontiguousarray(weight), int_range(weight))
    ops.append(dense)
    if table:
        (kind,) = dense.infer(
            [Graph.build("n", [*ops[:-1], Output("o", ("x",), ())]).tensors["x"].type]
        )
        values = np.arange(kind.dtype.count)[None] ** 2 % 251
        ops.append(Table("table", ("y",), ("z",), values, kind.dtype, IntType(0, 250)))
    ops.append(Output("out", ("z" if table else "y",), ()))
    return Graph.build("net", ops)


def assert_equal(graph: Graph, tables: Graph, seed: int = 0, samples: int = 17) -> None:
    """Every tensor that both have, by the reference and by the simulator."""
    feeds = {}
    for op in graph.inputs:
        random = np.random.default_rng(seed)
        values = random.integers(op.dtype.lo, op.dtype.hi + 1, (samples, *op.shape))
        feeds[op.outputs[0]] = values
    expected, found = trace(graph, feeds), trace(tables, feeds)
    simulated = Simulator(tables).trace(feeds)
    common = set(expected) & set(found)
    assert common == set(graph.tensors)
    for name in common:
        assert np.array_equal(expected[name], found[name]), name
        assert np.array_equal(expected[name], simulated[name]), name
    for name, values in Simulator(tables).outputs(feeds).items():
        assert np.array_equal(values, expected[name])


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("padding", "pad_value"), [(0, 0), (1, 0), (1, 3)])
@pytest.mark.parametrize("zeros", [False, True])
def test_convolutions(stride: int, padding: int, pad_value: int, zeros: bool) -> None:
    for seed in range(3):
        graph = conv_graph(seed, stride=stride, padding=padding, pad_value=pad_value, zeros=zeros)
        tables = with_lookups(graph, {"conv": 18})
        assert_equal(graph, tables, seed)
        sums = next(op for op in tables.ops if op.name == "conv")
        assert isinstance(sums, Conv) and set(np.unique(sums.weight)) <= {0, 1}
        positions = graph.tensors["y"].shape[0] * graph.tensors["y"].shape[1]
        lookup = find_lookup(graph, "conv", 18)
        assert lookup.lookups == np.count_nonzero(sums.weight) * positions
        assert lookup.dense == 12 * 54 * positions
        print(
            f"\n{lookup.lookups} look-ups and {lookup.products} products, the same integers;"
            f" dense twin {lookup.dense} products"
        )
        if zeros:
            assert lookup.lookups < 12 * 3 * positions
        else:
            assert lookup.lookups == 12 * 3 * positions  # outputs times parts
            assert lookup.products <= 4 * 54 * positions


@pytest.mark.parametrize("flattened", [False, True])
@pytest.mark.parametrize("table", [False, True])
def test_dense_layers(flattened: bool, table: bool) -> None:
    for seed in range(3):
        graph = dense_graph(seed, table=table, flattened=flattened)
        tables = with_lookups(graph, {"dense": 4})
        assert_equal(graph, tables, seed)
        kinds = [op.kind for op in tables.layers]
        assert ("Shuffle" in kinds) == flattened
        assert ("Rescale" in kinds) == table
        lookup = find_lookup(graph, "dense", 4)
        assert lookup.lookups == 20 * 8
        print(
            f"\n{lookup.lookups} look-ups and {lookup.products} products, the same integers;"
            f" dense twin {lookup.dense} products"
        )


@pytest.mark.parametrize("seed", range(2))
def test_the_verilog_runs_tables(seed: int, tmp_path: Path) -> None:
    """The tables' graph under Icarus, with random foldings and stalls, as any other."""
    conv = conv_graph(seed, stride=2 - seed, padding=seed, pad_value=2, zeros=False)
    dense = dense_graph(seed, flattened=bool(seed))
    for graph, lengths in ((conv, {"conv": 18}), (dense, {"dense": 4})):
        tables = with_lookups(graph, lengths)
        folding = random_folding(tables, np.random.default_rng(seed))
        stalls = ((0, 0), (110, 110))[seed]
        folder = tmp_path / graph.layers[-1].name
        check_dag(tables, folding, folder, frames=3, stalls=stalls, seed=seed)


def test_what_is_refused() -> None:
    graph = dense_graph(0, flattened=False)
    with pytest.raises(InputError, match="'conv' is no Dense and no Conv of one group.*are dense"):
        with_lookups(graph, {"conv": 4})
    with pytest.raises(InputError, match="parts of 5 columns of layer 'dense', which has 32"):
        with_lookups(graph, {"dense": 5})
    with pytest.raises(InputError, match="20 different parts of 32 columns among 20 rows"):
        with_lookups(graph, {"dense": 32})
    image = conv_graph(0, stride=1, padding=0, pad_value=0, zeros=False)
    with pytest.raises(InputError, match="of a convolution a multiple of its kernel"):
        with_lookups(image, {"conv": 6})


def test_a_network_on_the_way(tmp_path: Path) -> None:
    """Digits: quantized, its third convolution put together from codewords, as tables: PyTorch,
    the graph and the tables give the same integers."""
    net = trained("cnn8", 15)
    text = """
    [[step]]
    name = "quantize"
    act_bits = 4

    [[step]]
    name = "product-quantize"
    codewords = 12
    min_weights = 9000
    """
    done = run_recipe(net.module, Data(net.x, net.y), parse_recipe(text, "tables"))
    assert any("7: 12 codewords of 9" in note and "corrected" in note for note in done.notes)
    export_qonnx(done.module, net.x.shape[1:], tmp_path / "model.onnx")
    graph = import_model(tmp_path / "model.onnx", samples=net.x[:50]).graph
    name = [op.name for op in graph.layers if isinstance(op, Conv)][2]
    tables = with_lookups(graph, {name: 9})
    lookup = find_lookup(graph, name, 9)
    assert lookup.codewords.shape[1] <= 12
    assert lookup.products + lookup.lookups < 0.6 * lookup.dense
    assert any("by look-up tables" in note for note in tables.notes)
    feeds = {graph.inputs[0].outputs[0]: graph.inputs[0].encode(net.x_test)}
    result = Simulator(tables).outputs(feeds)[graph.outputs[0].inputs[0]]
    real = graph.tensors[graph.outputs[0].inputs[0]].affine.apply(result)
    assert np.array_equal(real, logits(done.module, net.x_test))
    print(f"{net.score:.2f} to {score_of(done.module, net):.2f} %, {tables.notes[-1]}")
    print(f"packed: {len(pack_graph(graph).data)} bytes, {len(pack_graph(tables).data)} as tables")
    assert score_of(done.module, net) >= net.score - 8
