"""The model's outputs: what is left to the host, their order, and integer biases."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend.arrange import as_image, as_vector
from hwcompress.frontend.builder import GraphBuilder, as_affine
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Affine, Conv, ConvTranspose, Dense, Output
from hwcompress.ir.ops.io import HOST_FUNCTIONS

__all__ = ["finish_output"]


def finish_output(state: Lowering, output: str, where: str, finished: dict[str, Affine]) -> None:
    """Mark one output: what the host is left to do, and integer biases.

    ``finished`` says of the graph's tensors that are outputs already what their
    integers stood for before any bias was moved.
    """
    value = state.values.get(output)
    if isinstance(value, Symbolic) and value.base in state.builder.pending:
        raise state.builder.pending[value.base].refused(f"output {output!r}")
    if not isinstance(value, Symbolic) or not value.base:
        raise InputError(f"output {output!r} does not depend on quantized data", where=where)
    host: tuple[str, ...] = ()
    if not value.function.is_affine:
        host = tuple(item.lower() for item in value.tail)
        known = value.head is not None and value.head.function.is_affine
        if value.head is None or not known or set(host) - set(HOST_FUNCTIONS):
            raise UnsupportedError(
                f"output {output!r} is not quantized after {' and '.join(value.tail)}",
                where=where,
                remedy="end the model with a quantizer, or with its logits",
            )
        value = value.head
    builder = state.builder
    source = _source_name(state, value)
    value = _in_order(builder, value, output)
    assert value.function.gain is not None
    assert value.function.offset is not None
    if not np.all(value.function.gain):
        raise UnsupportedError(
            f"a channel of output {output!r} does not depend on the input (scale zero)",
            where=where,
            remedy="prune the channel, or train it again",
        )
    meaning = as_affine(value.function.gain, value.function.offset)
    if finished.setdefault(value.base, meaning) != meaning:
        raise UnsupportedError(
            f"output {output!r} is another output in other units",
            where=where,
            remedy="keep one of the two; the host can scale it",
        )
    if not any(isinstance(op, Output) and value.base in op.inputs for op in builder.ops):
        value = _with_integer_bias(builder, value)
        builder.origin[value.base] = (source, value)
    shape = builder.types[value.base].shape
    axes = _output_axes(shape, value)
    assert axes is not None
    name = builder.fresh("output")
    trivial = axes == tuple(range(len(shape)))
    builder.ops.append(
        Output(name, (value.base,), (), value.shape[1:], () if trivial else axes, host)
    )
    if host:
        builder.notes.append(f"output {output!r}: {' and '.join(host)} left to the host")


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
    if len(value.shape) in (3, 4):
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
