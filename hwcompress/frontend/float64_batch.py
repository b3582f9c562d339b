"""One node on a whole batch, meaning what it means for a batch of one.

A model is a function of one sample: its shapes are those of a batch of one. A tensor that
has the shape ``(rows, ...)`` then is kept as ``(batch * rows, ...)``, the samples one behind
the other. Most operators work on such a batch as they are; where the first axis matters
(it was moved, or positions were put into it), every sample is evaluated alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.shapes import MOVES, moved_shape

__all__ = ["BatchRules", "evaluate_batch"]

Arrays = Sequence[Any]
Evaluate = Callable[[Node, Arrays], list[np.ndarray]]

_FIRST_AXIS = frozenset("ArgMax ArgMin Concat CumSum Gather LogSoftmax Softmax Split TopK".split())
_EACH_ELEMENT = frozenset({"Cast", "Clip", "Dropout", "Identity"})


@dataclass(frozen=True)
class BatchRules:
    """Names of the operators that work element by element, on one tensor or on several."""

    unary: frozenset[str]
    binary: frozenset[str]
    evaluate: Evaluate


def evaluate_batch(
    node: Node, inputs: Arrays, computed: Sequence[bool], batch: int, rules: BatchRules
) -> list[np.ndarray]:
    """Outputs of a node for ``batch`` samples.

    Args:
        node: the node.
        inputs: its inputs, ``None`` where one is left out.
        computed: which of them hold a batch; the others are constants.
        batch: number of samples.
        rules: how nodes are evaluated for inputs that mean what they say.
    """
    rows = [x.shape[0] // batch if here else 1 for x, here in zip(inputs, computed, strict=True)]
    if node.op in MOVES and computed[0]:
        x, target = inputs[0], inputs[1] if len(inputs) > 1 else None
        shape = moved_shape(node, (rows[0], *x.shape[1:]), target)
        return [x.reshape(batch * shape[0], *shape[1:]) if shape else x.reshape(batch)]
    if batch == 1 or _independent(node, inputs, computed, rows, rules):
        return rules.evaluate(node, inputs)
    parts = []
    for sample in range(batch):
        one = [
            x[sample * count : (sample + 1) * count] if here else x
            for x, count, here in zip(inputs, rows, computed, strict=True)
        ]
        parts.append([np.atleast_1d(item) for item in rules.evaluate(node, one)])
    return [np.concatenate(items, axis=0) for items in zip(*parts, strict=True)]


def _independent(
    node: Node, inputs: Arrays, computed: Sequence[bool], rows: list[int], rules: BatchRules
) -> bool:
    """Whether the rows of the first axis do not mix, so that a batch of samples is one tensor."""
    if node.op in _EACH_ELEMENT or node.op in rules.unary:
        return True
    tensors = [x for x, here in zip(inputs, computed, strict=True) if here]
    rank = max(x.ndim for x in tensors)
    if node.op in rules.binary or node.op == "Where":
        fixed = [x for x, here in zip(inputs, computed, strict=True) if not here]
        alike = len({count for count, here in zip(rows, computed, strict=True) if here}) == 1
        aligned = all(x.ndim < rank or (x.ndim == rank and x.shape[0] == 1) for x in fixed)
        return alike and aligned and all(x.ndim == rank for x in tensors)
    if max(rows) > 1:
        plain = len(tensors) == 1 < len(inputs) and computed[0] and inputs[1].ndim == 2
        return plain and (node.op == "MatMul" or (node.op == "Gemm" and _row_bias(inputs)))
    if node.op == "Transpose":
        perm = node.integers("perm", tuple(reversed(range(rank))))
        return perm[:1] == (0,)
    if node.op.startswith("Reduce"):
        given = inputs[1] if len(inputs) > 1 else None
        axes = node.integers("axes") if given is None else tuple(int(i) for i in np.ravel(given))
        return bool(axes) and all(axis % rank for axis in axes)
    if node.op in ("Slice", "Tile", "Expand"):
        return _behind(node, inputs, rank)
    if node.op == "MatMul":
        return len(tensors) == 2 or all(x.ndim <= max(rank, 2) for x in inputs[:2])
    if node.op in _FIRST_AXIS:
        default = {"Gather": 0, "Split": 0, "ArgMax": 0, "ArgMin": 0, "TopK": -1}
        axis = node.integer("axis", default.get(node.op, 1 if node.opset < 13 else -1))
        return bool(axis % rank)
    return True


def _row_bias(inputs: Arrays) -> bool:
    """Whether a Gemm's bias is the same for every row."""
    bias = inputs[2] if len(inputs) > 2 else None
    return bias is None or bias.ndim < 2 or bias.shape[0] == 1


def _behind(node: Node, inputs: Arrays, rank: int) -> bool:
    """Whether a Slice, Tile or Expand leaves the first axis alone."""
    given = [None if x is None else tuple(int(i) for i in np.ravel(x)) for x in inputs[1:]]
    if node.op == "Tile":
        return bool(given and given[0] and given[0][0] == 1)
    if node.op == "Expand":
        shape = given[0] if given and given[0] else ()
        return len(shape) < rank or (len(shape) == rank and shape[0] == 1)
    axes: tuple[int, ...] | None = node.integers("axes", ())
    if given:
        axes = given[2] if len(given) > 2 else None
    return bool(axes) and all(axis % rank for axis in axes or ())
