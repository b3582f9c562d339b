"""The random graphs with branches are reproducible, and as varied as they claim."""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

import numpy as np

from hwcompress.ir import (
    Add,
    Concat,
    ConvTranspose,
    Graph,
    Mul,
    Op,
    Split,
    Table,
    TopK,
    Transpose,
    evaluate,
)
from tests.conformance.generators import KINDS, random_dag, random_inputs, random_op_graph

_SEEDS = 60
_Op = TypeVar("_Op", bound=Op)


def _made(kind: type[_Op]) -> list[tuple[Graph, _Op]]:
    graphs = [random_op_graph(kind.__name__, seed) for seed in range(_SEEDS)]
    return [(graph, op) for graph in graphs for op in graph.layers if isinstance(op, kind)]


def test_variety_of_joins() -> None:
    adds = _made(Add)
    assert {len(op.inputs) for _, op in adds} == {2, 3, 4}
    assert any(len(graph.inputs) < len(op.inputs) for graph, op in adds)  # x + x
    assert any((op.multipliers < 0).any() for _, op in adds)
    assert any(op.multipliers.shape[1] > 1 for _, op in adds)
    assert any((op.multipliers > 1000).any() for _, op in adds)
    assert {len(graph.inputs[0].shape) for graph, _ in adds} == {1, 3}
    assert any(graph.inputs[0].shape[0] == 1 < graph.inputs[0].shape[-2] for graph, _ in adds
               if len(graph.inputs[0].shape) == 3)  # fmt: skip
    muls = _made(Mul)
    assert any(op.inputs == ("x", "x") for _, op in muls)
    assert any(graph.tensors["y"].dtype.is_bipolar for graph, _ in muls)
    gates = [(graph.inputs[0].shape, graph.inputs[-1].shape) for graph, _ in muls]
    assert any(len(source) == 3 and len(gate) == 1 for source, gate in gates)
    assert any(len(source) == len(gate) == 3 and source != gate for source, gate in gates)
    assert any(len(source) == 3 and source == gate for source, gate in gates)
    zeroless = [graph for graph, _ in adds + muls for op in graph.inputs
                if op.dtype.lo > 0 or op.dtype.hi < 0]  # fmt: skip
    assert zeroless


def test_variety_of_tables() -> None:
    tables = _made(Table)
    assert {op.values.shape[0] > 1 for _, op in tables} == {True, False}
    assert any(op.itype != graph.inputs[0].dtype for graph, op in tables)
    assert any(op.itype.is_bipolar for _, op in tables)
    assert any(op.otype.is_bipolar for _, op in tables)
    assert any(op.itype.count > 200 for _, op in tables)


def test_variety_of_channel_operations() -> None:
    concats = _made(Concat)
    assert {len(op.inputs) for _, op in concats} >= {2, 3, 4}
    assert any(len(set(op.inputs)) < len(op.inputs) for _, op in concats)
    assert any(graph.tensors["y"].dtype.is_bipolar for graph, _ in concats)
    assert any(len({each.dtype for each in graph.inputs}) > 1 for graph, _ in concats)
    assert {len(op.sizes) for _, op in _made(Split)} == {2, 3, 4}
    assert {len(op.shape) for _, op in _made(Transpose)} == {2, 3, 4}
    tops = _made(TopK)
    assert any(op.k == graph.inputs[0].shape[0] > 2 for graph, op in tops)
    assert any(op.k == 1 for _, op in tops)


def test_variety_of_transposed_convolutions() -> None:
    made = _made(ConvTranspose)
    ops = [op for _, op in made]
    for found in (
        [op for op in ops if op.groups > 1],
        [op for op in ops if max(op.dilation) > 1],
        [op for op in ops if max(op.output_padding) > 0],
        [op for op in ops if op.padding[0] != op.padding[2]],
        [op for op in ops if op.stride[0] > op.kernel[0]],  # outputs of the bias alone
        [op for op in ops if op.bias is None],
        [op for op in ops if op.wtype.is_bipolar],
        [graph for graph, _ in made if graph.inputs[0].shape[0] == 1 < graph.inputs[0].shape[1]],
    ):
        assert found


def test_networks_with_branches() -> None:
    graphs = [random_dag(seed) for seed in range(200)]
    kinds = {op.kind for graph in graphs for op in graph.layers}
    assert kinds == set(KINDS) - {"Transpose"}
    assert {len(graph.inputs) for graph in graphs} >= {1, 2}
    assert {len(graph.outputs) for graph in graphs} >= {1, 2, 3}
    assert any(len(set(op.inputs)) < len(op.inputs) for graph in graphs for op in graph.layers)
    readers = [Counter(name for op in graph.ops for name in set(op.inputs)) for graph in graphs]
    assert sum(max(count.values()) > 1 for count in readers) > 100
    assert any(max(count.values()) > 2 for count in readers)
    # An Output in the middle: the tensor goes on to other operations.
    assert any(
        count[out.inputs[0]] > 1
        for graph, count in zip(graphs, readers, strict=True)
        for out in graph.outputs
    )


def test_seed_decides_and_little_is_constant() -> None:
    alive = 0
    for seed in range(60):
        graph = random_dag(seed)
        feeds = random_inputs(graph, 30, seed)
        first, again = evaluate(graph, feeds), evaluate(random_dag(seed), feeds)
        assert first.keys() == again.keys()
        assert all(np.array_equal(first[name], again[name]) for name in first)
        alive += any(bool((values != values[0]).any()) for values in first.values())
    assert alive > 40


def test_options_of_networks_with_branches() -> None:
    for seed in range(30):
        assert len(random_dag(seed, image=True).inputs[0].shape) == 3
        assert len(random_dag(seed, image=False).inputs[0].shape) == 1
        assert len(random_dag(seed, several=False).inputs) == 1
        assert len(random_dag(seed, several=False).outputs) == 1
        assert max(random_dag(seed, image=True, max_size=3).inputs[0].shape[:2]) <= 3
    assert sum(len(random_dag(seed, several=True).outputs) > 1 for seed in range(30)) > 20
