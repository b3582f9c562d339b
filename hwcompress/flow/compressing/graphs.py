"""An integer graph in numbers: bytes, bits, products."""

from __future__ import annotations

import math

import numpy as np

from hwcompress.flow.compressing.facts import GraphSize
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph
from hwcompress.packing import pack_graph

__all__ = ["graph_size", "layer_macs", "weighted_ops"]

Weighted = Conv | ConvTranspose | Dense


def weighted_ops(graph: Graph) -> list[Weighted]:
    """The operations with weights, in order."""
    return [op for op in graph.layers if isinstance(op, Weighted)]


def layer_macs(graph: Graph, op: Weighted) -> int:
    """Products of a weight and a value for each sample, zeros of a border included.

    A weight meets every position of the output; of a transposed convolution every position
    of the input.
    """
    around = op.inputs[0] if isinstance(op, ConvTranspose) else op.outputs[0]
    return int(op.weight.size) * math.prod(graph.tensors[around].shape[:-1])


def graph_size(graph: Graph) -> GraphSize:
    """The numbers of a graph."""
    ops = weighted_ops(graph)
    weights = sum(int(op.weight.size) for op in ops)
    read = [graph.tensors[op.inputs[0]] for op in ops]
    elements = sum(tensor.type.size for tensor in read)
    macs = [layer_macs(graph, op) for op in ops]
    return GraphSize(
        size=len(pack_graph(graph).data),
        weights=weights,
        zeros=sum(int(np.count_nonzero(op.weight == 0)) for op in ops),
        weight_bits=_mean(sum(op.weight.size * op.wtype.bits for op in ops), weights),
        act_bits=_mean(sum(item.type.size * item.dtype.bits for item in read), elements),
        macs=sum(macs),
        bit_operations=sum(
            count * op.wtype.bits * tensor.dtype.bits
            for count, op, tensor in zip(macs, ops, read, strict=True)
        ),
    )


def _mean(total: float, count: int) -> float:
    return float(total) / count if count else 0.0
