"""Graphs that between them use every operation in the ways that differ for hls4ml."""

from __future__ import annotations

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

U4 = IntType(0, 15)


_PROBES = 300


class Net:
    """Builds a graph op by op; every op reads the last tensor unless told otherwise.

    Random samples travel along, so that thresholds and scales fit the values
    that occur and not the much wider types.
    """

    def __init__(self, name: str, shape: tuple[int, ...], dtype: IntType, seed: int) -> None:
        self.name = name
        self.rng = np.random.default_rng(seed)
        self.ops: list[Op] = []
        self.types: dict[str, TensorType] = {}
        self.probes: dict[str, np.ndarray] = {}
        self.last = ""
        self.input(shape, dtype)

    def _add(self, cls: type[Op], source: str | None = None, **facts: object) -> str:
        name = f"{cls.__name__.lower()}_{len(self.ops)}"
        inputs = () if cls is Input else (source or self.last,)
        outputs = () if cls is Output else (f"t{len(self.ops)}",)
        op = cls(name, inputs, outputs, **facts)
        self.ops.append(op)
        if isinstance(op, Output):
            op.infer([self.types[inputs[0]]])
            return inputs[0]
        (self.last,) = outputs
        (self.types[self.last],) = op.infer([self.types[entry] for entry in inputs])
        if isinstance(op, Input):
            levels = self.rng.integers(0, op.dtype.count, (_PROBES, *op.shape))
            self.probes[self.last] = op.dtype.lo + op.dtype.step * levels
        else:
            (self.probes[self.last],) = op.evaluate([self.probes[entry] for entry in inputs])
        return self.last

    def input(self, shape: tuple[int, ...], dtype: IntType) -> str:
        axes = tuple(range(len(shape)))
        return self._add(Input, source_shape=shape, axes=axes, shape=shape, dtype=dtype, scale=1.0)

    def weights(self, shape: tuple[int, ...], wtype: IntType) -> np.ndarray:
        return wtype.lo + wtype.step * self.rng.integers(0, wtype.count, shape)

    def bias(self, rows: int, wanted: bool) -> np.ndarray | None:
        return self.rng.integers(-20, 21, rows) if wanted else None

    def dense(self, rows: int, wtype: IntType, *, bias: bool = False) -> str:
        weight = self.weights((rows, self.types[self.last].channels), wtype)
        return self._add(Dense, weight=weight, wtype=wtype, bias=self.bias(rows, bias))

    def conv(
        self,
        rows: int,
        kernel: tuple[int, int],
        wtype: IntType,
        *,
        groups: int = 1,
        bias: bool = False,
        **facts: object,
    ) -> str:
        depth = self.types[self.last].channels // groups
        weight = self.weights((rows, *kernel, depth), wtype)
        return self._add(
            Conv, weight=weight, wtype=wtype, groups=groups, bias=self.bias(rows, bias), **facts
        )

    def threshold(self, otype: IntType, *, per_channel: bool = True, falling: bool = False) -> str:
        kind = self.types[self.last]
        rows = kind.channels if per_channel else 1
        values = self.probes[self.last].reshape(-1, kind.channels)
        steps = np.empty((rows, otype.count - 1), np.int64)
        for row in range(rows):
            seen = values[:, row] if per_channel else values.ravel()
            # One beyond on each side: some levels may be always or never met.
            steps[row] = self.rng.choice(
                np.concatenate([seen, [seen.min(), seen.max() + 1]]), otype.count - 1
            )
        sign = np.ones(rows, np.int64)
        if falling:
            sign[:: 2 if per_channel else 1] = -1
        steps = np.sort(steps * sign[:, None], axis=1)
        return self._add(Threshold, thresholds=steps, sign=sign, otype=otype)

    def rescale(
        self, otype: IntType, rounding: str, *, per_channel: bool = True, shift: int = 9
    ) -> str:
        kind = self.types[self.last]
        rows = kind.channels if per_channel else 1
        shifts = self.rng.integers(max(shift - 8, 0), shift + 1, rows)
        reach = max(int(np.abs(self.probes[self.last]).max()), 1)
        # Somewhat wider than the output type, so that both bounds clip.
        mul = np.maximum((otype.count << shifts) // reach, 1) * self.rng.choice([-1, 1], rows)
        add = self.rng.integers(-40, 41, rows)
        return self._add(Rescale, mul=mul, add=add, shift=shifts, rounding=rounding, otype=otype)

    def max_pool(self, kernel: tuple[int, int], stride: tuple[int, int], **facts: object) -> str:
        return self._add(MaxPool, kernel=kernel, stride=stride, **facts)

    def sum_pool(self, kernel: tuple[int, int], stride: tuple[int, int], **facts: object) -> str:
        return self._add(SumPool, kernel=kernel, stride=stride, **facts)

    def reshape(self, *shape: int) -> str:
        return self._add(Reshape, shape=shape)

    def flatten(self) -> str:
        return self.reshape(self.types[self.last].size)

    def argmax(self) -> str:
        return self._add(ArgMax)

    def output(self, tensor: str | None = None) -> str:
        self._add(Output, source=tensor)
        return tensor or self.last

    def at(self, tensor: str) -> Net:
        """Let the next op read this tensor."""
        self.last = tensor
        return self

    def graph(self) -> Graph:
        return Graph.build(self.name, self.ops)


def samples(graph: Graph, count: int, seed: int) -> dict[str, np.ndarray]:
    """Uniform integers of the inputs' types, the first two samples at the bounds."""
    rng = np.random.default_rng(seed)
    feeds = {}
    for op in graph.inputs:
        levels = rng.integers(0, op.dtype.count, (count, *op.shape))
        levels[:2] = np.array([0, op.dtype.count - 1]).reshape(2, *[1] * len(op.shape))
        feeds[op.outputs[0]] = op.dtype.lo + op.dtype.step * levels
    return feeds


def dense_net() -> Graph:
    """Vectors: all weight and activation types, every scalar op, several results."""
    net = Net("dense", (20,), IntType(-8, 7), seed=1)
    start = net.last
    net.dense(16, BIPOLAR, bias=True)
    net.threshold(BIPOLAR, falling=True)
    net.dense(12, BIPOLAR)
    net.threshold(IntType(0, 1), per_channel=False)
    net.dense(12, IntType(0, 1))  # one-bit inputs and weights: XNOR to hls4ml
    net.threshold(TERNARY)
    net.dense(12, TERNARY, bias=True)
    middle = net.rescale(IntType(-8, 7), "half_even")
    net.dense(10, IntType(-2, 1))  # signed two bits: ternary to hls4ml
    net.rescale(U4, "floor", per_channel=False)
    net.dense(9, IntType(-128, 127), bias=True)
    net.threshold(IntType(0, 6), falling=True)
    logits = net.dense(6, IntType(-7, 7))
    net.output(logits)
    net.argmax()
    net.output()
    net.output(middle)
    net.output(start)
    net.at(middle).reshape(3, 4)
    net.output()
    return net.graph()


def image_net() -> Graph:
    """Images: every window op, with and without what stock hls4ml lacks."""
    net = Net("image", (9, 8, 2), U4, seed=2)
    net.conv(4, (3, 3), IntType(-8, 7), padding=(1, 0, 1, 2), stride=(1, 2), bias=True)
    net.threshold(IntType(-4, 3), falling=True)
    first = net.conv(6, (3, 2), TERNARY, groups=2, padding=(1, 1, 1, 1), pad_value=1)
    net.rescale(U4, "half_even")
    left = net.max_pool((2, 2), (1, 1))
    net.conv(4, (2, 2), BIPOLAR, dilation=(2, 2), padding=(0, 1, 2, 0))
    net.threshold(BIPOLAR)
    net.max_pool((3, 2), (2, 2), padding=(1, 1, 1, 0))
    net.conv(5, (1, 1), BIPOLAR)
    net.threshold(IntType(0, 3))
    net.flatten()
    net.dense(5, IntType(-4, 3))
    net.output()
    net.argmax()
    net.output()
    net.at(left).sum_pool((3, 2), (2, 1), padding=(1, 0, 1, 1), pad_value=3)
    net.rescale(IntType(-16, 15), "floor", per_channel=False)
    net.sum_pool((2, 2), (2, 2))
    net.flatten()
    net.threshold(U4, per_channel=False)  # a vector of its own channels, from an image stream
    net.output()
    net.at(first).max_pool((2, 2), (2, 2))
    net.output()
    net.at(first).conv(2, (1, 2), IntType(-3, 2), stride=(2, 2))  # one row, vertical stride
    net.output()
    return net.graph()


def mixed_net() -> Graph:
    """Two inputs, a vector that becomes an image, wide accumulators, a single level."""
    net = Net("mixed", (36,), IntType(-128, 127), seed=3)
    start = net.last
    net.reshape(3, 4, 3)
    net.conv(4, (2, 3), IntType(-128, 127), padding=(0, 1, 0, 1), bias=True)
    net.rescale(IntType(-32768, 32767), "half_even", shift=30)
    net.flatten()
    net.dense(3, IntType(-(1 << 20), (1 << 20) - 1))  # about 40 bits
    net.output()
    net.rescale(IntType(-(1 << 30), (1 << 30) - 1), "floor", shift=48)
    net.output()
    net.at(start).dense(3, IntType(0, 0))
    net.threshold(IntType(5, 5))
    net.output()
    net.input((2, 2, 1), IntType(3, 9))  # zero is no value of the type
    net.conv(2, (2, 2), IntType(-3, 3), padding=(1, 1, 0, 0))
    net.output()
    return net.graph()


def reused_net() -> Graph:
    """Matrix products with fewer multipliers than multiplications."""
    net = Net("reused", (6, 6, 3), U4, seed=4)
    net.conv(4, (3, 3), IntType(-7, 7), bias=True)
    net.threshold(U4)
    net.flatten()
    net.dense(8, IntType(-7, 7), bias=True)
    net.threshold(IntType(-4, 3))
    net.dense(4, IntType(-7, 7))
    net.output()
    return net.graph()
