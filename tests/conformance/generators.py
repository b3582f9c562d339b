"""Seeded random graphs, one operation or a whole network, and inputs for them.

Every realisation (simulator, RTL, hls4ml) is tested on these. The same
arguments give the same graph. Sizes are small: what is random is the shape of
the problem (odd sizes, groups, strides, asymmetric padding, single channels,
1 x 1 images, images of one row, types of every kind), not its amount.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwcompress.ir import (
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    Input,
    IntType,
    Op,
    Output,
    TensorType,
)
from tests.conformance.chain_makers import CHAIN_OPS
from tests.conformance.constants import make_constant
from tests.conformance.dags import random_dag
from tests.conformance.draw import identity, random_type
from tests.conformance.graph_makers import GRAPH_OPS
from tests.conformance.networks import random_network

__all__ = [
    "KINDS",
    "random_dag",
    "random_inputs",
    "random_network",
    "random_op_graph",
    "random_type",
]

KINDS = (*CHAIN_OPS, *GRAPH_OPS, "Constant")


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


def random_op_graph(kind: str, seed: int, *, powers: bool = False) -> Graph:
    """One operation of the named kind, with an Input and an Output for each of its tensors.

    The operation is ``op``; its sources are ``x, x1, ...`` (an operation may
    read one of them twice), its results ``y, y1, ...``. A Constant stands in front
    of an ``op`` that joins it with ``x``.

    Args:
        kind: one of :data:`KINDS`.
        seed: anything from 0 up.
        powers: weights are zero or powers of two, as engines may store them by code.
    """
    rng = np.random.default_rng([seed, 2, *kind.encode()])
    sources: list[TensorType]
    ops: list[Op]
    if kind in CHAIN_OPS:
        source, op = CHAIN_OPS[kind](rng)
        sources, ops = [source], [op]
    elif kind == "Constant":
        sources, ops = make_constant(rng)
    else:
        sources, op = GRAPH_OPS[kind](rng)
        ops = [op]
    if powers:
        ops = [_with_powers(op, rng) for op in ops]
    inputs = [
        Input(_numbered("in", i), (), (_numbered("x", i),), each.shape, identity(each),
              each.shape, each.dtype, 1.0)
        for i, each in enumerate(sources)
    ]  # fmt: skip
    outputs = [Output(_numbered("out", i), (name,), ()) for i, name in enumerate(ops[-1].outputs)]
    return Graph.build(f"{kind.lower()}_{seed}", [*inputs, *ops, *outputs])


def _with_powers(op: Op, rng: np.random.Generator) -> Op:
    if not isinstance(op, Conv | ConvTranspose | Dense):
        return op
    shape = op.weight.shape
    weight = rng.choice([-1, 0, 1, 1], shape) << rng.integers(0, rng.integers(1, 8), shape)
    return replace(op, weight=weight, wtype=IntType.signed_bits(8))


def _numbered(name: str, place: int) -> str:
    return f"{name}{place}" if place else name
