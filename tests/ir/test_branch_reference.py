"""The reference of operations of networks with branches against independent implementations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from hwcompress.errors import GraphError
from hwcompress.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    Concat,
    ConvTranspose,
    IntType,
    Mul,
    Op,
    Range,
    Shuffle,
    Split,
    Table,
    TensorType,
    TopK,
    Transpose,
    Upsample,
    trace,
)
from tests.conformance.generators import random_inputs, random_op_graph

_SEEDS = range(30)


def _case(kind: str, seed: int) -> tuple[Op, list[np.ndarray], list[np.ndarray]]:
    """The operation, its inputs and what the reference makes of them."""
    graph = random_op_graph(kind, seed)
    values = trace(graph, random_inputs(graph, 5, seed))
    (op,) = graph.layers
    return op, [values[name] for name in op.inputs], [values[name] for name in op.outputs]


@pytest.mark.parametrize("seed", _SEEDS)
def test_add(seed: int) -> None:
    op, inputs, (y,) = _case("Add", seed)
    assert isinstance(op, Add)
    for index in np.ndindex(y.shape):
        column = index[-1] if op.multipliers.shape[1] > 1 else 0
        terms = zip(op.multipliers[:, column].tolist(), inputs, strict=True)
        assert y[index] == sum(factor * int(x[index]) for factor, x in terms)


@pytest.mark.parametrize("seed", _SEEDS)
def test_add_attains_its_type(seed: int) -> None:
    graph = random_op_graph("Add", seed)
    (op,) = graph.layers
    assert isinstance(op, Add)
    types = graph.input_types(op)
    rows = op.rows(types[0].channels)
    ends = []
    for high in (False, True):
        inputs = [
            np.broadcast_to(np.where((row > 0) == high, kind.dtype.hi, kind.dtype.lo), kind.shape)
            for row, kind in zip(rows, types, strict=True)
        ]
        (y,) = op.evaluate([x[None] for x in inputs])
        ends.append(int(y.max() if high else y.min()))
    assert tuple(ends) == (graph.tensors["y"].dtype.lo, graph.tensors["y"].dtype.hi)


@pytest.mark.parametrize("seed", _SEEDS)
def test_mul(seed: int) -> None:
    op, (x, gate), (y,) = _case("Mul", seed)
    assert isinstance(op, Mul)
    channels = x.shape[-1]
    for index in np.ndindex(y.shape):
        sample = gate[index[0]].reshape(-1).tolist()
        place = np.ravel_multi_index(index[1:], x.shape[1:]) if gate.shape == x.shape else index[-1]
        assert gate.shape == x.shape or len(sample) == channels
        assert y[index] == int(x[index]) * sample[place]


def test_mul_types() -> None:
    op = Mul("m", ("x", "g"), ("y",))

    def made(x: IntType, gate: IntType) -> IntType:
        return op.infer([TensorType((2, 3), x), TensorType((3,), gate)])[0].dtype

    assert made(BIPOLAR, BIPOLAR) == BIPOLAR
    assert made(TERNARY, BIPOLAR) == TERNARY
    assert made(IntType(-3, 5), IntType(-7, 2)) == IntType(-35, 21)
    assert made(IntType(3, 5), IntType(2, 9)) == IntType(6, 45)
    assert made(IntType(-5, -3), IntType(2, 9)) == IntType(-45, -6)


@pytest.mark.parametrize("seed", _SEEDS)
def test_table(seed: int) -> None:
    op, (x,), (y,) = _case("Table", seed)
    assert isinstance(op, Table)
    domain = range(op.itype.lo, op.itype.hi + 1, op.itype.step)
    maps = [dict(zip(domain, row.tolist(), strict=True)) for row in op.values]
    for index in np.ndindex(y.shape):
        assert y[index] == maps[index[-1] % len(maps)][int(x[index])]


@pytest.mark.parametrize("seed", _SEEDS)
def test_concat_and_split(seed: int) -> None:
    op, inputs, (y,) = _case("Concat", seed)
    assert isinstance(op, Concat)
    assert np.array_equal(torch.cat([torch.tensor(x) for x in inputs], dim=-1).numpy(), y)
    op, (x,), outputs = _case("Split", seed)
    assert isinstance(op, Split)
    parts = torch.split(torch.tensor(x), list(op.sizes), dim=-1)
    for part, output in zip(parts, outputs, strict=True):
        assert np.array_equal(part.numpy(), output)


@pytest.mark.parametrize("seed", _SEEDS)
def test_order(seed: int) -> None:
    op, (x,), (y,) = _case("Shuffle", seed)
    assert isinstance(op, Shuffle)
    for place, source in enumerate(op.permutation.tolist()):
        assert np.array_equal(y[..., place], x[..., source])
    op, (x,), (y,) = _case("Transpose", seed)
    assert isinstance(op, Transpose)
    moved = torch.tensor(x).permute(0, *(axis + 1 for axis in op.axes))
    assert np.array_equal(moved.numpy(), y)


@pytest.mark.parametrize("seed", _SEEDS)
def test_upsample(seed: int) -> None:
    op, (x,), (y,) = _case("Upsample", seed)
    assert isinstance(op, Upsample)
    image = torch.tensor(x, dtype=torch.float64).permute(0, 3, 1, 2)
    large = torch.nn.functional.interpolate(image, scale_factor=op.factor, mode="nearest")
    assert np.array_equal(large.permute(0, 2, 3, 1).numpy(), y)


@pytest.mark.parametrize("seed", _SEEDS)
def test_top_k(seed: int) -> None:
    op, (x,), (y,) = _case("TopK", seed)
    assert isinstance(op, TopK)
    for sample, result in zip(x.tolist(), y.tolist(), strict=True):
        order = sorted(range(len(sample)), key=lambda i: (-sample[i], i))
        assert result == order[: op.k]


def _torch_transposed(op: ConvTranspose, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Without bias: the whole result by PyTorch, lengthened and cut by hand."""
    rows, kh, kw, depth = weight.shape
    grouped = weight.reshape(op.groups, rows // op.groups, kh, kw, depth)
    kernel = grouped.transpose(0, 4, 1, 2, 3).reshape(op.groups * depth, -1, kh, kw)
    full = torch.nn.functional.conv_transpose2d(
        torch.tensor(x, dtype=torch.float64).permute(0, 3, 1, 2),
        torch.tensor(kernel, dtype=torch.float64),
        stride=op.stride,
        dilation=op.dilation,
        groups=op.groups,
    )
    full = torch.nn.functional.pad(full, (0, op.output_padding[1], 0, op.output_padding[0]))
    top, left, bottom, right = op.padding
    height, width = full.shape[2:]
    cut = full[:, :, top : height - bottom, left : width - right]
    return cut.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("seed", range(60))
def test_conv_transpose(seed: int) -> None:
    op, (x,), (y,) = _case("ConvTranspose", seed)
    assert isinstance(op, ConvTranspose)
    expected = _torch_transposed(op, x, op.weight)
    assert np.array_equal(expected if op.bias is None else expected + op.bias, y)


@pytest.mark.parametrize("seed", range(60))
def test_conv_transpose_type_is_that_of_its_phases(seed: int) -> None:
    """On a large image whose elements may also be 0, every end of the type is reached."""
    graph = random_op_graph("ConvTranspose", seed)
    (random,) = graph.layers
    assert isinstance(random, ConvTranspose)
    op = ConvTranspose(
        "c", ("x",), ("y",), random.weight, random.wtype, random.bias, random.stride,
        output_padding=random.stride, dilation=random.dilation, groups=random.groups,
    )  # fmt: skip
    source = graph.inputs[0].dtype
    low, high = min(source.lo, 0), max(source.hi, 0)
    shape = (12, 12, graph.inputs[0].shape[2])
    rising, falling = np.maximum(op.weight, 0), np.minimum(op.weight, 0)
    bias = np.zeros(len(op.weight), np.int64) if op.bias is None else op.bias
    ends = [
        _torch_transposed(op, np.full((1, *shape), first), rising)
        + _torch_transposed(op, np.full((1, *shape), second), falling)
        + bias
        for first, second in ((low, high), (high, low))
    ]
    (made,) = op.infer([TensorType(shape, source)])
    assert (made.dtype.lo, made.dtype.hi) == (int(ends[0].min()), int(ends[1].max()))
    (bounds,) = op.ranges([Range.of_type(source, shape[2])])
    assert np.array_equal(bounds.lo, ends[0].min(axis=(0, 1, 2)).astype(np.int64))
    assert np.array_equal(bounds.hi, ends[1].max(axis=(0, 1, 2)).astype(np.int64))


_VECTOR = TensorType((4,), IntType(0, 7))
_IMAGE = TensorType((3, 4, 2), IntType(-4, 3))
_ONES = np.ones((2, 1), np.int64)
_KERNEL = np.ones((2, 2, 2, 2), np.int64)


@pytest.mark.parametrize(
    ("op", "sources", "message"),
    [
        (Add("a", ("x", "z"), ("y",), _ONES), [_VECTOR, _IMAGE], "inputs of shapes"),
        (Add("a", ("x", "z"), ("y",), _ONES[:1]), [_VECTOR] * 2, "1 rows of multipliers for 2"),
        (Add("a", ("x", "z"), ("y",), np.ones((2, 3), np.int64)), [_VECTOR] * 2,
         r"multipliers \(2, 3\) are not int64 \(inputs, 1 or 4\)"),
        (Mul("m", ("x", "z"), ("y",)), [_IMAGE, _VECTOR], r"a gate of shape \(4,\) does not fit"),
        (Mul("m", ("x", "z"), ("y",)), [TensorType((2,), IntType(0, 1 << 40))] * 2, "2\\*\\*62"),
        (Table("t", ("x",), ("y",), np.zeros((1, 7), np.int64), IntType(0, 7), IntType(0, 1)),
         [_VECTOR], "7 entries for the 8 values of u3"),
        (Table("t", ("x",), ("y",), np.zeros((1, 4), np.int64), IntType(0, 3), IntType(0, 1)),
         [_VECTOR], "inputs of type u3 are not all of type u2"),
        (Table("t", ("x",), ("y",), np.full((1, 8), 2), IntType(0, 7), IntType(0, 1)),
         [_VECTOR], "entries 2..2 are not all of type u1"),
        (Table("t", ("x",), ("y",), np.zeros((1, 8), np.int64), IntType(0, 70_000), IntType(0, 1)),
         [_VECTOR], "a table of 70001 entries"),
        (Concat("c", ("x", "z"), ("y",)), [_VECTOR, _IMAGE], "differ in more than their channels"),
        (Split("s", ("x",), ("y", "z"), (1, 2)), [_VECTOR], "4 channels cannot be cut"),
        (Shuffle("s", ("x",), ("y",), np.array([0, 1, 1, 2])), [_VECTOR], "not one of 0..3"),
        (Transpose("t", ("x",), ("y",), (3, 4, 2), (0, 0, 1)), [_IMAGE], "do not permute"),
        (Transpose("t", ("x",), ("y",), (4, 3, 2), (0, 2, 1)), [_IMAGE], "is made for an input"),
        (Upsample("u", ("x",), ("y",), (0, 2)), [_IMAGE], "not a pair of positive"),
        (TopK("k", ("x",), ("y",), 5), [_VECTOR], "k = 5 of 4"),
        (TopK("k", ("x",), ("y",), 1), [_IMAGE], "needs a vector"),
        (ConvTranspose("c", ("x",), ("y",), _KERNEL, IntType(0, 1), padding=(4, 0, 4, 0)),
         [_IMAGE], "leaves an output of"),
        (ConvTranspose("c", ("x",), ("y",), _KERNEL, IntType(0, 1), groups=2), [_IMAGE],
         "does not fit 2 input channels"),
        (ConvTranspose("c", ("x",), ("y",), _KERNEL, IntType(0, 1), stride=(0, 1)), [_IMAGE],
         "must be positive"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(op: Op, sources: list[TensorType], message: str) -> None:
    with pytest.raises(GraphError, match=message) as caught:
        op.infer(sources)
    assert f"{op.kind} {op.name!r}" in str(caught.value)


def test_union_of_concatenated_types() -> None:
    op = Concat("c", ("x", "z"), ("y",))
    types = (BIPOLAR, TERNARY, IntType(0, 1), IntType(2, 9))
    for a, b in itertools.product(types, repeat=2):
        (made,) = op.infer([TensorType((2,), a), TensorType((3,), b)])
        assert made.shape == (5,)
        assert (made.dtype.lo, made.dtype.hi) == (min(a.lo, b.lo), max(a.hi, b.hi))
        assert made.dtype.is_bipolar == (a.is_bipolar and b.is_bipolar)
