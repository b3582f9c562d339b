"""How large the terms are that a value is a sum of: what float32 rounds is a part of that."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwcompress.frontend.binary import BINARY
from hwcompress.frontend.elementwise import UNARY, batch_norm
from hwcompress.frontend.float64 import QUANTIZERS, evaluate_outputs
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.quantizers import Quantizer
from hwcompress.frontend.shapes import MOVES

__all__ = ["FLOAT32_WITHIN", "magnitudes", "tie_width"]

FLOAT32_WITHIN = 1e-6
"""Part of the terms' magnitudes by which float32 may be off: 16 roundings."""

Trace = Mapping[str, np.ndarray]
# They are linear in each operand, and have no constant of their own.
_LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "Mul"})
_EXACT = QUANTIZERS | {"QuantizeLinear", "DequantizeLinear"}


def magnitudes(
    nodes: tuple[Node, ...], trace: Trace, constants: Trace, wanted: set[str]
) -> dict[str, np.ndarray]:
    """Sum of the magnitudes of its terms, for each element of computed tensors.

    A float32 run of the model is off by some 2^-24 of that, for each operation.

    Args:
        nodes: of the model.
        trace: every computed tensor of a batch, the model's inputs too.
        constants: the others.
        wanted: tensors that are asked for.
    """
    found = {name: np.abs(item) for name, item in trace.items()}
    for node in _before(nodes, wanted):
        outputs = [name for name in node.outputs if name in trace]
        if not outputs or node.op in _EXACT or node.op in MOVES:
            for name in outputs:
                if node.op in MOVES:
                    found[name] = found[node.inputs[0]].reshape(trace[name].shape)
            continue
        terms = [_of(name, found, constants) for name in node.inputs]
        for name, size in zip(outputs, _sizes(node, terms), strict=False):
            if size.shape == trace[name].shape:
                found[name] = np.maximum(found[name], size)
    return {name: found[name] for name in wanted}


def _before(nodes: tuple[Node, ...], wanted: set[str]) -> list[Node]:
    """The nodes that the wanted tensors' magnitudes depend on; a quantizer's output is exact."""
    needed, kept = set(wanted), []
    for node in reversed(nodes):
        if needed.intersection(node.outputs) and node.op not in _EXACT:
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def tie_width(quantizer: Quantizer, size: np.ndarray) -> np.ndarray:
    """How far from a boundary, in steps, a value may lie that float32 takes for a tie.

    Args:
        quantizer: what rounds the value.
        size: of the value, as :func:`magnitudes` gives it.
    """
    steps = np.abs(quantizer.before(size) - quantizer.before(0.0 * size))
    return np.asarray(FLOAT32_WITHIN * np.maximum(steps, 1.0))


def _of(name: str, found: Trace, constants: Trace) -> np.ndarray | None:
    if name in found:
        return found[name]
    return constants.get(name)


def _sizes(node: Node, terms: list[np.ndarray | None]) -> list[np.ndarray]:
    """Of each output, from those of the inputs (constants have their signs still)."""
    first = terms[0]
    if first is None:
        return []
    if node.op in ("Add", "Sub"):
        return [np.abs(first) + np.abs(_given(terms[1]))]
    if node.op == "BatchNormalization":
        gain, offset = batch_norm(node, [_given(item) for item in terms[1:5]])
        shape = (-1,) + (1,) * (first.ndim - 2)
        return [first * np.abs(gain).reshape(shape) + np.abs(offset).reshape(shape)]
    if node.op in _LINEAR:
        return evaluate_outputs(node, [None if x is None else np.abs(x) for x in terms])
    if node.op in UNARY or node.op in BINARY or node.op in ("Clip", "Softmax", "LogSoftmax"):
        return [np.abs(first)]  # such functions are hardly steeper than 1
    return evaluate_outputs(node, terms)


def _given(term: np.ndarray | None) -> np.ndarray:
    return np.zeros(()) if term is None else np.asarray(term, np.float64)
