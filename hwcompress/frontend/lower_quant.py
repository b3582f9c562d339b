"""Quantizers: a constant becomes integers, a region becomes an operation, and the
model's raw input becomes an Input."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.builder import as_affine
from hwcompress.frontend.float64 import QUANTIZERS
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.lowering import InputSpec, Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.quantizers import Quantizer, read_quantizer
from hwcompress.frontend.region import evaluate_region, fit_region, prefers_rescale
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.ir import BIPOLAR, Input, IntType, Op, Rescale, Threshold

_MOST_BOUNDARIES = 1 << 17

__all__ = ["make_input", "materialised", "quantize_constant"]


def quantize_constant(node: Node, constants: list[Constant]) -> Constant:
    """A weight quantizer evaluated: real values and the integers behind them."""
    parameters = [item.value.astype(np.float64) for item in constants[1:]]
    quantizer = read_quantizer(node, parameters)
    shape = constants[0].value.shape
    try:
        spread = np.broadcast_shapes(shape, *(item.shape for item in parameters))
    except ValueError:
        spread = ()
    # A single value may come with more axes than the weights have.
    single = all(item.size == 1 for item in parameters)
    if spread != shape and not single:
        raise UnsupportedError(
            f"parameters of shapes {[item.shape for item in parameters]} do not broadcast to"
            f" the tensor's {shape}",
            where=node.label,
        )
    if single:
        quantizer = read_quantizer(node, [item.reshape(()) for item in parameters])
    if not np.all(np.isfinite(constants[0].value)):
        raise UnsupportedError(
            "the constant that it quantizes holds NaN or infinity",
            where=node.label,
            remedy="export the model again from a checkpoint without NaN",
        )
    levels = quantizer.levels(constants[0].value.astype(np.float64))
    dtype = quantizer.dtype
    if dtype is None:
        dtype = IntType(int(levels.min()), int(levels.max()))
    return Constant(quantizer.real(levels), levels, quantizer.scale, quantizer.zero, dtype)


def materialised(state: Lowering, value: Symbolic, node: Node) -> Symbolic:
    """``value`` as a function of a graph tensor: makes the Input if it is still raw."""
    if value.base:
        return value
    spec = state.input_spec
    if spec is None:
        raise UnsupportedError(
            "the model's input reaches this node without a quantizer",
            where=node.label,
            remedy="give --input-type (for example 'fixed<16,6>' or 'uint8'), or data from"
            " which it can be derived",
        )
    return make_input(state, node, value, spec)


def make_input(state: Lowering, node: Node, value: Symbolic, spec: InputSpec) -> Symbolic:
    """Emit the Input with an affine encoding, and express ``value`` over it."""
    op, order = _input_op(state, node, value, spec, None)
    channels = op.shape[-1]
    gain = np.full(channels, spec.scale)
    offset = np.full(channels, -spec.zero * spec.scale)
    base = state.builder.symbol(op.outputs[0], value.shape, order, gain, offset)

    def over(item: Symbolic) -> Symbolic:
        raw = item.function.rearranged(np.zeros(channels, np.int64))
        head = over(item.head) if item.head is not None else None
        return Symbolic(base.base, item.shape, order, raw.of(base.function), head, item.tail)

    return over(value)


def _input_op(
    state: Lowering, node: Node, value: Symbolic, spec: InputSpec, boundaries: np.ndarray | None
) -> tuple[Input, np.ndarray]:
    """The graph's Input, laid out for its first reader, and ``value``'s order over it."""
    source = state.values[state.input_name]
    assert isinstance(source, Symbolic)
    source_shape = source.shape[1:]
    before = next((op for op in state.builder.ops if isinstance(op, Input)), None)
    axes = _layout(source_shape, value) if before is None else before.axes
    laid = np.arange(value.order.size).reshape(source_shape).transpose(axes)
    position = np.empty(laid.size, np.int64)  # flat source index -> flat graph index
    position[laid.reshape(-1)] = np.arange(laid.size)
    op = Input(
        "input",
        (),
        ("input",),
        source_shape,
        axes,
        laid.shape,
        spec.dtype,
        spec.scale,
        spec.zero,
        boundaries,
    )
    if before is None:
        state.builder.add(op)
    elif not _same_input(before, op):
        raise UnsupportedError(
            "the model's input is quantized in two ways",
            where=node.label,
            why="an input enters the graph once",
            remedy="quantize the input once, and let both branches read that",
        )
    return op, position[value.order]


def _same_input(first: Input, second: Input) -> bool:
    if first.boundaries is None or second.boundaries is None:
        same = first.boundaries is second.boundaries
    else:
        same = np.array_equal(first.boundaries, second.boundaries)
    return same and (first.dtype, first.scale, first.zero) == (
        second.dtype,
        second.scale,
        second.zero,
    )


def _layout(source_shape: tuple[int, ...], value: Symbolic) -> tuple[int, ...]:
    """Axes that put the raw input in the order of its first consumer, if some do.

    An image consumer, ``(1, C, H, W)``, wants channels last; others take
    the elements as they come.
    """
    wanted = value.order.reshape(value.shape)
    if len(value.shape) == 4:
        wanted = wanted.transpose(0, 2, 3, 1)
    flat = np.arange(value.order.size).reshape(source_shape)
    rank = len(source_shape)
    last = (*range(1, rank), 0)  # channels first to channels last
    for axes in itertools.chain([last], itertools.permutations(range(rank))):
        if np.array_equal(flat.transpose(axes).reshape(-1), wanted.reshape(-1)):
            return tuple(axes)
    return last if rank == 3 else tuple(range(rank))


def _levels_per_channel(
    state: Lowering, node: Node, value: Symbolic, quantizer: Quantizer
) -> tuple[Symbolic, np.ndarray, np.ndarray]:
    """Scale and zero point per channel of the base."""
    rows = [state.per_channel(value, item, node) for item in (quantizer.scale, quantizer.zero)]
    if any(row is None for row in rows):
        value = state.builder.flattened(value)
        rows = [state.per_channel(value, item, node) for item in (quantizer.scale, quantizer.zero)]
    scale, zero = rows
    assert scale is not None
    assert zero is not None
    return value, scale, zero


@handles(*QUANTIZERS)
def _quantize(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    parameters = [
        state.required(node, index).value.astype(np.float64) for index in range(1, len(node.inputs))
    ]
    quantizer = read_quantizer(node, parameters)
    if not value.base and (state.forced or quantizer.dtype is None):
        value = materialised(state, value, node)
    if not value.base:
        return _quantized_input(state, node, value, quantizer)
    value, scale, zero = _levels_per_channel(state, node, value, quantizer)

    def levels(real: np.ndarray, channel: np.ndarray) -> np.ndarray:
        rows = _per_row(node, parameters, scale[channel], zero[channel])
        return read_quantizer(node, rows).levels(real)

    bounds = state.builder.ranges[value.base]
    known = _gain_in_levels(node, value, quantizer, scale, zero)
    steps = evaluate_region(value.function, levels, quantizer.dtype, bounds, node.label, known)
    name = state.builder.fresh(_stem(state, value, node))
    gain, offset = scale, -zero * scale
    if steps.is_identity:
        state.builder.affine.setdefault(value.base, as_affine(gain, offset))
        return Symbolic(value.base, value.shape, value.order, affine_function(gain, offset))
    fit = fit_region(steps, *(known or (None, None)))
    op: Op
    if fit is not None and prefers_rescale(steps.dtype, fit):
        mul, add, shift = (_shortest(item) for item in (fit.mul, fit.add, fit.shift))
        op = Rescale(name, (value.base,), (name,), mul, add, shift, fit.rounding, steps.dtype)
    else:
        thresholds, sign = steps.thresholds, steps.sign
        if np.all(thresholds == thresholds[:1]) and np.all(sign == sign[0]):
            thresholds, sign = thresholds[:1], sign[:1]
        op = Threshold(name, (value.base,), (name,), thresholds, sign, steps.dtype)
    state.builder.add(op)
    result = state.builder.symbol(name, value.shape, value.order, gain, offset)
    state.builder.origin[name] = (node.outputs[0], result)
    return result


def _shortest(values: np.ndarray) -> np.ndarray:
    return values[:1] if np.all(values == values[0]) else values


def _per_row(
    node: Node, parameters: list[np.ndarray], scale: np.ndarray, zero: np.ndarray
) -> list[np.ndarray]:
    """The quantizer's parameters shaped for values of shape ``(channels, n)``."""
    if all(item.size == 1 for item in parameters):
        return [item.reshape(()) for item in parameters]
    if node.op == "Trunc":
        raise UnsupportedError("Trunc with parameters per channel", where=node.label)
    if node.op == "BipolarQuant":
        return [scale[:, None]]
    return [scale[:, None], zero[:, None], parameters[2]]


def _gain_in_levels(
    node: Node, value: Symbolic, quantizer: Quantizer, scale: np.ndarray, zero: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """The region before rounding as ``gain * q + offset`` in levels, if it is affine
    up to clamps that the levels make anyway (Relu before an unsigned quantizer)."""
    dtype = quantizer.dtype
    if (
        node.op not in ("Quant", "IntQuant")
        or dtype is None
        or quantizer.rounding
        not in (
            "ROUND",
            "HALF_EVEN",
        )
    ):
        return None
    head = value
    if not value.function.is_affine:
        clamps = set(value.tail) == {"Relu"} and dtype.lo == 0 and not np.any(zero)
        if not clamps or value.head is None:
            return None
        head = value.head
    gain, offset = head.function.gain, head.function.offset
    if gain is None or offset is None:
        return None
    return gain / scale, offset / scale + zero


def _stem(state: Lowering, value: Symbolic, node: Node) -> str:
    maker = next(op for op in state.builder.ops if value.base in op.outputs)
    return "quant" if isinstance(maker, Input) else f"{maker.name}_quant"


def _quantized_input(
    state: Lowering, node: Node, value: Symbolic, quantizer: Quantizer
) -> Symbolic:
    """The model quantizes its own input: the host does it, exactly."""
    dtype = quantizer.dtype
    assert dtype is not None
    if quantizer.scale.size != 1 or quantizer.zero.size != 1:
        raise UnsupportedError("an input quantizer with scales per channel", where=node.label)
    scale, zero = float(quantizer.scale.reshape(())), float(quantizer.zero.reshape(()))
    function = value.function
    nearest = quantizer.rounding in ("ROUND", "HALF_EVEN")
    if dtype == BIPOLAR:
        nearest = zero == 0.0  # its Input compares with zero
    boundaries = None
    if not (function.is_identity and nearest):
        if dtype.count > _MOST_BOUNDARIES:
            raise UnsupportedError(
                f"an input quantizer with {dtype.count} levels after a function, or with rounding"
                f" {quantizer.rounding}",
                where=node.label,
                remedy="use ROUND, directly on the input, or fewer bits",
            )
        if function.direction[0] != 1:
            raise UnsupportedError(
                "the function before the input's quantizer does not rise", where=node.label
            )
        boundaries = _real_boundaries(
            lambda x: quantizer.levels(function.call(x[None, :], np.zeros(1, np.int64))[0]), dtype
        )
    op, order = _input_op(state, node, value, InputSpec(dtype, scale, zero), boundaries)
    channels = op.shape[-1]
    gain, offset = np.full(channels, scale), np.full(channels, -zero * scale)
    result = state.builder.symbol(op.outputs[0], value.shape, order, gain, offset)
    state.builder.origin[op.outputs[0]] = (node.outputs[0], result)
    return result


def _real_boundaries(levels: Callable[[np.ndarray], np.ndarray], dtype: IntType) -> np.ndarray:
    """Smallest float64 that reaches each level above the lowest, by bisection on the bits."""
    ladder = dtype.lo + dtype.step * (1 + np.arange(dtype.count - 1))
    largest = int(np.array(np.finfo(np.float64).max).view(np.int64))

    def decode(code: np.ndarray) -> np.ndarray:
        # Codes in the order of the numbers: the pattern itself for positive
        # numbers, minus the magnitude's pattern for negative ones.
        bits = np.where(code >= 0, code, np.int64(-(2**63)) - code)
        return bits.view(np.float64)

    below = np.full(ladder.size, -largest, np.int64)
    above = np.full(ladder.size, largest, np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        never = levels(decode(above)) < ladder
        while True:
            middle = (below >> 1) + (above >> 1) + (below & above & 1)
            going = (middle > below) & (middle < above)
            if not np.any(going):
                break
            enough = levels(decode(middle)) >= ladder
            above = np.where(going & enough, middle, above)
            below = np.where(going & ~enough, middle, below)
    return np.where(never, np.inf, decode(above))
