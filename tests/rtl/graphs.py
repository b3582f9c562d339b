"""Small random graphs that walk over the corners of every operation."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.folding import Folding, legal_foldings
from hwcompress.ir import (
    BIPOLAR,
    TERNARY,
    ArgMax,
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    Input,
    IntType,
    MaxPool,
    Op,
    Output,
    Rescale,
    Reshape,
    Shuffle,
    SumPool,
    Table,
    Threshold,
    TopK,
    Transpose,
    Upsample,
)
from hwcompress.ir.op import TensorType

__all__ = ["chain", "graph_of", "random_folding", "random_graph", "random_op", "random_type"]

WEIGHTS = (BIPOLAR, TERNARY, IntType(-8, 7), IntType(-3, 3), IntType(0, 3), IntType(-1, 0))
ACTIVATIONS = (
    BIPOLAR, TERNARY, IntType(0, 15), IntType(0, 1), IntType(-4, 3), IntType(-5, 6), IntType(0, 5),
)  # fmt: skip


def random_type(rng: np.random.Generator, types: tuple[IntType, ...] = ACTIVATIONS) -> IntType:
    """One of the given types."""
    return types[rng.integers(len(types))]


def draw(rng: np.random.Generator, dtype: IntType, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform int64 elements of a type."""
    return dtype.lo + dtype.step * rng.integers(0, dtype.count, shape)


def chain(name: str, shape: tuple[int, ...], dtype: IntType, ops: list[Op]) -> Graph:
    """Input ``t0``, operations ``t0 -> t1 -> ...``, output."""
    axes = tuple(range(len(shape)))
    head = Input("in", (), ("t0",), shape, axes, shape, dtype, 1.0)
    return Graph.build(name, [head, *ops, Output("out", (f"t{len(ops)}",), ())])


def graph_of(op_class: str, rng: np.random.Generator) -> Graph:
    """A graph of a random input and one random operation of a kind."""
    vector = op_class in ("Dense", "ArgMax", "TopK")
    shape = (_channels(rng),) if vector else _image(rng)
    dtype = random_type(rng)
    if op_class in ("Threshold", "Rescale", "ArgMax", "TopK", "Table") and rng.integers(2):
        dtype = IntType(-int(rng.integers(1, 900)), int(rng.integers(1, 900)))
    op = random_op(rng, op_class, 0, TensorType(shape, dtype))
    return chain(op_class, shape, dtype, [op])


def random_graph(rng: np.random.Generator) -> Graph:
    """Two to five operations on an image, perhaps a dense head."""
    source = TensorType(_image(rng), random_type(rng))
    ops: list[Op] = []
    current = source

    def push(kind: str) -> None:
        nonlocal current
        op = random_op(rng, kind, len(ops), current)
        ops.append(op)
        (current,) = op.infer([current])

    for _ in range(rng.integers(1, 3)):
        push("Conv")
        push(str(rng.choice(["Threshold", "Rescale"])))
        if rng.integers(2):
            push(str(rng.choice(["MaxPool", "SumPool"])))
    if rng.integers(3):
        push("Reshape")
        push("Dense")
        if rng.integers(2):
            push("ArgMax")
    return chain("random", source.shape, source.dtype, ops)


def random_folding(graph: Graph, rng: np.random.Generator) -> Folding:
    """Any legal lanes for every engine."""
    legal = legal_foldings(graph)
    return Folding({name: choices[rng.integers(len(choices))] for name, choices in legal.items()})


def random_op(rng: np.random.Generator, kind: str, index: int, source: TensorType) -> Op:
    """An operation ``t<index> -> t<index + 1>`` that fits the input."""
    names = (f"{kind.lower()}{index}", (f"t{index}",), (f"t{index + 1}",))
    return _MAKERS[kind](rng, names, source)


def _channels(rng: np.random.Generator) -> int:
    return int(rng.choice([1, 2, 3, 4, 6, 8, 12]))


def _image(rng: np.random.Generator) -> tuple[int, int, int]:
    return (int(rng.integers(1, 7)), int(rng.integers(1, 7)), _channels(rng))


def _geometry(
    rng: np.random.Generator, source: TensorType, dilate: bool
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int], tuple[int, int]]:
    """Kernel, stride, padding, dilation with at least one window."""
    while True:
        kernel, stride = ((int(a), int(b)) for a, b in rng.integers(1, 4, (2, 2)))
        padding = tuple(int(v) for v in rng.integers(0, 3, 4)) if rng.integers(2) else (0,) * 4
        dilation = (1, 1)
        if dilate and rng.integers(3) == 0:
            dilation = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
        room = [
            source.shape[i] + padding[i] + padding[i + 2] - dilation[i] * (kernel[i] - 1)
            for i in (0, 1)
        ]
        top, left, bottom, right = padding
        fits = max(top, bottom) < kernel[0] and max(left, right) < kernel[1]
        if min(room) >= 1 and (dilate or fits):
            return kernel, stride, (top, left, bottom, right), dilation


def _conv(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    kernel, stride, padding, dilation = _geometry(rng, source, True)
    channels = source.channels
    groups = int(rng.choice([g for g in (1, 1, 2, 3, channels) if channels % g == 0]))
    rows = groups * int(rng.integers(1, 4))
    if groups == channels and rng.integers(2):
        rows = groups
    wtype = random_type(rng, WEIGHTS)
    weight = draw(rng, wtype, (rows, *kernel, channels // groups))
    bias = rng.integers(-50, 50, rows) if rng.integers(2) else None
    pad = int(rng.integers(-2, 3)) if rng.integers(2) else source.dtype.lo
    return Conv(*names, weight, wtype, bias, stride, padding, dilation, groups, pad)


def _dense(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    wtype = random_type(rng, WEIGHTS)
    rows = int(rng.integers(1, 13))
    bias = rng.integers(-50, 50, rows) if rng.integers(2) else None
    return Dense(*names, draw(rng, wtype, (rows, source.size)), wtype, bias)


def _threshold(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    otype = random_type(rng, (*ACTIVATIONS, IntType(-10, 10), IntType(0, 63), IntType(3, 3)))
    rows = source.channels if rng.integers(3) else 1
    span = source.dtype.hi - source.dtype.lo
    low, high = source.dtype.lo - span // 8 - 1, source.dtype.hi + span // 8 + 2
    thresholds = np.sort(rng.integers(low, high + 1, (rows, otype.count - 1)), axis=1)
    sign = rng.choice([-1, 1], rows) if rng.integers(2) else np.ones(rows, np.int64)
    thresholds = np.where(sign[:, None] < 0, np.sort(-thresholds, axis=1), thresholds)
    return Threshold(*names, thresholds.astype(np.int64), sign.astype(np.int64), otype)


def _rescale(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    rows = source.channels if rng.integers(3) else 1
    shift = rng.integers(0, 12, rows) if rng.integers(2) else np.full(rows, rng.integers(0, 12))
    mul = rng.integers(-40, 200, rows)
    if rng.integers(2):  # many ties
        mul = np.left_shift(1, np.maximum(shift - 1, 0)) * rng.choice([-1, 1, 3], rows)
    add = rng.integers(-500, 500, rows) if rng.integers(2) else np.zeros(rows, np.int64)
    rounding = str(rng.choice(["floor", "half_even"]))
    otype = random_type(rng, (TERNARY, IntType(0, 15), IntType(-128, 127), IntType(-3, 90)))
    return Rescale(*names, mul.astype(np.int64), add, shift.astype(np.int64), rounding, otype)


def _max_pool(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    kernel, stride, padding, _ = _geometry(rng, source, False)
    return MaxPool(*names, kernel, stride, padding)


def _sum_pool(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    kernel, stride, padding, _ = _geometry(rng, source, False)
    return SumPool(*names, kernel, stride, padding, int(rng.integers(-2, 3)))


def _reshape(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    return Reshape(*names, (source.size,))


def _argmax(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    return ArgMax(*names)


def _topk(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    return TopK(*names, int(rng.integers(1, source.size + 1)))


def _table(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    dtype, otype = source.dtype, random_type(rng, (*ACTIVATIONS, IntType(-100, 27), IntType(3, 3)))
    itype = dtype
    if dtype.step == 1 and rng.integers(3) == 0:
        itype = IntType(dtype.lo - int(rng.integers(0, 4)), dtype.hi + int(rng.integers(0, 4)))
    rows = source.channels if rng.integers(2) else 1
    return Table(*names, draw(rng, otype, (rows, itype.count)), itype, otype)


def _shuffle(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    channels = source.channels
    permutation = np.arange(channels)
    if rng.integers(2):  # by groups, as a network does it
        groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
        permutation = permutation.reshape(groups, -1).T.reshape(-1).copy()
    else:
        rng.shuffle(permutation)
    return Shuffle(*names, permutation.astype(np.int64))


def _transpose(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    return Transpose(*names, source.shape, tuple(int(a) for a in rng.permutation(3)))


def _upsample(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    return Upsample(*names, (int(rng.integers(1, 4)), int(rng.integers(1, 4))))


def _conv_transpose(rng: np.random.Generator, names: tuple, source: TensorType) -> Op:
    channels = source.channels
    while True:
        kernel, stride, dilation = (
            (int(a), int(b)) for a, b in rng.integers(1, (5, 4, 3), (2, 3)).T
        )
        padding = tuple(int(v) for v in rng.integers(0, 4, 4)) if rng.integers(2) else (0,) * 4
        longer = (int(rng.integers(0, 3)), int(rng.integers(0, 3))) if rng.integers(2) else (0, 0)
        groups = int(rng.choice([g for g in (1, 1, 2, 3, channels) if channels % g == 0]))
        rows = (
            groups if groups == channels and rng.integers(2) else groups * int(rng.integers(1, 4))
        )
        wtype = random_type(rng, WEIGHTS)
        weight = draw(rng, wtype, (rows, *kernel, channels // groups))
        bias = rng.integers(-50, 50, rows) if rng.integers(2) else None
        top, left, bottom, right = padding
        op = ConvTranspose(
            *names,
            weight,
            wtype,
            bias,
            stride,
            (top, left, bottom, right),
            longer,
            dilation,
            groups,
        )
        if min(op.output_size((source.shape[0], source.shape[1]))) >= 1:
            return op


_MAKERS = {
    "Conv": _conv,
    "Dense": _dense,
    "Threshold": _threshold,
    "Rescale": _rescale,
    "MaxPool": _max_pool,
    "SumPool": _sum_pool,
    "Reshape": _reshape,
    "ArgMax": _argmax,
    "TopK": _topk,
    "Table": _table,
    "Shuffle": _shuffle,
    "Transpose": _transpose,
    "Upsample": _upsample,
    "ConvTranspose": _conv_transpose,
}
