"""Seeded random graphs, one operation or a whole network, and inputs for them.

Every realisation (simulator, RTL, hls4ml) is tested on these. The same
arguments give the same graph. Sizes are small: what is random is the shape of
the problem (odd sizes, groups, strides, asymmetric padding, single channels,
1 x 1 images, types of every kind), not its amount.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hwcompress.ir import (
    BIPOLAR,
    TERNARY,
    ArgMax,
    Conv,
    Dense,
    Graph,
    Input,
    IntType,
    MaxPool,
    Op,
    Output,
    Rescale,
    Reshape,
    SumPool,
    TensorType,
    Threshold,
)

__all__ = ["KINDS", "random_inputs", "random_network", "random_op_graph", "random_type"]

KINDS = ("Dense", "Conv", "Threshold", "Rescale", "MaxPool", "SumPool", "Reshape", "ArgMax")

_Rng = np.random.Generator


def random_inputs(graph: Graph, n: int, seed: int) -> dict[str, np.ndarray]:
    """``n`` samples per input, int64; some sit at the ends of the type."""
    rng = np.random.default_rng([seed, 1])
    feeds = {}
    for op in graph.inputs:
        kind = op.dtype
        values = kind.lo + kind.step * rng.integers(0, kind.count, (n, *op.shape))
        ends = np.where(rng.random(values.shape) < 0.5, kind.lo, kind.hi)
        extreme = rng.random((n, *(1 for _ in op.shape))) < 0.25
        feeds[op.outputs[0]] = np.where(extreme, ends, values)
    return feeds


def random_op_graph(kind: str, seed: int) -> Graph:
    """Input, one operation of the named kind, Output.

    Args:
        kind: one of :data:`KINDS`.
        seed: anything from 0 up.
    """
    rng = np.random.default_rng([seed, 2, *kind.encode()])
    source, op = _OPS[kind](rng)
    graph_input = Input(
        "in", (), ("x",), source.shape, _identity(source), source.shape, source.dtype, 1.0
    )
    return Graph.build(f"{kind.lower()}_{seed}", [graph_input, op, Output("out", ("y",), ())])


def random_network(
    seed: int,
    *,
    image: bool | None = None,
    argmax: bool | None = None,
    max_layers: int = 3,
    max_size: int = 9,
    max_channels: int = 9,
) -> Graph:
    """A chain as networks have it: (Conv, activation, pool)*, Reshape, (Dense, activation)*, Dense.

    Args:
        seed: anything from 0 up.
        image: whether it begins with an image; by default random.
        argmax: whether it ends in an ArgMax; by default random.
        max_layers: most Conv, and most hidden Dense layers.
        max_size: largest height and width of the image.
        max_channels: largest number of channels or neurons of a layer.
    """
    rng = np.random.default_rng([seed, 3])
    if image is None:
        image = bool(rng.random() < 0.7)
    if argmax is None:
        argmax = bool(rng.random() < 0.5)
    chain = _Chain(rng, max_size, max_channels, image)
    if image:
        for _ in range(rng.integers(1, max_layers + 1)):
            chain.add(lambda source: _conv(rng, source, max_channels))
            chain.activate()
            if rng.random() < 0.5:
                make = _max_pool if rng.random() < 0.6 else _sum_pool
                chain.add(lambda source, make=make: make(rng, source))
                if rng.random() < 0.5:
                    chain.activate()
        chain.add(lambda source: Reshape("", (), (), (source.size,)))
    for _ in range(rng.integers(0, max_layers + 1)):
        chain.add(lambda source: _dense(rng, source, max_channels))
        chain.activate()
    chain.add(lambda source: _dense(rng, source, max_channels))
    if argmax:
        chain.add(lambda source: ArgMax("", (), ()))
    return chain.finish(f"network_{seed}")


class _Chain:
    """A graph that grows at its end; operations are named as they are added.

    A few samples grow with it, so that an activation can be placed where its
    input really lies: else most networks would compute a constant.
    """

    def __init__(self, rng: _Rng, max_size: int, max_channels: int, image: bool) -> None:
        channels = int(rng.integers(1, max_channels + 1))
        shape = (*map(int, rng.integers(1, max_size + 1, 2)), channels) if image else (channels,)
        self.rng = rng
        self.tail = TensorType(shape, _varied_type(rng, 6))
        self.samples = _values(rng, self.tail.dtype, (32, *shape))
        self.tensor = "x"
        self.ops: list[Op] = [
            Input("in", (), ("x",), shape, _identity(self.tail), shape, self.tail.dtype, 1.0)
        ]

    def add(self, make: Callable[[TensorType], Op]) -> None:
        op = make(self.tail)
        name = f"{op.kind.lower()}{len(self.ops)}"
        op = replace(op, name=name, inputs=(self.tensor,), outputs=(name,))
        (self.tail,) = op.infer([self.tail])
        (self.samples,) = op.evaluate([self.samples])
        self.tensor = name
        self.ops.append(op)

    def activate(self) -> None:
        """Threshold or Rescale, about the range that the samples take."""
        flat = self.samples.reshape(-1, self.tail.channels)
        lo, hi = flat.min(axis=0), flat.max(axis=0)
        rng, otype = self.rng, _varied_type(self.rng, 4)
        make = _threshold if otype.is_bipolar or rng.random() < 0.6 else _rescale
        self.add(lambda source: make(rng, source, otype, lo, hi))

    def finish(self, name: str) -> Graph:
        return Graph.build(name, [*self.ops, Output("out", (self.tensor,), ())])


def random_type(rng: _Rng, max_bits: int) -> IntType:
    """Bipolar, ternary, unsigned, signed, symmetric or a lopsided interval."""
    bits = int(rng.integers(1, max_bits + 1))
    choice = rng.integers(0, 7)
    if choice == 0:
        return BIPOLAR
    if choice == 1:
        return TERNARY
    if choice in (2, 3):
        return IntType.unsigned_bits(bits, narrow=bool(rng.random() < 0.3) and bits > 1)
    if choice == 4:
        return IntType.signed_bits(bits + 1, narrow=bool(rng.random() < 0.5))
    ends = np.sort(rng.integers(-(1 << bits), (1 << bits) + 1, 2))
    return IntType(int(ends[0]), int(ends[1]))


def _varied_type(rng: _Rng, max_bits: int) -> IntType:
    """As :func:`random_type`, with two values at least."""
    while True:
        kind = random_type(rng, max_bits)
        if kind.count > 1:
            return kind


def _identity(tensor: TensorType) -> tuple[int, ...]:
    return tuple(range(len(tensor.shape)))


def _values(rng: _Rng, kind: IntType, shape: Sequence[int]) -> np.ndarray:
    return kind.lo + kind.step * rng.integers(0, kind.count, tuple(shape))


def _weights(rng: _Rng, shape: Sequence[int]) -> tuple[np.ndarray, IntType]:
    wtype = (BIPOLAR, TERNARY, random_type(rng, 4), IntType.signed_bits(8))[rng.integers(0, 4)]
    return _values(rng, wtype, shape), wtype


def _bias(rng: _Rng, weight: np.ndarray, source: IntType) -> np.ndarray | None:
    """Of the size of the sums."""
    reach = int(np.abs(weight).sum() // len(weight)) * max(abs(source.lo), abs(source.hi)) // 2 + 1
    return None if rng.random() < 0.4 else rng.integers(-reach, reach + 1, len(weight))


def _ends(kind: IntType) -> tuple[np.ndarray, np.ndarray]:
    return np.array([kind.lo]), np.array([kind.hi])


def _image(rng: _Rng, max_size: int = 8, max_channels: int = 8, max_bits: int = 6) -> TensorType:
    height, width = (int(size) for size in rng.integers(1, max_size + 1, 2))
    channels = int(rng.integers(1, max_channels + 1))
    return TensorType((height, width, channels), random_type(rng, max_bits))


def _vector(rng: _Rng, max_bits: int = 8) -> TensorType:
    # Some are longer than one 64-bit word of bipolar values, or just fill it.
    length = int(rng.choice([1, 2, 3, 7, 12, 13, 33, 63, 64, 65, 100, 130]))
    return TensorType((length,), random_type(rng, max_bits))


def _dense(rng: _Rng, source: TensorType, max_rows: int) -> Dense:
    rows = int(rng.integers(1, max_rows + 1))
    weight, wtype = _weights(rng, (rows, source.channels))
    return Dense("op", ("x",), ("y",), weight, wtype, _bias(rng, weight, source.dtype))


def _window(
    rng: _Rng, size: Sequence[int], max_kernel: int, padded: bool, limit_padding: bool
) -> tuple[tuple[int, int], tuple[int, int, int, int], tuple[int, int]]:
    """Kernel, padding and dilation that fit an image of the given size."""
    kernel, before, after, dilation = [], [], [], []
    for length in size:
        k = int(rng.integers(1, max_kernel + 1))
        most = k - 1 if limit_padding else k
        pads = rng.integers(0, most + 1, 2) if padded else (0, 0)
        pads = [int(p) for p in pads]
        k = min(k, length + sum(pads))
        if limit_padding:
            pads = [min(p, k - 1) for p in pads]
            k = min(k, length + sum(pads))
            pads = [min(p, k - 1) for p in pads]
        d = int(rng.integers(1, 3)) if not limit_padding else 1
        if d * (k - 1) + 1 > length + sum(pads):
            d = 1
        kernel.append(k)
        before.append(pads[0])
        after.append(pads[1])
        dilation.append(d)
    return (
        (kernel[0], kernel[1]),
        (before[0], before[1], after[0], after[1]),
        (dilation[0], dilation[1]),
    )


def _stride(rng: _Rng) -> tuple[int, int]:
    return (int(rng.integers(1, 4)), int(rng.integers(1, 4)))


def _pad_value(rng: _Rng, kind: IntType) -> int:
    """Zero, a value of the type, or one outside it."""
    choice = rng.integers(0, 4)
    if choice < 2:
        return 0
    return int(_values(rng, kind, ())) if choice == 2 else kind.hi + 3


def _conv(rng: _Rng, source: TensorType, max_filters: int) -> Conv:
    height, width, channels = source.shape
    divisors = [d for d in range(1, channels + 1) if channels % d == 0]
    groups = int(rng.choice([1, 1, *divisors]))
    filters = groups * int(rng.integers(1, max(max_filters // groups, 1) + 1))
    kernel, padding, dilation = _window(
        rng, (height, width), 4, bool(rng.random() < 0.6), limit_padding=False
    )
    weight, wtype = _weights(rng, (filters, *kernel, channels // groups))
    return Conv(
        "op", ("x",), ("y",), weight, wtype, _bias(rng, weight, source.dtype), _stride(rng),
        padding, dilation, groups, _pad_value(rng, source.dtype),
    )  # fmt: skip


def _max_pool(rng: _Rng, source: TensorType) -> MaxPool:
    kernel, padding, _ = _window(
        rng, source.shape[:2], 3, bool(rng.random() < 0.4), limit_padding=True
    )
    return MaxPool("op", ("x",), ("y",), kernel, _stride(rng), padding)


def _sum_pool(rng: _Rng, source: TensorType) -> SumPool:
    kernel, padding, _ = _window(
        rng, source.shape[:2], 3, bool(rng.random() < 0.4), limit_padding=True
    )
    pad_value = _pad_value(rng, source.dtype)
    return SumPool("op", ("x",), ("y",), kernel, _stride(rng), padding, pad_value)


def _threshold(
    rng: _Rng, source: TensorType, otype: IntType, lo: np.ndarray, hi: np.ndarray
) -> Threshold:
    """Levels over the middle of ``lo ... hi`` of a channel; some repeat, some lie outside."""
    lo, hi = _per_row(rng, source, lo, hi)
    sign = rng.choice([1, 1, -1], lo.size).astype(np.int64)
    middle, spread = ((lo + hi) // 2)[:, None], ((hi - lo) // 3 + 1)[:, None]
    levels = rng.integers(middle - spread, middle + spread + 1, (lo.size, otype.count - 1))
    outside = rng.random(levels.shape) < 0.05
    levels = np.where(outside, levels + rng.choice([-1, 1]) * 4 * spread, levels)
    thresholds = np.sort(levels, axis=1)
    falling = sign < 0
    thresholds[falling] = -thresholds[falling, ::-1]
    return Threshold("op", ("x",), ("y",), thresholds, sign, otype)


def _rescale(
    rng: _Rng, source: TensorType, otype: IntType, lo: np.ndarray, hi: np.ndarray
) -> Rescale:
    """About ``lo ... hi`` of a channel onto the range of the output: it both clips and rounds."""
    lo, hi = _per_row(rng, source, lo, hi)
    gain = otype.count / (hi - lo + 1) * rng.uniform(0.5, 2.0, lo.size)
    # Few bits of multiplier make ties frequent, many make it precise.
    precision = rng.integers(0, 9, lo.size)
    shift = np.clip(precision - np.floor(np.log2(gain)).astype(np.int64), 0, 40)
    mul = np.rint(gain * 2.0**shift).astype(np.int64) * rng.choice([1, 1, -1], lo.size)
    target = (otype.hi + otype.lo) // 2
    add = (target << shift) - mul * ((hi + lo) // 2) + rng.integers(-3, 4, lo.size)
    rounding = ("floor", "half_even")[rng.integers(0, 2)]
    return Rescale("op", ("x",), ("y",), mul, add, shift, rounding, otype)


def _per_row(
    rng: _Rng, source: TensorType, lo: np.ndarray, hi: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds for a row per channel, or for one row for all."""
    if rng.random() < 0.7:
        return np.broadcast_to(lo, (source.channels,)), np.broadcast_to(hi, (source.channels,))
    return np.array([lo.min()]), np.array([hi.max()])


def _make_dense(rng: _Rng) -> tuple[TensorType, Op]:
    source = _vector(rng)
    return source, _dense(rng, source, 20)


def _make_conv(rng: _Rng) -> tuple[TensorType, Op]:
    source = _image(rng)
    if rng.random() < 0.25:  # deep bipolar: packed words, full and partly filled
        channels = int(rng.choice([12, 16, 63, 64, 65, 72]))
        source = TensorType((*(min(size, 4) for size in source.shape[:2]), channels), BIPOLAR)
        op = _conv(rng, source, 5)
        weight = _values(rng, BIPOLAR, op.weight.shape)
        return source, replace(op, weight=weight, wtype=BIPOLAR)
    return source, _conv(rng, source, 12)


def _make_threshold(rng: _Rng) -> tuple[TensorType, Op]:
    bits = int(rng.choice([2, 6, 8, 12, 20]))
    source = _image(rng, 3, 6, bits) if rng.random() < 0.5 else _vector(rng, bits)
    otype = random_type(rng, 4 if rng.random() < 0.7 else 8)
    return source, _threshold(rng, source, otype, *_ends(source.dtype))


def _make_rescale(rng: _Rng) -> tuple[TensorType, Op]:
    bits = int(rng.choice([2, 6, 8, 12, 20, 28]))
    source = _image(rng, 3, 6, bits) if rng.random() < 0.5 else _vector(rng, bits)
    otype = random_type(rng, 8)
    if otype.is_bipolar:  # a Rescale cannot make it
        otype = TERNARY
    return source, _rescale(rng, source, otype, *_ends(source.dtype))


def _make_max_pool(rng: _Rng) -> tuple[TensorType, Op]:
    source = _image(rng)
    return source, _max_pool(rng, source)


def _make_sum_pool(rng: _Rng) -> tuple[TensorType, Op]:
    source = _image(rng)
    return source, _sum_pool(rng, source)


def _make_reshape(rng: _Rng) -> tuple[TensorType, Op]:
    source = _image(rng)
    height, width, channels = source.shape
    shapes = [(source.size,), (channels, height, width), (height * width, channels)]
    return source, Reshape("op", ("x",), ("y",), shapes[rng.integers(0, 3)])


def _make_arg_max(rng: _Rng) -> tuple[TensorType, Op]:
    return _vector(rng, int(rng.choice([1, 2, 8, 16]))), ArgMax("op", ("x",), ("y",))


_OPS: dict[str, Callable[[_Rng], tuple[TensorType, Op]]] = {
    "Dense": _make_dense,
    "Conv": _make_conv,
    "Threshold": _make_threshold,
    "Rescale": _make_rescale,
    "MaxPool": _make_max_pool,
    "SumPool": _make_sum_pool,
    "Reshape": _make_reshape,
    "ArgMax": _make_arg_max,
}
