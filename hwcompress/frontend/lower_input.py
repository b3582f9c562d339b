"""The model's raw inputs become Input operations."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.close_sum import realised
from hwcompress.frontend.closing import close_grid
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.input_layout import channel_axis_of_readers
from hwcompress.frontend.lowering import InputSpec, Lowering
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.quantizers import Quantizer
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import BIPOLAR, Input, IntType

__all__ = ["encoded_input", "entered", "make_input", "materialised", "quantized_input"]

_MOST_BOUNDARIES = 1 << 17
_LARGEST_REAL = float(np.finfo(np.float64).max)


def materialised(state: Lowering, value: Symbolic, node: Node) -> Symbolic:
    """``value`` as a function of a graph tensor: makes the Input if it is still raw.

    A value that lies on a grid without being affine (a quantizer in plain operators) is
    computed here, and affine afterwards.

    Raises:
        UnsupportedError: the type of a raw input is not known, or the value is
            a sum that only a quantizer may read.
    """
    if value.grid is not None and not value.function.is_affine:
        outside = not value.base and not state.enters_as_it_is(value)
        if outside and (levels := _grid_levels(value)) is not None:
            scale, offset = (float(item[0]) for item in value.grid)
            return encoded_input(state, node, value, *levels, (scale, offset))
        return close_grid(state, entered(state, value, node), node)
    return entered(state, value, node)


def entered(state: Lowering, value: Symbolic, node: Node) -> Symbolic:
    """``value`` as a function of a graph tensor, whatever function: makes the Input if it is
    still raw.

    Raises:
        UnsupportedError: as for :func:`materialised`.
    """
    pending = state.builder.pending.get(value.base)
    if pending is not None and pending.exact is not None:
        return realised(state.builder, pending, value)
    if pending is not None:
        raise pending.refused(node.label)
    if value.base:
        return value
    spec = state.input_specs.get(value.raw)
    if spec is None:
        raise UnsupportedError(
            f"the model's input {value.raw!r} reaches this node without a quantizer",
            where=node.label,
            remedy="give --input-type (for example 'fixed<16,6>' or 'uint8'), or data from"
            " which it can be derived",
        )
    return make_input(state, node, value, spec)


def _grid_levels(value: Symbolic) -> tuple[Callable[[np.ndarray], np.ndarray], IntType] | None:
    """Levels of a raw input that is rounded in plain operators, if it is clipped, too."""
    assert value.grid is not None
    scale, offset = (float(item[0]) for item in value.grid)
    channel = np.zeros(1, np.int64)

    def levels(x: np.ndarray) -> np.ndarray:
        real = value.function.call(x[None, :], channel)[0]
        return np.rint((real - offset) / scale).astype(np.int64)

    with np.errstate(all="ignore"):
        ends = value.function.call(np.array([[-_LARGEST_REAL, _LARGEST_REAL]]), channel)[0]
    steps = (ends - offset) / scale
    rises = value.function.direction[0] == 1 and scale > 0 and steps[0] < steps[1]
    if not rises or not np.all(np.abs(steps) < _MOST_BOUNDARIES):
        return None
    low, high = (int(item) for item in np.rint(steps))
    return levels, IntType(low, high)


def encoded_input(
    state: Lowering,
    node: Node,
    value: Symbolic,
    levels: Callable[[np.ndarray], np.ndarray],
    dtype: IntType,
    meaning: tuple[float, float],
) -> Symbolic:
    """A raw input that the model itself turns into integers: the host does it, exactly.

    Args:
        state, node, value: the reader and its input, which is raw.
        levels: real samples ``(n,)`` to integers, rising, of ``dtype``.
        dtype: of the integers.
        meaning: gain (not zero) and offset of the integers.

    Raises:
        UnsupportedError: the function before does not rise.
    """
    if value.function.direction[0] != 1:
        raise UnsupportedError(
            "the function before the input's quantizer does not rise", where=node.label
        )
    scale, offset = meaning
    # An Input's own scale is positive; only its boundaries count here.
    spec = InputSpec(dtype, abs(scale), -offset / scale)
    op, order = _input_op(state, node, value, spec, _real_boundaries(levels, dtype))
    size = op.shape[-1]
    name = op.outputs[0]
    result = state.builder.symbol(
        name, value.shape, order, np.full(size, scale), np.full(size, offset)
    )
    names = (key for key, item in state.values.items() if item is value)
    source = next(names, "") if value.grid is not None else node.outputs[0]
    if source:
        state.builder.origin[name] = (source, result)
    return result


def make_input(state: Lowering, node: Node, value: Symbolic, spec: InputSpec) -> Symbolic:
    """Emit the Input with an affine encoding, and express ``value`` over it."""
    op, order = _input_op(state, node, value, spec, None)
    channels = op.shape[-1]
    gain = np.full(channels, 1.0 if spec.whole else spec.scale)
    offset = np.full(channels, 0.0 if spec.whole else -spec.zero * spec.scale)
    base = state.builder.symbol(op.outputs[0], value.shape, order, gain, offset)

    def function(raw: ScalarFunction) -> ScalarFunction:
        return raw.rearranged(np.zeros(channels, np.int64)).of(base.function)

    return value.rebased(base.base, value.shape, order, function)


def _input_op(
    state: Lowering, node: Node, value: Symbolic, spec: InputSpec, boundaries: np.ndarray | None
) -> tuple[Input, np.ndarray]:
    """The graph's Input, laid out for its first reader, and ``value``'s order over it."""
    source = state.values[value.raw]
    assert isinstance(source, Symbolic)
    source_shape = source.shape[1:]
    before = state.inputs.get(value.raw)
    axes = _layout(state, node, source_shape, value) if before is None else before.axes
    laid = np.arange(value.order.size).reshape(source_shape).transpose(axes)
    position = np.empty(laid.size, np.int64)  # flat source index -> flat graph index
    position[laid.reshape(-1)] = np.arange(laid.size)
    if before is not None:
        name = before.name
    else:
        name = "input" if len(state.input_names) == 1 else state.builder.fresh(value.raw)
    op = Input(
        name,
        (),
        (name,),
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
        state.inputs[value.raw] = op
    elif not _same_input(before, op):
        raise UnsupportedError(
            f"the model's input {value.raw!r} is quantized in two ways",
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


def _layout(
    state: Lowering, node: Node, source_shape: tuple[int, ...], value: Symbolic
) -> tuple[int, ...]:
    """Axes that put the raw input in the order of its first consumer, if some do.

    An image consumer, ``(1, C, H, W)`` or ``(1, C, L)``, wants channels last, also where
    the source transposes the input for it; others take the elements as they come.
    """
    wanted = value.order.reshape(value.shape)
    if len(value.shape) in (3, 4):
        wanted = np.moveaxis(wanted, channel_axis_of_readers(state, node, wanted.ndim), -1)
    flat = np.arange(value.order.size).reshape(source_shape)
    rank = len(source_shape)
    last = (*range(1, rank), 0)  # channels first to channels last
    for axes in itertools.chain([last], itertools.permutations(range(rank))):
        if np.array_equal(flat.transpose(axes).reshape(-1), wanted.reshape(-1)):
            return tuple(axes)
    return last if rank == 3 else tuple(range(rank))


def quantized_input(
    state: Lowering,
    node: Node,
    value: Symbolic,
    quantizer: Quantizer,
    encoding: tuple[float, float] | None = None,
) -> Symbolic:
    """The model quantizes its own input: the host does it, exactly.

    ``encoding`` is the scale and zero point of a quantizer whose result is not real numbers
    but the levels themselves, and that adds the zero point after rounding.
    """
    dtype = quantizer.dtype
    assert dtype is not None
    if quantizer.scale.size != 1 or quantizer.zero.size != 1:
        raise UnsupportedError("an input quantizer with scales per channel", where=node.label)
    scale, zero = float(quantizer.scale.reshape(())), float(quantizer.zero.reshape(()))
    function = value.function
    nearest = quantizer.rounding in ("ROUND", "HALF_EVEN")
    if dtype == BIPOLAR:
        nearest = zero == 0.0  # its Input compares with zero
    if encoding is not None:  # an odd number added turns the ties to even around
        nearest = nearest and encoding[1] % 2 == 0
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
    spec = InputSpec(dtype, *(encoding or (scale, zero)))
    op, order = _input_op(state, node, value, spec, boundaries)
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
