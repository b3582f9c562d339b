"""Random chains of convolutions, pools, pads, parts and layouts against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.frontend.against_ort import agrees_with_ort
from tests.frontend.onnx_builder import ModelBuilder

Random = np.random.Generator
Shape = tuple[int, ...]  # (channels, height, width), or (channels, length)


class Chain:
    """Appends random operators; ``shape`` is the sample's, channels first."""

    def __init__(self, model: ModelBuilder, random: Random, shape: Shape) -> None:
        self.model, self.random, self.shape = model, random, shape

    @property
    def rank(self) -> int:
        return len(self.shape) - 1

    def number(self, low: int, high: int) -> int:
        """From ``low`` to ``high``, both possible."""
        return int(self.random.integers(low, high + 1))

    def node(self, op: str, *inputs: str, **attributes: object) -> None:
        self.model.node(op, self.model.last, *inputs, **attributes)

    def ints(self, values: object) -> str:
        return self.model.constant(np.asarray(values, np.int64))

    def resized(self, spatial: list[int], channels: int | None = None) -> None:
        self.shape = (channels or self.shape[0], *spatial)

    def window(self, pool: bool) -> dict[str, object]:
        """A window; ``shape`` becomes what it leaves."""
        kernel, strides, pads, sizes = [], [], ([], []), []  # type: ignore[var-annotated]
        for size in self.shape[1:]:
            k = self.number(1, min(3, size))
            s = self.number(1, 2 if size > 4 else 1)
            begin, end = (self.number(0, k - 1 if pool else 2) for _ in range(2))
            kernel.append(k)
            strides.append(s)
            pads[0].append(begin)
            pads[1].append(end)
            sizes.append((size + begin + end - k) // s + 1)
        self.resized(sizes)
        return {"kernel_shape": kernel, "strides": strides, "pads": [*pads[0], *pads[1]]}

    def quantize(self) -> None:
        bits = self.number(3, 5)
        if self.random.integers(2):
            self.model.act(2.0 ** -self.number(1, 3), bits)
        else:
            zero = float(self.number(0, 5))
            self.model.act(2.0 ** -self.number(1, 3), bits, signed=False, zero=zero)

    def conv(self) -> None:
        before = self.shape[0]
        groups = before if self.random.integers(3) == 0 else 1
        rows = before if groups > 1 else self.number(1, 5)
        attributes = self.window(False)
        weight = self.random.normal(0, 1, (rows, before // groups, *attributes.pop("kernel_shape")))  # type: ignore[misc]
        self.model.conv(weight, 0.25, 3, group=groups, **attributes)
        self.resized(list(self.shape[1:]), rows)
        factor = 2.0 ** self.random.integers(-2, 1, (rows, *[1] * self.rank))
        sign = self.random.choice([-1.0, 1.0], factor.shape)
        self.node("Mul", self.model.constant(factor * sign))
        if self.random.integers(2):
            self.node("Relu")

    def pool(self) -> None:
        op = str(self.random.choice(["MaxPool", "AveragePool"]))
        more = {"count_include_pad": self.number(0, 1)} if op == "AveragePool" else {}
        self.node(op, **self.window(True), **more)

    def pad(self) -> None:
        pads = self.random.integers(-1, 3, (2, self.rank + 1))
        pads *= self.random.random(self.rank + 1) < 0.6
        sizes = np.array(self.shape)
        pads = np.where(sizes > 3, pads, np.maximum(pads, 0))
        mode = str(self.random.choice(["constant", "constant", "edge"]))
        self.node("Pad", self.ints([0, *pads[0], 0, *pads[1]]), mode=mode)
        self.shape = tuple(int(i) for i in sizes + pads.sum(axis=0))

    def slice(self) -> None:
        axis = self.number(0, self.rank)
        size = self.shape[axis]
        start, step = self.number(0, size // 3), self.number(1, 2)
        self.node("Slice", *(self.ints([i]) for i in (start, size, axis + 1, step)))
        left = len(range(start, size, step))
        self.shape = tuple(left if i == axis else n for i, n in enumerate(self.shape))

    def enlarge(self) -> None:
        factors = [self.number(1, 2) for _ in range(self.rank)]
        self.node(
            "Resize",
            "",
            self.model.constant(np.array([1.0, 1.0, *factors])),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        self.resized([n * f for n, f in zip(self.shape[1:], factors, strict=True)])

    def behind(self) -> None:
        """Something with the channels behind."""
        self.node("Transpose", perm=[0, *range(2, self.rank + 2), 1])
        axis = self.number(1, self.rank)
        size = self.shape[axis]
        match self.number(0, 2):
            case 0:
                pads = np.zeros((2, self.rank + 2), np.int64)
                pads[:, axis] = [self.number(0, 2), self.number(0, 2)]
                self.node("Pad", self.ints(pads.reshape(-1)))
                size += int(pads.sum())
            case 1:
                self.model.node("ReduceMax", self.model.last, axes=[axis], keepdims=1)
                size = 1
            case 2:
                self.node("Relu")
        self.node("Transpose", perm=[0, self.rank + 1, *range(1, self.rank + 1)])
        self.shape = tuple(size if i == axis else n for i, n in enumerate(self.shape))

    def add(self) -> None:
        """A residual sum with a shifted copy of itself."""
        source, shape = self.model.last, self.shape
        self.node("MaxPool", kernel_shape=[3] * self.rank, pads=[1] * 2 * self.rank)
        self.model.node("Add", source, self.model.last)
        self.shape = shape

    def steps(self) -> list[Callable[[], None]]:
        return [
            self.conv,
            self.conv,
            self.pool,
            self.pad,
            self.slice,
            self.enlarge,
            self.behind,
            self.add,
        ]


def chain(seed: int, path: Path) -> None:
    random = np.random.default_rng([seed, 11])
    rank = int(random.integers(1, 3))
    shape = (int(random.integers(1, 5)), *(int(n) for n in random.integers(5, 9, rank)))

    def build(model: ModelBuilder) -> None:
        made = Chain(model, np.random.default_rng([seed, 12]), shape)
        for place in range(made.number(2, 5)):
            if place == 0 and made.number(0, 3) == 0:
                made.pad()  # of the raw input
            made.quantize()
            made.steps()[made.number(0, 7)]()
        made.quantize()

    agrees_with_ort(build, (1, *shape), path, samples=2)


@pytest.mark.parametrize("seed", range(25))
def test_chain(seed: int, tmp_path: Path) -> None:
    chain(seed, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("part", range(1, 21))
def test_more_chains(part: int, tmp_path: Path) -> None:
    for seed in range(50 * part, 50 * (part + 1)):
        chain(seed, tmp_path)
