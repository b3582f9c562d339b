"""Inferred types and value ranges are exact where the specification says so, and sound always."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from hwcompress.ir import Conv, Dense, Graph, IntType, Op, Range, SumPool, TensorType, trace
from tests.conformance.generators import (
    KINDS,
    random_dag,
    random_inputs,
    random_network,
    random_op_graph,
    random_type,
)

_SEEDS = range(30)


def _extreme(weight: np.ndarray, source: IntType, high: bool) -> np.ndarray:
    """The input within a type that makes a weighted sum largest or smallest."""
    return np.where((weight > 0) == high, source.hi, source.lo)


@pytest.mark.parametrize("seed", _SEEDS)
def test_dense_attains_its_type(seed: int) -> None:
    graph = random_op_graph("Dense", seed)
    (op,) = graph.layers
    assert isinstance(op, Dense)
    source, result = graph.inputs[0].dtype, graph.tensors["y"].dtype
    found = [
        op.evaluate([_extreme(row, source, high)[None]])[0][0, m]
        for m, row in enumerate(op.weight)
        for high in (False, True)
    ]
    assert (min(found), max(found)) == (result.lo, result.hi)
    bounds = graph.ranges()["y"]
    assert found[0::2] == bounds.lo.tolist()
    assert found[1::2] == bounds.hi.tolist()


@pytest.mark.parametrize("seed", _SEEDS)
def test_unpadded_conv_attains_its_type(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = random_type(rng, 6)
    groups, filters, depth = (int(v) for v in rng.integers(1, 4, 3))
    kernel = tuple(int(v) for v in rng.integers(1, 4, 2))
    weight = rng.integers(-8, 8, (groups * filters, *kernel, depth))
    bias = rng.integers(-50, 50, groups * filters)
    op = Conv("c", ("x",), ("y",), weight, IntType(-8, 7), bias, groups=groups)
    shape = (*kernel, groups * depth)
    (kind,) = op.infer([TensorType(shape, source)])
    bounds = op.ranges([Range.of_type(source, groups * depth)])[0]
    for m in range(groups * filters):
        first = m // filters * depth
        for high, expected in ((False, bounds.lo[m]), (True, bounds.hi[m])):
            image = np.full(shape, source.lo)
            image[..., first : first + depth] = _extreme(weight[m], source, high)
            assert op.evaluate([image[None]])[0][0, 0, 0, m] == expected
    assert (kind.dtype.lo, kind.dtype.hi) == (bounds.lo.min(), bounds.hi.max())


@pytest.mark.parametrize("seed", _SEEDS)
def test_padded_conv_type_is_that_of_the_widened_window(seed: int) -> None:
    graph = random_op_graph("Conv", seed)
    (op,) = graph.layers
    assert isinstance(op, Conv)
    window = op.window_type(graph.inputs[0].dtype)
    bias = np.zeros(len(op.weight), np.int64) if op.bias is None else op.bias
    flat = op.weight.reshape(len(op.weight), -1)
    low = bias + (flat * _extreme(flat, window, False)).sum(axis=1)
    high = bias + (flat * _extreme(flat, window, True)).sum(axis=1)
    assert graph.tensors["y"].dtype == IntType(low.min(), high.max())


@pytest.mark.parametrize("seed", _SEEDS)
def test_sum_pool_attains_its_type(seed: int) -> None:
    graph = random_op_graph("SumPool", seed)
    (padded,) = graph.layers
    assert isinstance(padded, SumPool)
    op = SumPool("s", ("x",), ("y",), padded.kernel, padded.stride)
    source = TensorType((7, 8, 2), graph.inputs[0].dtype)
    (kind,) = op.infer([source])
    for end, bound in ((source.dtype.lo, kind.dtype.lo), (source.dtype.hi, kind.dtype.hi)):
        assert np.all(op.evaluate([np.full((1, *source.shape), end)])[0] == bound)


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_are_sound(kind: str) -> None:
    """What is reachable from part of the input's range lies within the ranges of that part."""
    for seed in _SEEDS:
        graph = random_op_graph(kind, seed)
        values = trace(graph, random_inputs(graph, 30, seed))
        assert kind in {op.kind for op in graph.layers}
        assert all(_within(op, values) for op in graph.layers), f"{kind}, seed {seed}"


@pytest.mark.parametrize("make", [random_network, random_dag])
@pytest.mark.parametrize("seed", range(20))
def test_ranges_of_networks_are_sound(seed: int, make: Callable[[int], Graph]) -> None:
    graph = make(seed)
    values, bounds = trace(graph, random_inputs(graph, 40, seed)), graph.ranges()
    for name, tensor in graph.tensors.items():
        flat = values[name].reshape(-1, tensor.type.channels)
        assert np.all(bounds[name].lo <= flat.min(axis=0)), name
        assert np.all(flat.max(axis=0) <= bounds[name].hi), name
        assert tensor.dtype.lo <= bounds[name].lo.min(), name
        assert bounds[name].hi.max() <= tensor.dtype.hi, name


@pytest.mark.parametrize("kind", ["Threshold", "Rescale", "MaxPool"])
def test_scalar_ranges_are_attained(kind: str) -> None:
    """A monotone function takes its extremes at the ends."""
    for seed in _SEEDS:
        graph = random_op_graph(kind, seed)
        (op,) = graph.layers
        shape, source = graph.inputs[0].shape, graph.inputs[0].dtype
        ends = [op.evaluate([np.full((1, *shape), end)])[0] for end in (source.lo, source.hi)]
        both = np.concatenate(ends).reshape(-1, shape[-1])
        bounds = graph.ranges()["y"]
        assert np.array_equal(bounds.lo, both.min(axis=0))
        assert np.array_equal(bounds.hi, both.max(axis=0))


def test_range_of_arg_max() -> None:
    graph = random_op_graph("ArgMax", 1)
    bounds = graph.ranges()["y"]
    last = graph.inputs[0].shape[0] - 1
    assert (bounds.lo.tolist(), bounds.hi.tolist()) == ([0], [last])


def _within(op: Op, values: Mapping[str, np.ndarray]) -> bool:
    """Whether the outputs lie within the ranges that the inputs' own ranges give."""
    bounds = op.ranges([_observed(values[name]) for name in op.inputs])
    for name, bound in zip(op.outputs, bounds, strict=True):
        found = _observed(values[name])
        if not (np.all(bound.lo <= found.lo) and np.all(found.hi <= bound.hi)):
            return False
    return True


def _observed(values: np.ndarray) -> Range:
    flat = values.reshape(-1, values.shape[-1])
    return Range(flat.min(axis=0), flat.max(axis=0))
