"""The source model in float64: folds constants, and serves as the exact reference.

Every tensor has a batch axis in front. Constants (shapes too) are those of a
batch of one; a Reshape of computed values keeps whatever batch it is given.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.elementwise import BINARY, UNARY, batch_norm, clip_bounds
from hwcompress.frontend.onnx_model import Node, OnnxModel
from hwcompress.frontend.quantizers import read_quantizer
from hwcompress.frontend.shapes import MOVES, moved_shape, permutation
from hwcompress.ir.ops.spatial import pad, windows

__all__ = ["QUANTIZERS", "Float64Model", "evaluate_node", "pool_geometry"]

QUANTIZERS = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc"})

# Inputs that are left out are None; every operator knows which of its may be.
Arrays = Sequence[Any]
Forced = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows of the batch, flat elements of a sample, and their values."""

_LARGEST = 1 << 27  # elements of a folded constant
_FARTHEST = 1 << 13  # elements that a window spans or pads


def _given(inputs: Arrays, index: int) -> bool:
    return len(inputs) > index and inputs[index] is not None


def pool_geometry(
    node: Node, kernel: tuple[int, ...]
) -> tuple[tuple[int, int], tuple[int, int, int, int], tuple[int, int]]:
    """Stride, padding (top, left, bottom, right) and dilation of a 2-D window node.

    Raises:
        UnsupportedError: not two-dimensional, automatic padding, or ``ceil_mode``.
    """
    if len(kernel) != 2:
        raise UnsupportedError(f"a {len(kernel)}-dimensional window", where=node.label)
    if node.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise UnsupportedError(
            f"auto_pad {node.text('auto_pad', '')!r}",
            where=node.label,
            remedy="export with explicit pads",
        )
    if node.integer("ceil_mode", 0):
        raise UnsupportedError(
            "ceil_mode", where=node.label, remedy="pad the input explicitly instead"
        )
    stated = node.integers("kernel_shape", kernel)
    if stated != kernel:
        raise UnsupportedError(f"kernel_shape {stated} with weights of {kernel}", where=node.label)
    stride = node.integers("strides", (1, 1))
    none = (0, 0, 0, 0)  # what VALID says, too
    pads = none if node.text("auto_pad", "NOTSET") == "VALID" else node.integers("pads", none)
    dilation = node.integers("dilations", (1, 1))
    if (len(stride), len(pads), len(dilation)) != (2, 4, 2):
        raise UnsupportedError(
            f"strides {stride}, pads {pads} or dilations {dilation} are not for two dimensions",
            where=node.label,
        )
    if max(*kernel, *stride, *pads, *dilation) > _FARTHEST:
        raise UnsupportedError(
            f"a kernel, stride, padding or dilation over {_FARTHEST}", where=node.label
        )
    return (stride[0], stride[1]), (pads[0], pads[1], pads[2], pads[3]), (dilation[0], dilation[1])


def _conv(node: Node, inputs: Arrays) -> np.ndarray:
    x, weight = inputs[0], inputs[1]
    stride, pads, dilation = pool_geometry(node, weight.shape[2:])
    groups = node.integer("group", 1)
    padded = pad(np.moveaxis(x, 1, -1), pads, 0)
    view = windows(padded, weight.shape[2:], stride, dilation)
    rows, depth = weight.shape[0] // groups, weight.shape[1]
    parts = []
    for group in range(groups):
        taps = view[..., group * depth : (group + 1) * depth]
        kernel = np.moveaxis(weight[group * rows : (group + 1) * rows], 1, -1)
        parts.append(taps.reshape(*taps.shape[:3], -1) @ kernel.reshape(rows, -1).T)
    total = np.moveaxis(np.concatenate(parts, axis=-1), -1, 1)
    return np.asarray(total + inputs[2][:, None, None] if _given(inputs, 2) else total)


def _gemm(node: Node, inputs: Arrays) -> np.ndarray:
    a = inputs[0].T if node.integer("transA", 0) else inputs[0]
    b = inputs[1].T if node.integer("transB", 0) else inputs[1]
    total = node.number("alpha", 1.0) * (a @ b)
    return np.asarray(total + node.number("beta", 1.0) * inputs[2] if _given(inputs, 2) else total)


def _pool(node: Node, inputs: Arrays) -> np.ndarray:
    kernel = node.integers("kernel_shape")
    stride, pads, dilation = pool_geometry(node, kernel)
    largest = node.op == "MaxPool"
    image = np.moveaxis(inputs[0], 1, -1)
    view = windows(pad(image, pads, 0), (kernel[0], kernel[1]), stride, dilation)
    if largest:
        edge = np.pad(
            image.astype(np.float64),
            ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)),
            constant_values=-np.inf,
        )
        view = windows(edge, (kernel[0], kernel[1]), stride, dilation)
        return np.moveaxis(view.max(axis=(3, 4)), -1, 1)
    if any(pads) and not node.integer("count_include_pad", 0):
        counts = windows(
            pad(np.ones_like(image[:1]), pads, 0), (kernel[0], kernel[1]), stride, dilation
        ).sum(axis=(3, 4))
    else:
        counts = np.array(kernel[0] * kernel[1])
    return np.moveaxis(view.sum(axis=(3, 4)) / counts, -1, 1)


def _softmax(node: Node, inputs: Arrays) -> np.ndarray:
    x = inputs[0]
    if node.opset < 13:  # everything from the axis on is one vector
        axis = node.integer("axis", 1) % x.ndim
        rows = int(np.prod(x.shape[:axis], dtype=np.int64))
        return _normalized(x.reshape(rows, -1), -1).reshape(x.shape)
    return _normalized(x, node.integer("axis", -1))


def _normalized(x: np.ndarray, axis: int) -> np.ndarray:
    small = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(small / small.sum(axis=axis, keepdims=True))


def _batch_norm(node: Node, inputs: Arrays) -> np.ndarray:
    gain, offset = batch_norm(node, list(inputs[1:5]))
    shape = (-1,) + (1,) * (inputs[0].ndim - 2)
    return inputs[0] * gain.reshape(shape) + offset.reshape(shape)


def _second(inputs: Arrays) -> np.ndarray | None:
    return inputs[1] if len(inputs) > 1 else None


def _move(node: Node, inputs: Arrays) -> np.ndarray:
    return inputs[0].reshape(moved_shape(node, inputs[0].shape, _second(inputs)))


def _reduce_mean(node: Node, inputs: Arrays) -> np.ndarray:
    axes = node.integers("axes") if _second(inputs) is None else tuple(map(int, inputs[1]))
    return np.mean(inputs[0], axis=axes or None, keepdims=bool(node.integer("keepdims", 1)))


def _cast(node: Node, inputs: Arrays) -> np.ndarray:
    """Real numbers stay float64; a cast to integers cuts towards zero, as in C."""
    to = node.integer("to", onnx.TensorProto.FLOAT)
    kind = onnx.helper.tensor_dtype_to_np_dtype(to)
    return inputs[0].astype(np.float64 if kind.kind == "f" else kind)


def _argmax(node: Node, inputs: Arrays) -> np.ndarray:
    keep = bool(node.integer("keepdims", 1))
    return np.argmax(inputs[0], axis=node.integer("axis", 0), keepdims=keep)


def _clip(node: Node, inputs: Arrays) -> np.ndarray:
    low, high = clip_bounds(node, list(inputs[1:]))
    return np.minimum(np.maximum(inputs[0], low), high)


def _constant(node: Node, inputs: Arrays) -> np.ndarray:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            return np.asarray(node.attributes[name])
    raise UnsupportedError("a Constant without a numeric value", where=node.label)


def _quantize(node: Node, inputs: Arrays) -> np.ndarray:
    quantizer = read_quantizer(node, list(inputs[1:]))
    return quantizer.real(quantizer.levels(inputs[0]))


Evaluator = Callable[[Node, Arrays], np.ndarray]

_NODES: dict[str, Evaluator] = {
    "ArgMax": _argmax,
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda node, x: np.concatenate(x, axis=node.integer("axis", 0)),
    "Constant": _constant,
    "Conv": _conv,
    "Dropout": lambda _, x: x[0],
    "Gather": lambda node, x: np.take(x[0], x[1].astype(np.int64), axis=node.integer("axis", 0)),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda _, x: x[0].mean(axis=(2, 3), keepdims=True),
    "Identity": lambda _, x: x[0],
    "MatMul": lambda _, x: x[0] @ x[1],
    "MaxPool": _pool,
    "ReduceMean": _reduce_mean,
    "Shape": lambda _, x: np.array(x[0].shape, np.int64),
    "Softmax": _softmax,
    "Transpose": lambda node, x: x[0].transpose(
        node.integers("perm", tuple(reversed(range(x[0].ndim))))
    ),
    **dict.fromkeys(MOVES, _move),
    **dict.fromkeys(QUANTIZERS, _quantize),
}


def evaluate_node(node: Node, inputs: Arrays) -> np.ndarray:
    """First output of a node, in float64 for real numbers.

    Raises:
        UnsupportedError: the operator is not known.
    """
    inputs = [
        np.asarray(x, np.float64) if x is not None and x.dtype.kind == "f" else x for x in inputs
    ]
    if node.op in UNARY:
        return UNARY[node.op](node).function(inputs[0])
    if node.op in BINARY:
        size = math.prod(np.broadcast_shapes(*(x.shape for x in inputs)))
        if size > _LARGEST:
            raise UnsupportedError(f"its result has {size} elements", where=node.label)
        return np.asarray(functools.reduce(BINARY[node.op], inputs))
    if node.op not in _NODES:
        raise UnsupportedError(f"operator {node.op!r} is not supported", where=node.label)
    return _NODES[node.op](node, inputs)


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
        self, samples: np.ndarray, forced: Mapping[str, Forced] | None = None
    ) -> dict[str, np.ndarray]:
        """Every computed tensor, ``(batch, ...)`` float64, by name.

        ``forced`` maps a tensor to elements that get other values than computed.
        """
        (name,) = self._model.inputs
        forced = forced or {}
        batch = samples.shape[0]
        values: dict[str, np.ndarray] = {name: np.asarray(samples, np.float64)}
        for node in self._model.nodes:
            if node.outputs[0] in self.constants:
                continue
            inputs = [
                values[source] if source in values else self.constants.get(source)
                for source in node.inputs
            ]
            result = self._evaluated(node, inputs, batch)
            if node.outputs[0] in forced:
                rows, elements, reals = forced[node.outputs[0]]
                result.reshape(batch, -1)[rows, elements] = reals
            values[node.outputs[0]] = result
        return values

    @staticmethod
    def _evaluated(node: Node, inputs: Arrays, batch: int) -> np.ndarray:
        x = inputs[0]
        if node.op in MOVES:
            # The shape is that of one sample; the batch goes in front.
            one = moved_shape(node, (1, *x.shape[1:]), _second(inputs))
            return x.reshape(batch, *one[1:])
        if node.op == "Transpose":
            return x.transpose(permutation(node, (1, *x.shape[1:])))
        # A copy, so that nothing that is forced later shows in the source of an Identity.
        return np.array(evaluate_node(node, inputs), np.float64, order="C")
