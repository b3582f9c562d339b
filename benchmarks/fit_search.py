"""How long the search for the best folding takes, on nets of 50 layers and more.

    python benchmarks/fit_search.py

The areas are the estimates for 7 series. Seconds are those of one core's CPU, menus and
estimates first, then each search.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hwcompress.hls.fit import EstimatedCost
from hwcompress.hls.fit.network import menus_of
from hwcompress.hls.fit.solve import fastest
from hwcompress.ir import (
    Add,
    ArgMax,
    Conv,
    Dense,
    Graph,
    Input,
    IntType,
    MaxPool,
    Op,
    Output,
    Reshape,
    SumPool,
    Threshold,
)  # fmt: skip


class Net:
    """A graph that grows layer by layer; all weights are drawn."""

    def __init__(self, name: str, shape: tuple[int, int, int], bits: int) -> None:
        self.name, self.bits, self.count = name, bits, 0
        self.rng = np.random.default_rng(1)
        self.ops: list[Op] = [
            Input("in", (), ("x",), shape, (0, 1, 2), shape, IntType(0, 255), 1.0)
        ]
        self.last, self.shape, self.layers = "x", shape, 0

    def put(self, make: Callable[[str, str, str], Op], source: str | None = None) -> str:
        self.count += 1
        name = f"t{self.count}"
        self.ops.append(make(f"op{self.count}", source or self.last, name))
        self.last = name
        return name

    def conv(
        self, channels: int, kernel: int, stride: int = 1, *, groups: int = 1, act: bool = True
    ) -> None:
        height, width, depth = self.shape
        pad = kernel // 2
        low = -(1 << (self.bits - 1))
        weight = self.rng.integers(low, -low, (channels, kernel, kernel, depth // groups))
        self.put(
            lambda op, x, y: Conv(
                op, (x,), (y,), weight, IntType(low, -low - 1), None,
                stride=(stride, stride), padding=(pad, pad, pad, pad), groups=groups,
            )
        )  # fmt: skip
        self.shape = (-(-height // stride), -(-width // stride), channels)
        self.layers += 1
        if act:
            self.act()

    def act(self) -> None:
        levels = (1 << self.bits) - 1
        rows = np.sort(self.rng.integers(-500, 500, (self.shape[2], levels)), axis=1)
        self.put(
            lambda op, x, y: Threshold(
                op, (x,), (y,), rows, np.ones(self.shape[2], np.int64), IntType(0, levels)
            )
        )

    def pool(self) -> None:
        self.put(lambda op, x, y: MaxPool(op, (x,), (y,), (2, 2), (2, 2)))
        self.shape = (self.shape[0] // 2, self.shape[1] // 2, self.shape[2])

    def head(self, classes: int) -> Graph:
        height, width, depth = self.shape
        self.put(lambda op, x, y: SumPool(op, (x,), (y,), (height, width), (1, 1)))
        self.put(lambda op, x, y: Reshape(op, (x,), (y,), (depth,)))
        weight = self.rng.integers(-8, 8, (classes, depth))
        self.put(lambda op, x, y: Dense(op, (x,), (y,), weight, IntType(-8, 7), None))
        self.put(lambda op, x, y: ArgMax(op, (x,), (y,)))
        self.layers += 1
        return Graph.build(self.name, [*self.ops, Output("out", (self.last,), ())])


def resnet50(bits: int = 4) -> Graph:
    """Bottleneck blocks as in ResNet-50, on images of 64 x 64 and with a quarter of the width."""
    net = Net("resnet50", (64, 64, 3), bits)
    net.conv(16, 3, 2)
    for stage, blocks in enumerate((3, 4, 6, 3)):
        inner = 16 << stage
        for block in range(blocks):
            stride = 2 if block == 0 and stage else 1
            source, shape = net.last, net.shape
            net.conv(inner, 1)
            net.conv(inner, 3, stride)
            net.conv(4 * inner, 1, act=False)
            main = net.last
            if block == 0:
                net.last, net.shape = source, shape
                net.conv(4 * inner, 1, stride, act=False)
                source = net.last
            net.put(
                lambda op, x, y, other=source: Add(op, (x, other), (y,), np.ones((2, 1), np.int64)),
                main,
            )
            net.act()
    return net.head(100)


def resnet20(bits: int = 4) -> Graph:
    """Basic blocks as in ResNet-20 for CIFAR."""
    net = Net("resnet20", (32, 32, 3), bits)
    net.conv(16, 3)
    for stage in range(3):
        for block in range(3):
            stride = 2 if block == 0 and stage else 1
            source, shape = net.last, net.shape
            net.conv(16 << stage, 3, stride)
            net.conv(16 << stage, 3, act=False)
            main = net.last
            if stride == 2:
                net.last, net.shape = source, shape
                net.conv(16 << stage, 1, stride, act=False)
                source = net.last
            net.put(
                lambda op, x, y, other=source: Add(op, (x, other), (y,), np.ones((2, 1), np.int64)),
                main,
            )
            net.act()
    return net.head(10)


def plain50(bits: int = 4) -> Graph:
    """Fifty convolutions in a row."""
    net = Net("plain50", (64, 64, 3), bits)
    for stage in range(5):
        for _ in range(10):
            net.conv(8 << stage, 3)
        net.pool()
    return net.head(100)


def mobile(bits: int = 4) -> Graph:
    """Depthwise and pointwise convolutions in turn, 53 of them."""
    net = Net("mobile", (64, 64, 3), bits)
    net.conv(16, 3, 2)
    for block in range(26):
        depth = net.shape[2]
        net.conv(depth, 3, 2 if block in (4, 10, 16) else 1, groups=depth)
        net.conv(min(256, 16 << (block // 5)), 1)
    return net.head(100)


CAPACITY = np.array([230_400, 460_800, 624, 1_728])
"""LUTs, flip-flops, block RAMs of 18 kbit and DSP blocks of a device of middle size."""


def main() -> None:
    """Print what was found beside what is proven to be the best possible."""
    print("net, nodes, options; budget: interval found / bound, seconds; share found / bound")
    for graph in (resnet20(), plain50(), resnet50(), mobile()):
        start = time.process_time()
        menus = menus_of(graph, EstimatedCost())
        made = time.process_time() - start
        problem = menus.problem
        options = sum(len(node.cycles) for node in problem.nodes)
        print(f"{graph.name}, {len(problem.nodes)}, {options}: menus {made:.1f} s", flush=True)
        for share in (0.2, 0.4, 0.8):
            budget = (CAPACITY * share).astype(np.int64)
            start = time.process_time()
            best = fastest(problem, budget, capacity=CAPACITY)
            took = time.process_time() - start
            if best is None:
                print(f"  {share:.0%}: nothing fits, proven in {took:.1f} s", flush=True)
                continue
            found = best.found
            print(
                f"  {share:.0%}: {found.cycles} / {best.least_cycles} cycles, {took:.1f} s;"
                f" share {found.share:.3f} / {found.least_share:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
