"""The source model in float64: folds constants, and serves as the exact reference.

Every tensor has a batch axis in front, or the samples one behind the other in its first axis
(:mod:`hwcompress.frontend.float64_batch`). Constants (shapes too) are those of a batch of one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.binary import BINARY
from hwcompress.frontend.elementwise import UNARY, batch_norm, clip_bounds
from hwcompress.frontend.float64_batch import BatchRules, evaluate_batch
from hwcompress.frontend.float64_layout import FOLDED, LAYOUT, SEVERAL, folded
from hwcompress.frontend.float64_windows import WINDOWS
from hwcompress.frontend.linear_quantizer import dequantized
from hwcompress.frontend.multi_threshold import read_multi_threshold
from hwcompress.frontend.onnx_model import Node, OnnxModel
from hwcompress.frontend.quantizers import read_quantizer
from hwcompress.ir.ops.host import apply_step, host_step
from hwcompress.samples import Samples, sample_rows

__all__ = [
    "QUANTIZERS",
    "Float64Model",
    "Samples",
    "evaluate_node",
    "evaluate_outputs",
    "sample_rows",
]

QUANTIZERS = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc"})

# Inputs that are left out are None; every operator knows which of its may be.
Arrays = Sequence[Any]
Forced = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows of the batch, flat elements of a sample, and their values."""

_LARGEST = 1 << 27  # elements of a folded constant


def _given(inputs: Arrays, index: int) -> bool:
    return len(inputs) > index and inputs[index] is not None


def _gemm(node: Node, inputs: Arrays) -> np.ndarray:
    a = inputs[0].T if node.integer("transA", 0) else inputs[0]
    b = inputs[1].T if node.integer("transB", 0) else inputs[1]
    total = node.number("alpha", 1.0) * (a @ b)
    return np.asarray(total + node.number("beta", 1.0) * inputs[2] if _given(inputs, 2) else total)


def _top_k(node: Node, inputs: Arrays) -> list[np.ndarray]:
    x, axis = inputs[0], node.integer("axis", -1)
    count = int(inputs[1].reshape(-1)[0])
    sign = -1 if node.integer("largest", 1) else 1
    order = np.argsort(sign * x, axis=axis, kind="stable")
    index = np.take(order, range(count), axis=axis)
    return [np.take_along_axis(x, index, axis=axis), index]


def _softmax(node: Node, inputs: Arrays) -> np.ndarray:
    """Softmax and LogSoftmax."""
    x, name = inputs[0], {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[node.op]
    if node.opset < 13:  # everything from the axis on is one vector
        axis = node.integer("axis", 1) % x.ndim
        rows = int(np.prod(x.shape[:axis], dtype=np.int64))
        return apply_step(name, x.reshape(rows, -1)).reshape(x.shape)
    return apply_step(host_step(name, node.integer("axis", -1)), x)


def _batch_norm(node: Node, inputs: Arrays) -> np.ndarray:
    gain, offset = batch_norm(node, list(inputs[1:5]))
    shape = (-1,) + (1,) * (inputs[0].ndim - 2)
    return inputs[0] * gain.reshape(shape) + offset.reshape(shape)


def _second(inputs: Arrays) -> np.ndarray | None:
    return inputs[1] if len(inputs) > 1 else None


def _cast(node: Node, inputs: Arrays) -> np.ndarray:
    """Real numbers stay float64; a cast to integers cuts towards zero, as in C."""
    to = node.integer("to", onnx.TensorProto.FLOAT)
    kind = onnx.helper.tensor_dtype_to_np_dtype(to)
    return inputs[0].astype(np.float64 if kind.kind == "f" else kind)


def _argmax(node: Node, inputs: Arrays) -> np.ndarray:
    """ArgMax and ArgMin."""
    keep, last = node.integer("keepdims", 1), node.integer("select_last_index", 0)
    step = host_step("arg_max", node.integer("axis", 0), int(bool(keep)), int(bool(last)))
    return apply_step(step, -inputs[0] if node.op == "ArgMin" else inputs[0]).astype(np.int64)


def _clip(node: Node, inputs: Arrays) -> np.ndarray:
    low, high = clip_bounds(node, list(inputs[1:]))
    return np.minimum(np.maximum(inputs[0], low), high)


def _constant(node: Node, inputs: Arrays) -> np.ndarray:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            return np.asarray(node.attributes[name])
    raise UnsupportedError("a Constant without a numeric value", where=node.label)


def _where(_: Node, inputs: Arrays) -> np.ndarray:
    condition, chosen, other = inputs
    return np.asarray(np.where(condition != 0, chosen, other))


def _quantize(node: Node, inputs: Arrays) -> np.ndarray:
    quantizer = read_quantizer(node, list(inputs[1:]))
    return quantizer.real(quantizer.levels(inputs[0]))


Evaluator = Callable[[Node, Arrays], np.ndarray]

_NODES: dict[str, Evaluator] = {
    "ArgMax": _argmax,
    "ArgMin": _argmax,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Constant": _constant,
    "DequantizeLinear": lambda node, x: dequantized(node, list(x)),
    "Dropout": lambda _, x: x[0],
    "Gemm": _gemm,
    "Identity": lambda _, x: x[0],
    "LogSoftmax": _softmax,
    "MultiThreshold": lambda node, x: read_multi_threshold(node, x[0].shape, x[1]).evaluate(x[0]),
    "MatMul": lambda _, x: x[0] @ x[1],
    "Softmax": _softmax,
    "Where": _where,
    **WINDOWS,
    **LAYOUT,
    **dict.fromkeys((*QUANTIZERS, "QuantizeLinear"), _quantize),
}


_SEVERAL: dict[str, Callable[[Node, Arrays], list[np.ndarray]]] = {
    **SEVERAL,
    "TopK": _top_k,
}


def evaluate_outputs(node: Node, inputs: Arrays) -> list[np.ndarray]:
    """Every output of a node, in float64 for real numbers (of most, the first one)."""
    if node.op in FOLDED and node.op not in _NODES:
        return folded(node, inputs)
    if node.op not in _SEVERAL:
        return [evaluate_node(node, inputs)]
    return _SEVERAL[node.op](node, _in_float64(inputs))


def _in_float64(inputs: Arrays) -> Arrays:
    return [
        np.asarray(x, np.float64) if x is not None and x.dtype.kind == "f" else x for x in inputs
    ]


def evaluate_node(node: Node, inputs: Arrays) -> np.ndarray:
    """First output of a node, in float64 for real numbers.

    Raises:
        UnsupportedError: the operator is not known.
    """
    inputs = _in_float64(inputs)
    if node.op in UNARY:
        return UNARY[node.op](node).function(inputs[0])
    if node.op in BINARY:
        size = math.prod(np.broadcast_shapes(*(x.shape for x in inputs)))
        if size > _LARGEST:
            raise UnsupportedError(f"its result has {size} elements", where=node.label)
        return np.asarray(functools.reduce(BINARY[node.op](node).function, inputs))
    if node.op not in _NODES:
        raise UnsupportedError(f"operator {node.op!r} is not supported", where=node.label)
    return _NODES[node.op](node, inputs)


_RULES = BatchRules(frozenset(UNARY), frozenset(BINARY), evaluate_outputs)


class Float64Model:
    """Evaluates a model on batches.

    Args:
        model: the model.
        constants: tensors whose value does not depend on the input, as
            found when the model was imported.
    """

    def __init__(self, model: OnnxModel, constants: dict[str, np.ndarray]) -> None:
        self._model = model
        self.constants = constants

    def trace(
        self, samples: Samples, forced: Mapping[str, Forced] | None = None
    ) -> dict[str, np.ndarray]:
        """Every computed tensor, ``(batch, ...)`` float64, by name.

        ``forced`` maps a tensor to elements that get other values than computed.
        """
        forced = forced or {}
        if not isinstance(samples, Mapping):
            (name,) = self._model.inputs
            samples = {name: samples}
        values = {name: np.asarray(item, np.float64) for name, item in samples.items()}
        batch = next(iter(values.values())).shape[0]
        for node in self._model.nodes:
            if node.outputs[0] in self.constants:
                continue
            inputs = [
                values[source] if source in values else self.constants.get(source)
                for source in node.inputs
            ]
            computed = [source in values for source in node.inputs]
            results = evaluate_batch(node, inputs, computed, batch, _RULES)
            for output, item in zip(node.outputs, results):  # noqa: B905 - further ones
                # A copy, so that nothing forced later shows in the source of an Identity.
                result = np.array(item, np.float64, order="C")
                if output in forced:
                    rows, elements, reals = forced[output]
                    result.reshape(batch, -1)[rows, elements] = reals
                values[output] = result
        return values
