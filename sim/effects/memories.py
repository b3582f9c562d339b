"""Faults in memories: weights and thresholds with flipped bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hwcompress.errors import GraphError, InputError
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph, IntType, Op, Threshold
from hwcompress.sim.effects.chance import hits, stream_key
from hwcompress.sim.effects.faults import Faults, Flip
from hwcompress.sim.effects.stored import (
    flip_weights,
    store_thresholds,
    threshold_bits,
    threshold_shape,
)

__all__ = ["checked_index", "faulty_graph", "faulty_ops"]

_Place = tuple[tuple[int, ...], int]


def faulty_graph(graph: Graph, faults: Faults, seed: int | None = None) -> tuple[Graph, list[Flip]]:
    """The graph with flipped bits in weights and thresholds, and the flips.

    The result is a graph in its own right: its sums have the type that the flipped weights
    ask for, and are exact. :class:`~hwcompress.sim.effects.EffectSimulator` with the same
    faults keeps the widths of the design instead, as hardware does.

    Args:
        graph: the graph; it is left alone.
        faults: without activations.
        seed: instead of the one of ``faults``.

    Raises:
        InputError: the faults do not fit the graph, concern activations, or lead to a graph
            that breaks a rule.
    """
    if faults.activations or any(flip.sample is not None for flip in faults.flips):
        raise InputError(
            "faults of activations happen while a graph runs",
            where="faulty_graph",
            remedy="give them to EffectSimulator",
        )
    faults = faults if seed is None else replace(faults, seed=seed)
    types = {name: tensor.dtype for name, tensor in graph.tensors.items()}
    ops, flips = faulty_ops(graph, faults, types)
    affine = {name: tensor.affine for name, tensor in graph.tensors.items()}
    try:
        return Graph.build(graph.name, list(ops.values()), affine, graph.notes), flips
    except GraphError as error:
        raise InputError(
            f"flipped bits make a graph that breaks a rule: {error}",
            where=graph.name,
            remedy="give the faults to EffectSimulator, which keeps the widths of the design",
        ) from error


def faulty_ops(
    graph: Graph, faults: Faults, types: Mapping[str, IntType]
) -> tuple[dict[str, Op], list[Flip]]:
    """Operations by name, those with faults replaced; and the flips, as they took effect.

    Args:
        graph: the graph.
        faults: bits that flip.
        types: of the tensors' streams: thresholds are as wide as what they are compared with.

    Raises:
        InputError: a flip or a name in ``only`` does not fit the graph.
    """
    by_name = {op.name: op for op in graph.ops}
    for name in faults.only:
        if name not in by_name and name not in graph.tensors:
            raise InputError(
                f"no layer and no tensor {name!r}",
                where=f"faults of {graph.name}",
                remedy=f"layers: {', '.join(op.name for op in graph.layers)};"
                f" tensors: {', '.join(graph.tensors)}",
            )
    listed: dict[str, set[_Place]] = {}
    for flip in faults.flips:
        if flip.sample is None:
            op = _memory_of(graph, by_name, flip)
            shape, bits = _memory(op, types)
            place = checked_index(flip, shape, bits), flip.bit
            listed.setdefault(op.name, set()).symmetric_difference_update([place])
    flips: list[Flip] = []
    for op in graph.layers:
        if not isinstance(op, Dense | Conv | ConvTranspose | Threshold):
            continue
        given = set(_drawn(op, faults, types)) ^ listed.get(op.name, set())
        if not given:
            continue
        places = sorted(given)
        flips += (Flip(op.name, index, bit) for index, bit in places)
        by_name[op.name] = _flipped(op, places, types)
    return by_name, flips


def checked_index(flip: Flip, shape: tuple[int, ...], bits: int) -> tuple[int, ...]:
    """The flip's index, one number for each axis.

    Raises:
        InputError: the index or the bit is out of range.
    """
    size = int(np.prod(shape))
    if not isinstance(flip.index, tuple):
        if flip.index >= size:
            raise flip.fail(f"index {flip.index} of {size} elements")
        index = tuple(int(place) for place in np.unravel_index(flip.index, shape))
    else:
        index = flip.index
        inside = len(index) == len(shape) and all(map(int.__lt__, index, shape))
        if not inside:
            raise flip.fail(f"index {index} of an array of shape {shape}")
    if flip.bit >= bits:
        raise flip.fail(f"bit {flip.bit} of {bits} bits", f"bits are 0 to {bits - 1}")
    return index


def _memory_of(graph: Graph, ops: dict[str, Op], flip: Flip) -> Op:
    op = ops.get(flip.where)
    if op is not None and isinstance(op, Dense | Conv | ConvTranspose | Threshold):
        return op
    if op is None and flip.where in graph.tensors:
        raise flip.fail(
            "it names a tensor, and no sample",
            "give the number of a sample, or sample='every'",
        )
    what = "there is no such layer" if op is None else f"{op.kind} has no weights, no thresholds"
    names: Iterable[str] = (
        op.name for op in graph.layers if isinstance(op, Dense | Conv | ConvTranspose | Threshold)
    )
    raise flip.fail(what, f"layers that have: {', '.join(names) or 'none'}")


def _memory(op: Op, types: Mapping[str, IntType]) -> tuple[tuple[int, ...], int]:
    """Shape of a layer's memory, and bits of an element."""
    if isinstance(op, Threshold):
        return threshold_shape(op), threshold_bits(types[op.inputs[0]])
    assert isinstance(op, Dense | Conv | ConvTranspose)
    return op.weight.shape, op.wtype.bits


def _drawn(op: Op, faults: Faults, types: Mapping[str, IntType]) -> list[_Place]:
    """Bits that the rate hits."""
    part = "thresholds" if isinstance(op, Threshold) else "weights"
    rate = getattr(faults, part)
    if rate == 0 or (faults.only and op.name not in faults.only):
        return []
    shape, bits = _memory(op, types)
    total = int(np.prod(shape)) * bits
    found = hits(stream_key(faults.seed, part, op.name), total, rate)
    indices = zip(*(axis.tolist() for axis in np.unravel_index(found // bits, shape)), strict=True)
    return list(zip(indices, (found % bits).tolist(), strict=True))


def _flipped(op: Op, places: Sequence[_Place], types: Mapping[str, IntType]) -> Op:
    if isinstance(op, Threshold):
        return store_thresholds(op, types[op.inputs[0]], places)
    assert isinstance(op, Dense | Conv | ConvTranspose)
    return flip_weights(op, places)
