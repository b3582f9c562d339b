"""From an ONNX file to the integer graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import hwcompress.frontend.lower_linear
import hwcompress.frontend.lower_pool
import hwcompress.frontend.lower_quant
import hwcompress.frontend.lower_scalar
import hwcompress.frontend.lower_shape  # noqa: F401  (the five fill the registry)
from hwcompress.errors import GraphError, InputError, UnsupportedError
from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.float64 import QUANTIZERS, Float64Model, evaluate_node
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.input_types import derive_input_type, parse_input_type
from hwcompress.frontend.lower_quant import quantize_constant
from hwcompress.frontend.lowering import HANDLERS, Lowering
from hwcompress.frontend.onnx_model import Node, OnnxModel, read_onnx
from hwcompress.frontend.values import Constant, Symbolic
from hwcompress.ir import ArgMax, Conv, Dense, Graph, Input, Output
from hwcompress.ir.ops.io import HOST_FUNCTIONS

__all__ = ["Imported", "import_model"]


# The quantizers appear under all of these in the wild.
_DOMAINS = frozenset(
    {"", "ai.onnx", "onnx.brevitas", "qonnx.custom_op.general", "finn.custom_op.general", "finn"}
)


@dataclass(frozen=True, eq=False)
class Imported:
    """A source model and the integer graph made of it.

    Attributes:
        graph: the integer graph, with notes for the report.
        model: the source.
        float64: the source in float64, the exact reference.
        origin: graph tensor -> (source tensor, how its integers stand for it).
    """

    graph: Graph
    model: OnnxModel
    float64: Float64Model
    origin: dict[str, tuple[str, Symbolic]]


def import_model(
    path: Path,
    *,
    samples: np.ndarray | None = None,
    input_type: str | None = None,
    name: str | None = None,
) -> Imported:
    """Read a QONNX file and express it as an integer graph.

    Args:
        path: the ``.onnx`` file.
        samples: real samples ``(n, *input shape)``; used only to derive the
            input's type where the model does not quantize its input.
        input_type: the input's type (:func:`parse_input_type`); wins over
            the model's own input quantizer, which then runs in the graph.
        name: name of the graph; the file's by default.

    Raises:
        InputError: the file cannot be read, or is no single-input model.
        UnsupportedError: nodes that cannot be expressed, all of them listed.
    """
    model = read_onnx(path)
    where = str(path)
    if len(model.inputs) != 1:
        raise UnsupportedError(
            f"the model has {len(model.inputs)} inputs ({', '.join(model.inputs)})",
            where=where,
            remedy="models with one input are supported today",
        )
    state = _start(model, where)
    if input_type is not None:
        state.input_spec, state.forced = parse_input_type(input_type), True
    elif samples is not None and samples.size:
        state.input_spec = derive_input_type(samples)
    problems = _walk(model, state)
    if problems:
        raise UnsupportedError(
            f"{len(problems)} node(s) of the model cannot be expressed",
            problems,
            where=where,
            remedy=f"the operators {', '.join(sorted(HANDLERS))} are supported",
        )
    for output in model.outputs:
        _finish(state, output, where)
    builder = state.builder
    spec = state.input_spec
    used_spec = any(
        isinstance(op, Input) and spec is not None and op.dtype == spec.dtype for op in builder.ops
    )
    if spec is not None and used_spec and "input" not in builder.origin:
        builder.notes.append(f"input {spec.dtype} with scale {spec.scale:.9g}: {spec.why}")
    graph = builder.build(name or model.name)
    constants = {
        key: item.value for key, item in state.values.items() if isinstance(item, Constant)
    }
    origin = {key: item for key, item in builder.origin.items() if key in graph.tensors}
    return Imported(graph, model, Float64Model(model, constants), origin)


def _start(model: OnnxModel, where: str) -> Lowering:
    (name,) = model.inputs
    shape = model.inputs[name]
    if not shape or any(size == 0 for size in shape[1:]):
        raise UnsupportedError(
            f"input {name!r} has shape {shape} (0 stands for a length that is not stated)",
            where=where,
            remedy="export the model with a fixed input shape",
        )
    if shape[0] > 1:
        raise UnsupportedError(
            f"a batch of {shape[0]} is baked into input {name!r}",
            where=where,
            remedy="export the model with a batch of one",
        )
    shape = (1, *shape[1:])
    order = np.arange(int(np.prod(shape, dtype=np.int64)))
    raw = Symbolic("", shape, order, affine_function(np.ones(1), np.zeros(1)))
    state = Lowering(GraphBuilder(), input_name=name)
    state.values[name] = raw
    for key, array in model.initializers.items():
        state.values[key] = Constant(array)
    return state


def _walk(model: OnnxModel, state: Lowering) -> list[str]:
    """Lower every node; returns a line for each that cannot be expressed."""
    problems: list[str] = []
    poisoned: set[str] = set()
    for node in model.nodes:
        if poisoned & set(node.inputs):
            # Only nodes with a fault of their own are reported; but an
            # operator that nobody knows is one, whatever comes before it.
            if node.op not in HANDLERS:
                problems.append(_unknown(node))
            poisoned.update(node.outputs)
            continue
        try:
            _lower(node, state)
        except UnsupportedError as error:
            problems.append(str(error))
            poisoned.update(node.outputs)
        except GraphError as error:
            problems.append(f"{node.label}: {error}")
            poisoned.update(node.outputs)
    return problems


def _unknown(node: Node) -> str:
    return f"{node.label}: operator {node.op!r} is not supported"


def _lower(node: Node, state: Lowering) -> None:
    if node.domain not in _DOMAINS:
        raise UnsupportedError(
            f"operator domain {node.domain!r} is not supported",
            where=node.label,
            remedy="export the model channels first, with standard ONNX and QONNX operators",
        )
    inputs = [state.values[name] for name in node.inputs if name]
    constants = [item for item in inputs if isinstance(item, Constant)]
    if len(constants) == len(inputs):
        if node.op in QUANTIZERS:
            state.values[node.outputs[0]] = quantize_constant(node, constants)
        elif node.op == "Transpose" and constants[0].levels is not None:
            state.values[node.outputs[0]] = _transposed(node, constants[0])
        else:
            arrays = [item.value for item in constants]
            state.values[node.outputs[0]] = Constant(evaluate_node(node, arrays))
    elif node.op in HANDLERS:
        state.values[node.outputs[0]] = HANDLERS[node.op](state, node)
    else:
        raise UnsupportedError(_unknown(node))


def _transposed(node: Node, weight: Constant) -> Constant:
    """Quantized weights behind a Transpose stay quantized."""
    assert weight.levels is not None
    assert weight.scale is not None
    assert weight.zero is not None

    def turned(array: np.ndarray) -> np.ndarray:
        return evaluate_node(node, [np.broadcast_to(array, weight.levels.shape)])  # type: ignore[union-attr]

    return Constant(
        turned(weight.value),
        weight.levels.transpose(node.integers("perm", tuple(reversed(range(weight.levels.ndim))))),
        turned(weight.scale),
        turned(weight.zero),
        weight.dtype,
    )


def _finish(state: Lowering, output: str, where: str) -> None:
    """Mark one output: what the host is left to do, and integer biases."""
    value = state.values.get(output)
    if not isinstance(value, Symbolic) or not value.base:
        raise InputError(f"output {output!r} does not depend on quantized data", where=where)
    host: tuple[str, ...] = ()
    if not value.function.is_affine:
        host = tuple(item.lower() for item in value.tail)
        if value.head is None or set(host) - set(HOST_FUNCTIONS):
            raise UnsupportedError(
                f"output {output!r} is not quantized after {' and '.join(value.tail)}",
                where=where,
                remedy="end the model with a quantizer, or with its logits",
            )
        value = value.head
    builder = state.builder
    source = _source_name(state, value)
    value = _with_integer_bias(builder, value)
    builder.origin[value.base] = (source, value)
    shape = builder.types[value.base].shape
    axes = _output_axes(shape, value)
    if axes is None:
        raise UnsupportedError(f"the elements of output {output!r} are reordered", where=where)
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
        if isinstance(item, Symbolic) and item.base == value.base and not item.tail:
            if np.array_equal(item.order, value.order) and _same_affine(item, value):
                return name
    raise UnsupportedError("an output is rearranged after its last layer", where=value.base)


def _same_affine(first: Symbolic, second: Symbolic) -> bool:
    a, b = first.function, second.function
    if a.gain is None or a.offset is None or b.gain is None or b.offset is None:
        return False
    return np.array_equal(a.gain, b.gain) and np.array_equal(a.offset, b.offset)


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
    if isinstance(maker, ArgMax) or not isinstance(maker, Dense | Conv) or not alone:
        builder.symbol(value.base, value.shape, value.order, gain, offset)
        return value
    steps = np.rint(offset / gain)
    if np.any(steps) and np.array_equal(steps * gain, offset) and np.abs(steps).max() < 2**31:
        builder.add_bias(value.base, steps.astype(np.int64))
        offset = np.zeros_like(offset)
    return builder.symbol(value.base, value.shape, value.order, gain, offset)
