"""From an ONNX file to the integer graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import hwcompress.frontend.lower_linear
import hwcompress.frontend.lower_pool
import hwcompress.frontend.lower_quant
import hwcompress.frontend.lower_scalar
import hwcompress.frontend.lower_shape  # noqa: F401  (the five fill the registry)
from hwcompress.errors import GraphError, InputError, UnsupportedError
from hwcompress.frontend.builder import GraphBuilder, as_affine
from hwcompress.frontend.float64 import QUANTIZERS, Float64Model, evaluate_node
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.input_types import derive_input_type, parse_input_type
from hwcompress.frontend.lower_quant import quantize_constant
from hwcompress.frontend.lowering import HANDLERS, Lowering
from hwcompress.frontend.onnx_model import MAX_ELEMENTS, Node, OnnxModel, read_onnx
from hwcompress.frontend.shapes import MOVES
from hwcompress.frontend.values import Constant, Symbolic
from hwcompress.ir import Affine, ArgMax, Conv, Dense, Graph, Input, Output
from hwcompress.ir.ops.io import HOST_FUNCTIONS

__all__ = ["Imported", "import_model"]


# The quantizers appear under all of these in the wild.
_DOMAINS = frozenset(
    {"", "ai.onnx", "onnx.brevitas", "qonnx.custom_op.general", "finn.custom_op.general", "finn"}
)


_KEEP_LEVELS = MOVES | {"Transpose", "Identity"}
_MAX_RANK = 6
# What Python and numpy raise on shapes and attributes that make no sense.
_MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
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
    with np.errstate(all="ignore"):  # what is not finite is looked for, node by node
        problems = _walk(model, state)
    if problems:
        raise UnsupportedError(
            f"{len(problems)} node(s) of the model cannot be expressed",
            problems,
            where=where,
            remedy=_remedy(model),
        )
    finished: dict[str, Affine] = {}
    for output in model.outputs:
        _finish(state, output, where, finished)
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
    if min(shape) < 0 or len(shape) > _MAX_RANK or math.prod(shape[1:]) > MAX_ELEMENTS:
        raise UnsupportedError(
            f"input {name!r} has shape {shape}",
            where=where,
            why=f"at most {_MAX_RANK} axes and {MAX_ELEMENTS} elements are supported",
        )
    if shape[0] > 1:
        raise UnsupportedError(
            f"a batch of {shape[0]} is baked into input {name!r}",
            where=where,
            remedy="export the model with a batch of one",
        )
    shape = (1, *shape[1:])
    order = np.arange(math.prod(shape))
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
        if poisoned & set(node.inputs) - {""}:
            # Only nodes with a fault of their own are reported; but an
            # operator that nobody knows is one, whatever comes before it.
            if (fault := _unknown(node)) is not None:
                problems.append(fault)
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
        except _MALFORMED as error:
            # No shape or attribute that this package checks for: the node is not legal ONNX.
            problems.append(
                f"{node.label}: its inputs and attributes do not fit the operator"
                f" ({type(error).__name__}: {error}). Remedy: check the file with"
                " onnx.checker.check_model"
            )
            poisoned.update(node.outputs)
    return problems


def _remedy(model: OnnxModel) -> str:
    """What helps against operators that nobody knows; other problems carry their own."""
    if all(_unknown(node) is None for node in model.nodes):
        return ""
    return (
        "export the model channels first, with the standard ONNX and QONNX operators"
        f" {', '.join(sorted(HANDLERS))}"
    )


def _unknown(node: Node) -> str | None:
    """Why no handler can take a node, whatever its inputs are."""
    if node.domain not in _DOMAINS:
        return f"{node.label}: operator domain {node.domain!r} is not supported"
    if node.op not in HANDLERS:
        return f"{node.label}: operator {node.op!r} is not supported"
    return None


def _lower(node: Node, state: Lowering) -> None:
    if node.domain not in _DOMAINS:
        raise UnsupportedError(str(_unknown(node)))
    for name in node.inputs:
        if name and name not in state.values:
            raise UnsupportedError(
                f"{name!r}, a further output of the node that makes it, is not supported",
                where=node.label,
            )
    inputs = [state.values[name] for name in node.inputs if name]
    constants = [item for item in inputs if isinstance(item, Constant)]
    if len(constants) == len(inputs):
        if node.op in QUANTIZERS:
            state.values[node.outputs[0]] = quantize_constant(node, constants)
        elif node.op in _KEEP_LEVELS and constants[0].levels is not None:
            state.values[node.outputs[0]] = _moved_weights(node, constants)
        else:
            named = [state.values[name] if name else None for name in node.inputs]
            arrays = [item.value if isinstance(item, Constant) else None for item in named]
            state.values[node.outputs[0]] = Constant(evaluate_node(node, arrays))
    elif node.op in HANDLERS:
        state.values[node.outputs[0]] = HANDLERS[node.op](state, node)
    else:
        raise UnsupportedError(str(_unknown(node)))


def _moved_weights(node: Node, constants: list[Constant]) -> Constant:
    """Quantized weights whose elements only move stay quantized."""
    weight, *others = constants
    assert weight.levels is not None
    shape = weight.levels.shape
    rest = [item.value for item in others]

    def moved(array: np.ndarray | None) -> np.ndarray:
        assert array is not None
        return evaluate_node(node, [np.broadcast_to(array, shape), *rest])

    return Constant(
        moved(weight.value),
        moved(weight.levels),
        moved(weight.scale),
        moved(weight.zero),
        weight.dtype,
    )


def _finish(state: Lowering, output: str, where: str, finished: dict[str, Affine]) -> None:
    """Mark one output: what the host is left to do, and integer biases.

    ``finished`` says of the graph's tensors that are outputs already what their
    integers stood for before any bias was moved.
    """
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
