"""Random chains of operations, as plain networks have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hwcompress.ir import ArgMax, Graph, Input, Op, Output, Reshape, TensorType
from tests.conformance.chain_makers import (
    draw_conv,
    draw_dense,
    draw_max_pool,
    draw_rescale,
    draw_sum_pool,
    draw_threshold,
)
from tests.conformance.draw import Rng, draw_values, identity, varied_type

__all__ = ["random_network"]


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
            chain.add(lambda source: draw_conv(rng, source, max_channels))
            chain.activate()
            if rng.random() < 0.5:
                make = draw_max_pool if rng.random() < 0.6 else draw_sum_pool
                chain.add(lambda source, make=make: make(rng, source))
                if rng.random() < 0.5:
                    chain.activate()
        chain.add(lambda source: Reshape("", (), (), (source.size,)))
    for _ in range(rng.integers(0, max_layers + 1)):
        chain.add(lambda source: draw_dense(rng, source, max_channels))
        chain.activate()
    chain.add(lambda source: draw_dense(rng, source, max_channels))
    if argmax:
        chain.add(lambda source: ArgMax("", (), ()))
    return chain.finish(f"network_{seed}")


class _Chain:
    """A graph that grows at its end; operations are named as they are added.

    A few samples grow with it, so that an activation can be placed where its
    input really lies: else most networks would compute a constant.
    """

    def __init__(self, rng: Rng, max_size: int, max_channels: int, image: bool) -> None:
        channels = int(rng.integers(1, max_channels + 1))
        shape = (*map(int, rng.integers(1, max_size + 1, 2)), channels) if image else (channels,)
        self.rng = rng
        self.tail = TensorType(shape, varied_type(rng, 6))
        self.samples = draw_values(rng, self.tail.dtype, (32, *shape))
        self.tensor = "x"
        self.ops: list[Op] = [
            Input("in", (), ("x",), shape, identity(self.tail), shape, self.tail.dtype, 1.0)
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
        rng, otype = self.rng, varied_type(self.rng, 4)
        make = draw_threshold if otype.is_bipolar or rng.random() < 0.6 else draw_rescale
        self.add(lambda source: make(rng, source, otype, lo, hi))

    def finish(self, name: str) -> Graph:
        return Graph.build(name, [*self.ops, Output("out", (self.tensor,), ())])
