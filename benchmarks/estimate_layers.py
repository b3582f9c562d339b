"""Networks made layer by layer from seeded numbers, with weights and thresholds as trained ones.

Weights are drawn from a normal distribution, with a width of its own for every output channel,
and quantized; thresholds and scales follow the statistics of what arrives, measured on
random smooth images (or vectors), as batch norms do. Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcompress.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    Concat,
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
    Split,
    SumPool,
    TensorType,
    Threshold,
    Upsample,
)

__all__ = ["Layers"]

_SAMPLES = 32
_SHIFT = 12  # of a rescaling


class Layers:
    """A graph that grows; every method returns the name of the tensor that it makes.

    Args:
        name: of the graph.
        shape: of the input, channels last.
        kind: type of the input.
        weights: kind of the weights, where a layer does not say otherwise: ``"w4"`` for
            four bits, ``"binary"``, ``"ternary"``, or ``"p3"`` for zero and three powers of two.
        bits: of activations; 1 is bipolar.
    """

    def __init__(
        self, name: str, shape: tuple[int, ...], kind: IntType, weights: str, bits: int
    ) -> None:
        self.name, self._weights, self._bits = name, weights, bits
        self._rng = np.random.default_rng([7, *name.encode()])
        self._ops: list[Op] = [
            Input("in", (), ("x",), shape, tuple(range(len(shape))), shape, kind, 1.0)
        ]
        self._types = {"x": TensorType(shape, kind)}
        self._values = {"x": self._samples(shape, kind)}
        self._count = 0
        self.last = "x"

    def _samples(self, shape: tuple[int, ...], kind: IntType) -> np.ndarray:
        """Samples that vary slowly over the image, as photographs do."""
        values = self._rng.normal(0, 1, (_SAMPLES, *shape))
        for axis in range(1, len(shape)):
            for _ in range(2):
                values = values + np.roll(values, 1, axis)
        values /= values.std()
        middle, size = (kind.lo + kind.hi) / 2, (kind.hi - kind.lo) / 5
        if kind.is_bipolar:
            return np.where(values >= 0, 1, -1).astype(np.int64)
        found: np.ndarray = np.clip(np.rint(middle + size * values), kind.lo, kind.hi)
        return found.astype(np.int64)

    def type_of(self, tensor: str | None = None) -> TensorType:
        """Of a tensor, by default the last one."""
        return self._types[tensor or self.last]

    def _put(self, op: Op) -> str:
        self._ops.append(op)
        types = op.infer([self._types[name] for name in op.inputs])
        values = op.evaluate([self._values[name] for name in op.inputs])
        for name, kind, value in zip(op.outputs, types, values, strict=True):
            self._types[name], self._values[name] = kind, value
        self.last = op.outputs[0]
        return self.last

    def _names(
        self, kind: str, sources: Sequence[str | None] = (None,), results: int = 1
    ) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        self._count += 1
        outputs = tuple(f"t{self._count}" + (f"_{i}" if i else "") for i in range(results))
        return f"{kind}{self._count}", tuple(name or self.last for name in sources), outputs

    def _draw(self, shape: tuple[int, ...], kind: str | None) -> tuple[np.ndarray, IntType]:
        kind = kind or self._weights
        width = np.exp(self._rng.normal(0, 0.25, (shape[0], *(1 for _ in shape[1:]))))
        real = self._rng.normal(0, 1, shape) * width
        if kind == "binary":
            return np.where(real >= 0, 1, -1).astype(np.int64), BIPOLAR
        if kind == "ternary":
            return (np.sign(real) * (np.abs(real) > 0.7)).astype(np.int64), TERNARY
        if kind[0] == "p":
            powers = int(kind[1:])
            place = np.rint(np.log2(np.abs(real) / 2.5)).astype(np.int64) + powers - 1
            size = np.where(place < 0, 0, 1 << np.clip(place, 0, powers - 1))
            peak = 1 << (powers - 1)
            return np.sign(real).astype(np.int64) * size, IntType(-peak, peak)
        dtype = IntType.signed_bits(int(kind[1:]), narrow=True)
        quantized = np.clip(np.rint(real / 3 * dtype.hi), dtype.lo, dtype.hi)
        return quantized.astype(np.int64), dtype

    def _bias(self, rows: int, bias: bool) -> np.ndarray | None:
        return self._rng.integers(-200, 201, rows) if bias else None

    def conv(
        self,
        channels: int,
        kernel: int | tuple[int, int] = 3,
        stride: int | tuple[int, int] = 1,
        *,
        source: str | None = None,
        groups: int = 1,
        pad: int | tuple[int, int] | None = None,
        weights: str | None = None,
        bias: bool = False,
    ) -> str:
        """A convolution; by default padded so that stride 1 keeps the size.

        Bipolar activations have no zero: there is no padding by default.
        """
        kind = self.type_of(source)
        rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
        if pad is None:
            pad = 0 if kind.dtype.is_bipolar else (rows // 2, columns // 2)
        top, left = (pad, pad) if isinstance(pad, int) else pad
        weight, wtype = self._draw((channels, rows, columns, kind.channels // groups), weights)
        return self._put(
            Conv(
                *self._names("conv", [source]), weight, wtype, self._bias(channels, bias),
                stride=(stride, stride) if isinstance(stride, int) else stride,
                padding=(top, left, top, left), groups=groups,
            )
        )  # fmt: skip

    def depthwise(self, kernel: int = 3, stride: int = 1, *, weights: str | None = None) -> str:
        """Every channel alone."""
        channels = self.type_of().channels
        return self.conv(channels, kernel, stride, groups=channels, weights=weights)

    def up(self, channels: int) -> str:
        """A transposed convolution of 2 x 2 with stride 2."""
        weight, wtype = self._draw((channels, 2, 2, self.type_of().channels), None)
        return self._put(ConvTranspose(*self._names("up"), weight, wtype, stride=(2, 2)))

    def dense(self, rows: int, *, weights: str | None = None, bias: bool = False) -> str:
        """A dense layer of a vector."""
        weight, wtype = self._draw((rows, self.type_of().size), weights)
        names = self._names("dense")
        return self._put(Dense(*names, weight, wtype, self._bias(rows, bias)))

    def act(
        self, bits: int | None = None, *, source: str | None = None, falls: bool = False
    ) -> str:
        """Batch norm and a quantized ReLU (or sign), as thresholds.

        Args:
            bits: other than the network's.
            source: other than the last tensor.
            falls: some channels have a negative gain.
        """
        bits = bits or self._bits
        otype = BIPOLAR if bits == 1 else IntType.unsigned_bits(bits)
        rows, sign = self._steps(source, otype.count - 1, falls)
        return self._put(Threshold(*self._names("act", [source]), rows, sign, otype))

    def _steps(self, source: str | None, levels: int, falls: bool) -> tuple[np.ndarray, np.ndarray]:
        kind = self.type_of(source)
        values = self._values[source or self.last].reshape(-1, kind.channels)
        middle, size = values.mean(0), np.maximum(values.std(0), 0.5)
        gain = np.exp(self._rng.normal(0, 0.2, kind.channels))
        start = middle + size * self._rng.normal(0, 0.3, kind.channels)
        if levels > 1:
            start -= 0.3 * size
        places = (np.arange(levels) + 0.5) * 3 / (levels + 1) if levels > 1 else np.zeros(1)
        rows = np.ceil(start[:, None] + (size * gain)[:, None] * places).astype(np.int64)
        sign = np.ones(kind.channels, np.int64)
        if falls:
            sign[self._rng.random(kind.channels) < 0.3] = -1
            rows = np.where(sign[:, None] < 0, -rows[:, ::-1], rows)
            return rows, sign
        return np.clip(rows, kind.dtype.lo, kind.dtype.hi + 1), sign

    def rescale(
        self, bits: int | None = None, *, source: str | None = None, signed: bool = False
    ) -> str:
        """A requantization per channel to ``bits`` bits, as eight-bit networks have them."""
        bits = bits or self._bits
        otype = IntType.signed_bits(bits) if signed else IntType.unsigned_bits(bits)
        kind = self.type_of(source)
        values = self._values[source or self.last].reshape(-1, kind.channels)
        middle, size = values.mean(0), np.maximum(values.std(0), 0.5)
        gain = np.exp(self._rng.normal(0, 0.2, kind.channels))
        scale = otype.count / (6 if signed else 3) / size * gain
        shift = _SHIFT + max(0, int(np.ceil(-np.log2(scale.max()))))
        mul = np.maximum(1, np.rint(scale * 2.0**shift)).astype(np.int64)
        start = -middle if signed else -middle + 0.5 * size
        add = np.rint(mul * start).astype(np.int64)
        return self._put(
            Rescale(
                *self._names("scale", [source]), mul, add, np.array([shift]), "half_even", otype
            )
        )

    def max_pool(self, size: int = 2, stride: int | None = None) -> str:
        """The largest of ``size x size``."""
        step = stride or size
        return self._put(MaxPool(*self._names("pool"), (size, size), (step, step)))

    def sum_pool(self, size: int | None = None) -> str:
        """Sums over ``size x size``, by default over the whole image."""
        height, width, _ = self.type_of().shape
        window = (size, size) if size else (height, width)
        return self._put(SumPool(*self._names("sum"), window, window))

    def add(self, *sources: str) -> str:
        """The sum of tensors."""
        return self._put(Add(*self._names("add", sources), np.ones((len(sources), 1), np.int64)))

    def concat(self, *sources: str) -> str:
        """Channels side by side."""
        return self._put(Concat(*self._names("concat", sources)))

    def split(self, *sizes: int) -> tuple[str, ...]:
        """Parts of the channels."""
        op = Split(*self._names("split", results=len(sizes)), sizes)
        self._put(op)
        return op.outputs

    def shuffle(self, groups: int) -> str:
        """The channel shuffle of ShuffleNet."""
        channels = self.type_of().channels
        order = np.arange(channels).reshape(groups, -1).T.reshape(-1)
        return self._put(Shuffle(*self._names("shuffle"), order))

    def upsample(self, factor: int = 2) -> str:
        """Every pixel ``factor x factor`` times."""
        return self._put(Upsample(*self._names("up"), (factor, factor)))

    def flat(self) -> str:
        """The last tensor as a vector."""
        return self._put(Reshape(*self._names("flat"), (self.type_of().size,)))

    def argmax(self) -> str:
        """Which class."""
        return self._put(ArgMax(*self._names("argmax")))

    def graph(self) -> Graph:
        """The network, whose output is the last tensor."""
        return Graph.build(self.name, [*self._ops, Output("out", (self.last,), ())])
