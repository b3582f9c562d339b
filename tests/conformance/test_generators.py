"""The random graphs are reproducible, and as varied as they claim."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.ir import Conv, Dense, MaxPool, Rescale, Threshold, evaluate, trace
from tests.conformance.chain_makers import CHAIN_OPS
from tests.conformance.generators import KINDS, random_inputs, random_network, random_op_graph


def _facts(graph) -> str:  # type: ignore[no-untyped-def]
    arrays = [
        value.tolist()
        for op in graph.ops
        for value in vars(op).values()
        if isinstance(value, np.ndarray)
    ]
    return repr((graph.tensors, arrays))


@pytest.mark.parametrize("kind", KINDS)
def test_seed_decides(kind: str) -> None:
    assert _facts(random_op_graph(kind, 3)) == _facts(random_op_graph(kind, 3))
    assert len({_facts(random_op_graph(kind, seed)) for seed in range(20)}) > 10


def test_network_seed_decides() -> None:
    assert _facts(random_network(3)) == _facts(random_network(3))
    graph = random_network(3)
    first, again = random_inputs(graph, 5, 1)["x"], random_inputs(graph, 5, 1)["x"]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, random_inputs(graph, 5, 2)["x"])


def test_options_of_networks() -> None:
    for seed in range(20):
        assert len(random_network(seed, image=True).inputs[0].shape) == 3
        assert len(random_network(seed, image=False).inputs[0].shape) == 1
        assert random_network(seed, argmax=True).layers[-1].kind == "ArgMax"
        assert random_network(seed, argmax=False).layers[-1].kind == "Dense"
        small = random_network(seed, max_size=3, max_channels=2, max_layers=1, image=True)
        assert max(small.inputs[0].shape) <= 3
        assert sum(op.kind == "Conv" for op in small.layers) == 1


def test_variety_of_convolutions() -> None:
    graphs = [random_op_graph("Conv", seed) for seed in range(60)]
    ops = [op for graph in graphs for op in graph.layers if isinstance(op, Conv)]
    types = [graph.inputs[0].dtype for graph in graphs]
    depthwise = [op for op in ops if op.groups > 1 and op.weight.shape[3] == 1]
    for found in (
        [op for op in ops if op.groups > 1 and op.weight.shape[3] > 1],
        depthwise,
        [op for op in ops if op.stride[0] != op.stride[1]],
        [op for op in ops if op.padding[0] != op.padding[2]],
        [op for op in ops if max(op.dilation) > 1],
        [op for op in ops if op.wtype.is_bipolar],
        [op for op in ops if op.wtype.is_ternary],
        [op for op in ops if op.bias is None],
        [op for op, kind in zip(ops, types, strict=True)
         if any(op.padding) and not kind.contains(np.array(op.pad_value))],
        [kind for kind in types if kind.is_bipolar],
        [graph for graph in graphs if graph.inputs[0].shape[:2] == (1, 1)],
        [graph for graph in graphs if graph.inputs[0].shape[2] == 1],
    ):  # fmt: skip
        assert found


def test_variety_of_scalar_functions() -> None:
    graphs = [random_op_graph("Threshold", seed) for seed in range(40)]
    thresholds = [op for graph in graphs for op in graph.layers if isinstance(op, Threshold)]
    assert any(op.otype.is_bipolar for op in thresholds)
    assert any(op.otype.count > 100 for op in thresholds)
    assert any((op.sign < 0).any() and (op.sign > 0).any() for op in thresholds)
    assert any((np.diff(op.thresholds) == 0).any() for op in thresholds)
    graphs = [random_op_graph("Rescale", seed) for seed in range(40)]
    rescales = [op for graph in graphs for op in graph.layers if isinstance(op, Rescale)]
    assert {op.rounding for op in rescales} == {"floor", "half_even"}
    assert any((op.mul < 0).any() for op in rescales)


def test_networks_do_not_collapse_to_constants() -> None:
    alive = 0
    for seed in range(60):
        graph = random_network(seed, argmax=False)
        (values,) = evaluate(graph, random_inputs(graph, 40, seed)).values()
        alive += bool((values != values[0]).any())
    assert alive > 45


def test_operations_do_not_collapse_to_constants() -> None:
    for kind in KINDS:
        alive = 0
        for seed in range(40):
            graph = random_op_graph(kind, seed)
            values = trace(graph, random_inputs(graph, 40, seed))["y"]
            alive += bool((values != values[0]).any())
        assert alive > 25, kind


def test_networks_hold_every_operation() -> None:
    kinds = {op.kind for seed in range(40) for op in random_network(seed).layers}
    assert kinds == set(CHAIN_OPS)
    assert any(
        isinstance(op, MaxPool) and any(op.padding)
        for seed in range(40)
        for op in random_network(seed).layers
    )
    assert any(isinstance(op, Dense) for op in random_network(0).layers)
