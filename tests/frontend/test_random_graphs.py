"""Random graphs with branches: every quantized tensor equals the source."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_float64, check_qonnx, encoded
from hwcompress.ir import trace
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_chains import scale_of

SAMPLES = 12
SIZE = 4


class Grower:
    """Adds one random pattern after another to a pool of quantized tensors ``(1, C, 4, 4)``."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.power = bool(self.random.integers(0, 2))
        channels = int(self.random.integers(2, 5)) * 2
        self.model = ModelBuilder((1, channels, SIZE, SIZE))
        self.pool: list[tuple[str, int]] = []  # tensors and their channels
        self.put(self.model.act(self.scale(), 4), channels)

    def scale(self) -> float:
        return scale_of(self.random, self.power, -4, 0)

    def put(self, tensor: str, channels: int) -> None:
        self.pool.append((tensor, channels))

    def take(self) -> tuple[str, int]:
        """A tensor of the pool, late ones more often."""
        count = len(self.pool)
        return self.pool[max(int(self.random.integers(count)), int(self.random.integers(count)))]

    def quantized(self, channels: int, positive: bool = False) -> None:
        """Quantize the chain's end, perhaps behind a batch norm or an activation."""
        model, random = self.model, self.random
        if random.random() < 0.4:
            model.batch_norm(random, channels, 1.5)
            positive = False
        if random.random() < 0.5:
            model.node("Relu", model.last)
            positive = True
        self.put(model.act(self.scale(), int(random.integers(2, 5)), signed=not positive), channels)

    def convolution(self) -> None:
        source, channels = self.take()
        self.model.last = source
        rows = int(self.random.integers(1, 4)) * 2
        groups = int(self.random.choice([1, 2, channels])) if channels % 2 == 0 else 1
        rows = channels if groups == channels else rows
        kernel = int(self.random.choice([1, 3]))
        weight = self.random.normal(0, 0.5, (rows, channels // groups, kernel, kernel))
        pads = [kernel // 2] * 4
        self.model.conv(
            weight, scale_of(self.random, self.power, -4, -2), 4, group=groups, pads=pads
        )
        self.quantized(rows)

    def addition(self) -> None:
        first, channels = self.take()
        others = [item for item in self.pool if item[1] == channels and item[0] != first]
        if not others:
            return self.convolution()
        second = others[int(self.random.integers(len(others)))][0]
        self.model.node(str(self.random.choice(["Add", "Add", "Sub"])), first, second)
        return self.quantized(channels)

    def concatenation(self) -> None:
        (first, one), (second, two) = self.take(), self.take()
        if one + two > 12 or first == second:
            return self.convolution()
        self.model.node("Concat", first, second, axis=1)
        if self.power and self.random.random() < 0.5:
            return self.put(self.model.last, one + two)
        return self.quantized(one + two)

    def parts(self) -> None:
        source, channels = self.take()
        if channels < 2:
            return
        cut = int(self.random.integers(1, channels))
        sizes = self.model.constant(np.array([cut, channels - cut]))
        left, right = self.model.several("Split", 2, source, sizes, axis=1)
        self.put(left, cut)
        self.put(right, channels - cut)

    def shuffle(self) -> None:
        source, channels = self.take()
        if channels % 2:
            return
        split = [1, 2, channels // 2, SIZE, SIZE]
        self.model.node("Reshape", source, self.model.constant(np.array(split)))
        self.model.node("Transpose", self.model.last, perm=[0, 2, 1, 3, 4])
        shape = self.model.constant(np.array([1, channels, SIZE, SIZE]))
        self.put(self.model.node("Reshape", self.model.last, shape), channels)

    def transposition(self) -> None:
        source, channels = self.take()
        self.put(self.model.node("Transpose", source, perm=[0, 1, 3, 2]), channels)

    def gate(self) -> None:
        source, channels = self.take()
        self.model.node("GlobalAveragePool", source)
        self.model.act(self.scale(), 4)
        if self.random.random() < 0.5:
            weight = self.random.normal(0, 0.5, (channels, channels, 1, 1))
            self.model.conv(weight, 0.125, 4)
        self.model.node("Sigmoid", self.model.last)
        self.model.node("Mul", source, self.model.act(0.0625, 4, signed=False))
        self.quantized(channels)

    def table(self) -> None:
        source, channels = self.take()
        self.model.node("Mul", source, self.model.node("Tanh", source))
        self.quantized(channels)

    def pooling(self) -> None:
        source, channels = self.take()
        options = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]}
        if self.random.random() < 0.5:
            self.put(self.model.node("MaxPool", source, **options), channels)
            return
        self.model.node("AveragePool", source, count_include_pad=1, **options)
        self.quantized(channels)

    def enlarged(self) -> None:
        source, channels = self.take()
        scales = self.model.constant(np.array([1.0, 1.0, 2.0, 2.0]))
        self.model.node(
            "Resize",
            source,
            "",
            scales,
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )
        self.model.node("MaxPool", self.model.last, kernel_shape=[2, 2], strides=[2, 2])
        self.put(self.model.last, channels)

    def finish(self, path: Path) -> Path:
        """Outputs: a tensor at random, and a dense layer on the last one."""
        steps = [
            *(self.convolution,) * 3,
            *(self.addition,) * 3,
            self.concatenation,
            self.concatenation,
            self.parts,
            self.shuffle,
            self.transposition,
            self.gate,
            self.table,
            self.pooling,
            self.enlarged,
        ]
        for _ in range(int(self.random.integers(4, 9))):
            steps[int(self.random.integers(len(steps)))]()
        source, channels = self.pool[-1]
        others = [name for name, _ in self.pool[1:-1]]
        if others and self.random.random() < 0.5:
            self.model.last = others[int(self.random.integers(len(others)))]
            self.model.outputs.append(self.model.act(self.scale(), 4))
        self.model.node("Flatten", source)
        weight = self.random.normal(0, 0.5, (3, channels * SIZE * SIZE))
        self.model.dense(weight, 0.125, 4)
        return self.model.save(path)


def check(seed: int, path: Path) -> Counter[str]:
    grower = Grower(seed)
    imported = import_model(grower.finish(path))
    samples = np.random.default_rng(seed + 1).normal(
        0, 1.5, (SAMPLES, *imported.graph.inputs[0].source_shape)
    )
    samples = samples.astype(np.float32)
    integers = trace(imported.graph, encoded(imported, samples))
    results = [
        *check_float64(imported, samples, integers),
        *check_qonnx(imported, samples, integers),
    ]
    for result in results:
        assert result.exact, f"seed {seed}: {result}"
    return Counter(op.kind for op in imported.graph.layers)


def test_random_graphs(tmp_path: Path) -> None:
    found: Counter[str] = Counter()
    for seed in range(1000, 1024):
        found += check(seed, tmp_path / "model.onnx")
    wanted = {"Add", "Concat", "Conv", "MaxPool", "Mul", "Shuffle", "Split", "SumPool", "Transpose"}
    assert wanted <= set(found), found


@pytest.mark.long
@pytest.mark.parametrize("block", range(20))
def test_many_random_graphs(block: int, tmp_path: Path) -> None:
    for seed in range(1000 + 20 * block, 1020 + 20 * block):
        check(seed, tmp_path / "model.onnx")
