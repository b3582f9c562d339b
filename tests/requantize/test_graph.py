"""Requantized graphs compute the old operations with the new weights, integer by integer."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hwcompress.errors import GraphError, InputError
from hwcompress.frontend import import_model
from hwcompress.ir import (
    Conv,
    Dense,
    Graph,
    Input,
    IntType,
    MaxPool,
    Output,
    Rescale,
    Threshold,
    evaluate,
)
from hwcompress.requantize import SCALES, Requantized, Scales, requantize_graph
from tests.conformance.generators import random_dag, random_inputs, random_network
from tests.requantize.definition import evaluate_with
from tests.shared_data import shared_file


def check(graph: Graph, made: Requantized, feeds: dict[str, np.ndarray]) -> int:
    """Compare; returns how many values were compared.

    An output that reads new sums stands for them by its scale and offset.
    """
    wanted = evaluate_with(graph, {name: item.values for name, item in made.rounded.items()}, feeds)
    results = evaluate(made.graph, feeds)
    values = 0
    for op, old in zip(made.graph.outputs, graph.outputs, strict=True):
        tensor = op.inputs[0]
        assert made.graph.tensors[tensor].affine == graph.tensors[old.inputs[0]].affine
        found = results[tensor]
        assert np.array_equal(found, wanted[op.name]), (graph.name, op.name)
        values += found.size
    return values


@pytest.mark.parametrize("make", [random_network, random_dag])
def test_random_graphs(make: object) -> None:
    places: Counter[str] = Counter()
    compared = refused = 0
    for seed in range(24):
        graph = make(seed)  # type: ignore[operator]
        if not any(isinstance(op, Conv | Dense) for op in graph.ops):
            continue
        bits, scales = 1 + seed % 4, SCALES[seed % 3]
        try:
            made = requantize_graph(graph, bits, scales=scales, balanced=seed % 2 == 0)
        except GraphError:  # a table that the sums' new range does not fit
            refused += 1
            continue
        compared += check(graph, made, random_inputs(graph, 5, seed))
        places.update(item.taken_in for item in made.layers)
        for op, change in zip(
            [op for op in made.graph.ops if op.name in {x.name for x in made.layers}],
            made.layers,
            strict=True,
        ):
            assert op.wtype.bits <= max(bits, change.bits_before if change.taken_in == "-" else 0)
    assert compared > 200 and refused <= 3, (compared, refused)
    assert places["own rescaling"] > 3


def small(*, pooled: bool = False, rescaled: bool = False, bias: bool = True) -> Graph:
    """A convolution, perhaps a pooling, thresholds or a rescaling, and a dense layer."""
    random = np.random.default_rng(5)
    conv = Conv(
        "conv", ("x",), ("a",), random.integers(-31, 32, (4, 3, 3, 2)), IntType(-31, 31),
        random.integers(-40, 40, 4) if bias else None, padding=(1, 1, 1, 1),
    )  # fmt: skip
    after = "p" if pooled else "a"
    if rescaled:
        step: Rescale | Threshold = Rescale(
            "act", (after,), ("q",), np.array([3]), np.array([500]), np.array([7]), "half_even",
            IntType(0, 15),
        )  # fmt: skip
    else:
        rows = np.sort(random.integers(-800, 800, (4, 15)), axis=1)
        step = Threshold("act", (after,), ("q",), rows, np.array([1, -1, 1, 1]), IntType(0, 15))
    pool = MaxPool("pool", ("a",), ("p",), (2, 2), (1, 1), (0, 0, 1, 1))
    ops = [
        Input("in", (), ("x",), (6, 6, 2), (0, 1, 2), (6, 6, 2), IntType(0, 15), 1.0, 0.0, None),
        conv,
        *([pool] if pooled else []),
        step,
        Conv(
            "head", ("q",), ("y",), random.integers(-31, 32, (3, 6, 6, 4)), IntType(-31, 31),
            random.integers(-99, 99, 3),
        ),
        Output("out", ("y",), (), (), ()),
    ]  # fmt: skip
    return Graph.build("small", ops)


@pytest.mark.parametrize("scales", SCALES)
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["thresholds", "rescaling", "pooled thresholds"])
def test_where_multipliers_go(kind: str, bits: int, scales: Scales) -> None:
    graph = small(pooled="pooled" in kind, rescaled=kind == "rescaling", bias=bits != 3)
    made = requantize_graph(graph, bits, scales=scales)
    feeds = random_inputs(graph, 20, bits)
    assert check(graph, made, feeds) == 60
    assert [item.taken_in for item in made.layers] == [kind.split()[-1], "own rescaling"]
    assert [item.bits_after for item in made.layers] == [bits, bits]
    # Not by chance: other weights give other results.
    before, after = (next(iter(evaluate(item, feeds).values())) for item in (graph, made.graph))
    assert not np.array_equal(before, after)
    if scales == "power-of-two" and kind == "rescaling":
        (act,) = [op for op in made.graph.ops if op.name == "act"]
        (old,) = [op for op in graph.ops if op.name == "act"]
        assert isinstance(act, Rescale) and isinstance(old, Rescale)
        ratio = act.mul[0] / old.mul[0]
        assert act.mul.size == 1 and ratio in (1.0, 2.0, 4.0, 8.0, 16.0)


def test_layers_of_their_own_bits() -> None:
    graph = small()
    made = requantize_graph(graph, 3, layers={"head": None})
    assert [(item.name, item.bits_after) for item in made.layers] == [("conv", 3), ("head", 6)]
    assert made.layers[1].taken_in == "-" and made.layers[1].error == 0
    check(graph, made, random_inputs(graph, 4, 0))
    same = requantize_graph(graph, 8)
    assert not same.rounded and same.graph.tensors == graph.tensors
    with pytest.raises(InputError, match="no layer is called 'haed'.*conv, head"):
        requantize_graph(graph, 3, layers={"haed": 2})
    with pytest.raises(InputError, match="9 bits for conv"):
        requantize_graph(graph, 3, layers={"conv": 9})


def test_a_graph_without_weights_is_refused() -> None:
    ops = [
        Input("in", (), ("x",), (4,), (0,), (4,), IntType(0, 15), 1.0, 0.0, None),
        Output("out", ("x",), (), (), ()),
    ]
    with pytest.raises(InputError, match="no layer with weights"):
        requantize_graph(Graph.build("none", ops), 2)


def test_jets() -> None:
    """A model of somebody else's: exact at every width, and further off with fewer bits."""
    path = shared_file("models/qonnx/jets_qkeras_w6a6.onnx")
    graph = import_model(path, input_type="int16*1/4096").graph
    real = np.random.default_rng(0).standard_normal((300, *graph.inputs[0].source_shape))
    feeds = {graph.inputs[0].outputs[0]: graph.inputs[0].encode(real)}
    before = next(iter(evaluate(graph, feeds).values()))
    off = []
    for bits in (5, 4, 3, 2, 1):
        made = requantize_graph(graph, bits)
        check(graph, made, feeds)
        off.append(np.abs(next(iter(evaluate(made.graph, feeds).values())) - before).mean())
    assert off == sorted(off) and off[0] < 0.15 * off[-1]
