"""MatMul and Gemm with constant weights: one vector per sample, or one per position."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import arranged
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.mixed_scales import scale_spans, summed_spans
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.frontend.weights import (
    affine_input,
    bias_vector,
    integer_rows,
    quantized_weights,
    weighted_sum,
)
from hwcompress.ir import Conv, Dense, IntType, int_range

__all__: list[str] = []


@dataclass(frozen=True, eq=False)
class _Matrix:
    """Integer weights ``(M, K)`` with their parameters, and where the data's vectors lie.

    ``axis`` is the data's axis that is summed over, ``placed`` the axis of the
    result that has the M sums.
    """

    levels: np.ndarray
    scale: np.ndarray
    zero: np.ndarray
    dtype: IntType
    axis: int
    placed: int

    def part(self, start: int, stop: int) -> _Matrix:
        """Of the data's elements from ``start`` to ``stop``."""
        levels, scale, zero = (item[:, start:stop] for item in (self.levels, self.scale, self.zero))
        return replace(self, levels=levels, scale=scale, zero=zero)


@handles("MatMul", "Gemm")
def _dense(state: Lowering, node: Node) -> Value:
    sides = [state.values[name] for name in node.inputs[:2] if name]
    if len(sides) < 2:
        raise UnsupportedError("one of its operands is missing", where=node.label)
    if all(isinstance(item, Symbolic) for item in sides):
        raise UnsupportedError(
            f"both operands, {sides[0].shape} and {sides[1].shape}, depend on the data",  # type: ignore[union-attr]
            where=node.label,
            why="a matrix product in hardware has constant weights",
            remedy="leave products of two activations (attention) to the host: cut the model before"
            " them",
        )
    left = isinstance(sides[0], Symbolic)
    value, weight = sides if left else reversed(sides)
    assert isinstance(value, Symbolic)
    assert isinstance(weight, Constant)
    value = materialised(state, value, node)
    matrix = _matrix(node, value, weight, left)
    alpha = node.number("alpha", 1.0) if node.op == "Gemm" else 1.0
    if alpha == 0 or not np.isfinite(alpha):
        raise UnsupportedError(f"alpha {alpha}", where=node.label)
    bias = np.zeros(matrix.levels.shape[0])
    if node.op == "Gemm" and (given := state.constant(node, 2)) is not None:
        bias = node.number("beta", 1.0) * bias_vector(given, (1, bias.size), node)
    spans = scale_spans(value, matrix.axis, matrix.scale)
    if not spans:
        return _product(state, node, value, matrix, alpha, bias)

    def layer(part: Symbolic, span: tuple[int, int], first: bool) -> Symbolic:
        some = matrix.part(*span)
        return _product(state, node, part, some, alpha, bias if first else 0 * bias)

    return summed_spans(state, node, value, matrix.axis, spans, layer)


def _product(
    state: Lowering, node: Node, value: Symbolic, matrix: _Matrix, alpha: float, bias: np.ndarray
) -> Symbolic:
    if value.shape[matrix.axis] == value.order.size:
        return _vector(state, node, value, matrix, alpha, bias)
    return _pointwise(state, node, value, matrix, alpha, bias)


def _matrix(node: Node, value: Symbolic, weight: Constant, left: bool) -> _Matrix:
    levels, scale, zero, dtype = quantized_weights(weight, node)
    parts = [levels, scale, zero]
    rank = len(value.shape)
    misfit = UnsupportedError(
        f"weights {levels.shape} do not fit data {value.shape} on the"
        f" {'left' if left else 'right'}",
        where=node.label,
        remedy="give it data (1, ..., K) and weights (K, M)"
        if left
        else "put the data first, for instance x @ W.T instead of W @ x",
    )
    if node.op == "Gemm":
        turned = node.integer("transA", 0) or rank != 2 or not left
        if turned:
            raise UnsupportedError(
                f"transA, or data {value.shape} that is no matrix on the left",
                where=node.label,
                remedy="put the data first, for instance x @ W.T instead of W @ x",
            )
        if node.integer("transB", 0):
            parts = [item.T for item in parts]
    if parts[0].ndim > 2:
        if parts[0].ndim > rank or any(size != 1 for size in parts[0].shape[:-2]):
            raise misfit
        parts = [item.reshape(item.shape[-2:]) for item in parts]
    axis = rank - 1 if left else rank - 2
    # Axis 0 holds the samples, which no product may mix.
    if parts[0].ndim != 2 or axis < 1:
        raise misfit
    if left:
        parts = [item.T for item in parts]
    if parts[0].shape[1] != value.shape[axis]:
        raise misfit
    return _Matrix(parts[0], parts[1], parts[2], dtype, axis, axis)


def _rows(
    node: Node, matrix: _Matrix, gain: np.ndarray, offset: np.ndarray, alpha: float
) -> tuple[np.ndarray, IntType, np.ndarray, np.ndarray]:
    """Integer weights, their type, the scale of each row, and the sum of the inputs' offsets.

    ``gain`` and ``offset`` ``(K,)`` are those of the elements of a vector.
    """
    rows, scale, kept = integer_rows(
        matrix.levels, matrix.scale, matrix.zero, matrix.dtype, gain, node
    )
    if alpha < 0:
        rows = -rows
        kept = kept if kept.lo == -kept.hi else int_range(rows)
    total = alpha * (((matrix.levels - matrix.zero) * matrix.scale) * offset).sum(axis=1)
    return rows, kept, abs(alpha) * scale, total


def _vector(
    state: Lowering, node: Node, value: Symbolic, matrix: _Matrix, alpha: float, bias: np.ndarray
) -> Symbolic:
    """One vector per sample: the columns are put into the order of the stream."""
    gain, offset = affine_input(value, node)
    channel = value.order % value.function.channels
    rows, kept, scale, total = _rows(node, matrix, gain[channel], offset[channel], alpha)
    vector = state.builder.reshape(value.base, (value.order.size,))
    laid = np.zeros_like(rows)
    laid[:, value.order] = rows  # column i of the source reads element order[i]
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(Dense(name, (vector,), (name,), laid, kept))
    shape = _with(value.shape, matrix.placed, rows.shape[0])
    order = np.arange(rows.shape[0])
    return weighted_sum(state, node, name, shape, order, scale, total + bias)


def _pointwise(
    state: Lowering, node: Node, value: Symbolic, matrix: _Matrix, alpha: float, bias: np.ndarray
) -> Symbolic:
    """One vector per position: a 1x1 convolution."""
    affine_input(value, node)  # or raise, before anything is emitted
    count = value.shape[matrix.axis]
    others = [size for axis, size in enumerate(value.shape) if axis != matrix.axis]
    width = others[-1]
    shape = (value.order.size // (count * width), width, count)
    value = arranged(state.builder, value, shape, _last(value.shape, matrix.axis), node.label)
    gain, offset = affine_input(value, node)
    rows, kept, scale, total = _rows(node, matrix, gain, offset, alpha)
    name = state.builder.fresh(node.name or node.op)
    weight = np.ascontiguousarray(rows)[:, None, None, :]
    state.builder.add(Conv(name, (value.base,), (name,), weight, kept))
    result = _with(value.shape, matrix.placed, rows.shape[0])
    order = _last(result, matrix.placed)
    return weighted_sum(state, node, name, result, order, scale, total + bias)


def _with(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _last(shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Order of a tensor of ``shape`` over a graph tensor in which ``axis`` is the last."""
    moved = [size for place, size in enumerate(shape) if place != axis]
    flat = np.arange(int(np.prod(shape))).reshape(*moved, shape[axis])
    return np.asarray(np.moveaxis(flat, -1, axis).reshape(-1))
