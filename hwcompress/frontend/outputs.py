"""The model's outputs: what is left to the host, their order, and integer biases."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend.arrange import as_image, as_vector
from hwcompress.frontend.builder import GraphBuilder, as_affine
from hwcompress.frontend.close_sum import realised
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.values import Constant, OnHost, Symbolic
from hwcompress.ir import Affine, Conv, ConvTranspose, Dense, IntType, Output, Rescale

__all__ = ["finish_output"]


def finish_output(state: Lowering, output: str, where: str, finished: dict[str, Affine]) -> None:
    """Mark one output: what the host is left to do, and integer biases.

    ``finished`` says of the graph's tensors that are outputs already what their
    integers stood for before any bias was moved.
    """
    builder = state.builder
    value, host, source = _given_by_graph(state, output, where)
    value = _every_channel(builder, _in_order(builder, value, output))
    assert value.function.gain is not None
    assert value.function.offset is not None
    meaning = as_affine(value.function.gain, value.function.offset)
    if finished.get(value.base, meaning) != meaning:
        value = _copied(builder, value)  # another output is the same tensor in other units
    finished[value.base] = meaning
    if not any(isinstance(op, Output) and value.base in op.inputs for op in builder.ops):
        value = _with_integer_bias(builder, value)
        builder.origin[value.base] = (source, value)
    shape = builder.types[value.base].shape
    axes = _output_axes(shape, value)
    assert axes is not None
    name = builder.fresh("output")
    trivial = axes == tuple(range(len(shape)))
    # Without the batch axis, unless positions have been moved into it.
    shown = value.shape[1:] if value.shape[:1] == (1,) else value.shape
    builder.ops.append(Output(name, (value.base,), (), shown, () if trivial else axes, host))
    if host:
        builder.notes.append(f"output {output!r}: {' and '.join(host)} left to the host")


def _given_by_graph(
    state: Lowering, output: str, where: str
) -> tuple[Symbolic, tuple[str, ...], str]:
    """What the graph gives of an output, what the host does then, and the source's tensor."""
    value = state.values.get(output)
    if isinstance(value, OnHost):
        return value.head, value.steps, _source_name(state, value.head)
    maker = next((node for node in state.nodes if output in node.outputs), None)
    if isinstance(value, Symbolic) and value.grid is not None and not value.function.is_affine:
        assert maker is not None
        closed = materialised(state, value, maker)
        state.builder.notes.append(
            f"output {output!r}: {' and '.join(value.tail)} computed in hardware, not by the host"
        )
        return closed, (), output
    if isinstance(value, Symbolic) and value.base in state.builder.pending:
        pending = state.builder.pending[value.base]
        if pending.exact is None or not value.function.is_affine:
            raise pending.refused(f"output {output!r}")
        return realised(state.builder, pending, value), (), _source_name(state, value)
    if isinstance(value, Constant):
        raise UnsupportedError(
            f"output {output!r} is a constant, the same for every sample",
            where=where,
            why="nothing is left to compute",
            remedy="remove it from the model's outputs, and keep its values beside the design",
        )
    if not isinstance(value, Symbolic) or not value.base:
        raise InputError(f"output {output!r} does not depend on quantized data", where=where)
    if value.function.is_affine:
        return value, (), _source_name(state, value)
    head, steps = value.head, value.steps
    if head is None or not head.function.is_affine or len(steps or ()) != len(value.tail):
        raise UnsupportedError(
            f"output {output!r} is not quantized after {' and '.join(value.tail)}",
            where=where,
            remedy="end the model with a quantizer, or with its logits",
        )
    return head, steps or (), _source_name(state, head)


def _every_channel(builder: GraphBuilder, value: Symbolic) -> Symbolic:
    """``value`` with integers that stand for it in channels, too, that are constant."""
    gain, offset = value.function.gain, value.function.offset
    assert gain is not None
    assert offset is not None
    if np.all(gain):
        return value
    dtype = builder.types[value.base].dtype
    otype = IntType(min(dtype.lo, 0), max(dtype.hi, 0))
    name, zero = builder.fresh(f"{value.base}_kept"), np.zeros(1, np.int64)
    mul = (gain != 0).astype(np.int64)
    builder.add(Rescale(name, (value.base,), (name,), mul, zero, zero, "floor", otype))
    builder.notes.append(
        f"{int(np.sum(gain == 0))} channel(s) of {value.base!r} have scale zero: they are constant"
    )
    return builder.symbol(name, value.shape, value.order, np.where(gain == 0, 1.0, gain), offset)


def _copied(builder: GraphBuilder, value: Symbolic) -> Symbolic:
    """The same integers as a tensor of their own."""
    gain, offset = value.function.gain, value.function.offset
    assert gain is not None
    assert offset is not None
    name = builder.fresh(f"{value.base}_copy")
    one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)
    dtype = builder.types[value.base].dtype
    if dtype.is_bipolar:
        dtype = IntType(-1, 1)
    builder.add(Rescale(name, (value.base,), (name,), one, zero, zero, "floor", dtype))
    return builder.symbol(name, value.shape, value.order, gain, offset)


def _source_name(state: Lowering, value: Symbolic) -> str:
    """The source tensor that ``value`` describes: an output, or what a host function reads."""
    for name, item in state.values.items():
        if item is value:
            return name
    for name, item in state.values.items():  # moved since: the same elements before the move
        if (
            isinstance(item, Symbolic)
            and item.base == value.base
            and not item.tail
            and np.array_equal(item.order, value.order)
            and _same_affine(item, value)
        ):
            return name
    raise UnsupportedError("an output is rearranged after its last layer", where=value.base)


def _same_affine(first: Symbolic, second: Symbolic) -> bool:
    a, b = first.function, second.function
    if a.gain is None or a.offset is None or b.gain is None or b.offset is None:
        return False
    return np.array_equal(a.gain, b.gain) and np.array_equal(a.offset, b.offset)


def _in_order(builder: GraphBuilder, value: Symbolic, output: str) -> Symbolic:
    """``value`` over a tensor of which a plain transposition is in the source's order."""
    if _output_axes(builder.types[value.base].shape, value) is not None:
        return value
    label = f"output {output!r}"
    if len(value.shape) in (3, 4) and value.shape[0] == 1:
        return as_image(builder, value, label)
    return as_vector(builder, value, label)


def _output_axes(shape: tuple[int, ...], value: Symbolic) -> tuple[int, ...] | None:
    """Transposition of the graph's tensor that puts it in the source's order."""
    flat = np.arange(value.order.size).reshape(shape)
    rank = len(shape)
    for axes in (tuple(range(rank)), (rank - 1, *range(rank - 1))):
        if np.array_equal(flat.transpose(axes).reshape(-1), value.order):
            return axes
    return None


def _with_integer_bias(builder: GraphBuilder, value: Symbolic) -> Symbolic:
    """Move an offset that is a whole number of integer steps into the sum itself.

    The outputs of a classifier then share one scale and no offset, so that
    their integers compare as the real values do.
    """
    gain, offset = value.function.gain, value.function.offset
    assert gain is not None
    assert offset is not None
    maker = next(op for op in builder.ops if value.base in op.outputs)
    alone = sum(value.base in op.inputs for op in builder.ops) == 0
    if not isinstance(maker, Dense | Conv | ConvTranspose) or not alone:
        builder.symbol(value.base, value.shape, value.order, gain, offset)
        return value
    steps = np.rint(offset / gain)
    if np.any(steps) and np.array_equal(steps * gain, offset) and np.abs(steps).max() < 2**31:
        builder.add_bias(value.base, steps.astype(np.int64))
        offset = np.zeros_like(offset)
    return builder.symbol(value.base, value.shape, value.order, gain, offset)
