"""From an ONNX file to the integer graph."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import hwcompress.frontend.lower_concat
import hwcompress.frontend.lower_dense
import hwcompress.frontend.lower_join
import hwcompress.frontend.lower_linear
import hwcompress.frontend.lower_multi
import hwcompress.frontend.lower_pad
import hwcompress.frontend.lower_parts
import hwcompress.frontend.lower_pool
import hwcompress.frontend.lower_qdq
import hwcompress.frontend.lower_quant
import hwcompress.frontend.lower_rank
import hwcompress.frontend.lower_reduce
import hwcompress.frontend.lower_scalar
import hwcompress.frontend.lower_shape  # noqa: F401  (these fill the registry)
from hwcompress.errors import GraphError, InputError, UnsupportedError
from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.canonical import canonical, is_known
from hwcompress.frontend.constants import scaled_weights
from hwcompress.frontend.float64 import (
    QUANTIZERS,
    Float64Model,
    Samples,
    evaluate_outputs,
)
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.input_types import derive_input_type, parse_input_type
from hwcompress.frontend.integer_inputs import integer_input_specs, integer_inputs
from hwcompress.frontend.lower_host import continued_on_host
from hwcompress.frontend.lower_qdq import dequantize_constant, quantize_linear_constant
from hwcompress.frontend.lower_quant import quantize_constant
from hwcompress.frontend.lowering import HANDLERS, Lowering
from hwcompress.frontend.malformed import MALFORMED
from hwcompress.frontend.moved_weights import moved_weights
from hwcompress.frontend.onnx_model import Node, OnnxModel, read_onnx
from hwcompress.frontend.outputs import finish_output
from hwcompress.frontend.prepare import Shapes, prepared
from hwcompress.frontend.refusals import reason
from hwcompress.frontend.spending import Spending
from hwcompress.frontend.values import Constant, OnHost, Symbolic, Value
from hwcompress.ir import Affine, Graph
from hwcompress.limits import Limits

__all__ = ["Imported", "import_model"]


# The quantizers appear under all of these in the wild.
_DOMAINS = frozenset(
    {"", "ai.onnx", "onnx.brevitas", "qonnx.custom_op.general", "finn.custom_op.general", "finn"}
)


# They look at what comes before a Softmax.
_FROM_HOST = frozenset({"ArgMax", "ArgMin", "TopK"})


@dataclass(frozen=True, eq=False)
class Imported:
    """A source model and the integer graph made of it.

    Attributes:
        graph: the integer graph, with notes for the report.
        model: the source.
        float64: the source in float64, the exact reference.
        origin: graph tensor -> (source tensor, how its integers stand for it).
        inputs: tensor of a graph input -> the source's input, in the source's order.
    """

    graph: Graph
    model: OnnxModel
    float64: Float64Model
    origin: dict[str, tuple[str, Symbolic]]
    inputs: dict[str, str]


def import_model(
    path: Path,
    *,
    samples: Samples | None = None,
    input_type: str | None = None,
    name: str | None = None,
    limits: Limits | None = None,
    input_shapes: Shapes | None = None,
) -> Imported:
    """Read a QONNX file and express it as an integer graph.

    Args:
        path: the ``.onnx`` file.
        samples: real samples ``(n, *input shape)``, of a model with several
            inputs by name; used only to derive the type of an input that the
            model does not quantize.
        input_type: the inputs' type (:func:`parse_input_type`); wins over
            the model's own input quantizer, which then runs in the graph.
        name: name of the graph; the file's by default.
        limits: on sizes; those of the process by default.
        input_shapes: shapes of inputs by name, with the batch axis, where the file leaves
            lengths open. Else those of the samples are taken.

    Raises:
        InputError: the file cannot be read, exceeds the limits, or samples lack an input.
        UnsupportedError: nodes that cannot be expressed, all of them listed.
    """
    where = str(path)
    read = canonical(prepared(read_onnx(path, limits), input_shapes, samples, where))
    model = read.model
    state = _start(model)
    given = {} if samples is None else _by_input(model, samples, where)
    if input_type is not None:
        state.input_specs = dict.fromkeys(model.inputs, parse_input_type(input_type))
        state.forced = True
    else:
        whole = integer_inputs(model)
        state.input_specs = {
            key: derive_input_type(item) for key, item in given.items() if key not in whole
        }
    state.input_specs.update(integer_input_specs(model, given, where))
    with np.errstate(all="ignore"):  # what is not finite is looked for, node by node
        problems = _walk(model, state, read.refused)
    if problems:
        raise UnsupportedError(
            f"{len(problems)} node(s) of the model cannot be expressed",
            problems,
            where=where,
            remedy=_remedy(model),
        )
    state.builder.notes[:0] = model.notes
    finished: dict[str, Affine] = {}
    before = dict(state.builder.origin)
    for output in model.outputs:
        finish_output(state, output, where, finished)
    builder = state.builder
    for key, (source, symbol) in before.items():
        # A tensor of integers in the file, rather than what a DequantizeLinear that the file
        # does not have makes of it.
        if builder.origin[key][0] in model.added and symbol.function.is_identity:
            builder.origin[key] = (source, symbol)
    for key, op in state.inputs.items():
        spec = state.input_specs.get(key)
        if spec is not None and op.dtype == spec.dtype and op.outputs[0] not in builder.origin:
            which = f"{key!r}, " if len(model.inputs) > 1 else ""
            builder.notes.append(
                f"input {which}{spec.dtype} with scale {spec.scale:.9g}: {spec.why}"
            )
    graph = builder.build(name or model.name)
    constants = {
        key: item.value for key, item in state.values.items() if isinstance(item, Constant)
    }
    origin = {key: item for key, item in builder.origin.items() if key in graph.tensors}
    inputs = {
        state.inputs[key].outputs[0]: key
        for key in model.inputs
        if key in state.inputs and state.inputs[key].outputs[0] in graph.tensors
    }
    return Imported(graph, model, Float64Model(model, constants), origin, inputs)


def _by_input(model: OnnxModel, samples: Samples, where: str) -> dict[str, np.ndarray]:
    """Samples of each input; of none, if there are none."""
    if not isinstance(samples, Mapping):
        if len(model.inputs) != 1:
            raise InputError(
                f"the model has {len(model.inputs)} inputs ({', '.join(model.inputs)})",
                where=where,
                remedy="give samples for each of them by name",
            )
        samples = {next(iter(model.inputs)): samples}
    missing = [key for key in model.inputs if key not in samples]
    if missing:
        raise InputError(f"samples of input {missing[0]!r} are missing", where=where)
    return {key: samples[key] for key in model.inputs if samples[key].size}


def _start(model: OnnxModel) -> Lowering:
    state = Lowering(
        GraphBuilder(model.limits.elements), input_names=tuple(model.inputs), nodes=model.nodes
    )
    for name, shape in model.inputs.items():
        order = np.arange(math.prod(shape))
        function = affine_function(np.ones(1), np.zeros(1))
        state.values[name] = Symbolic("", shape, order, function, raw=name)
    for key, array in model.initializers.items():
        state.values[key] = Constant(array)
    return state


def _walk(model: OnnxModel, state: Lowering, refused: Mapping[Node, str]) -> list[str]:
    """Lower every node; returns a line for each that cannot be expressed."""
    problems: list[str] = []
    poisoned: set[str] = set()
    spending = Spending(model.limits)
    for node in model.nodes:
        if poisoned & set(node.inputs) - {""}:
            # Only nodes with a fault of their own are reported; but an
            # operator that nobody knows is one, whatever comes before it.
            if (fault := _unknown(node)) is not None:
                problems.append(fault)
            poisoned.update(node.outputs)
            continue
        if node in refused:
            problems.append(refused[node])
            poisoned.update(node.outputs)
            continue
        try:
            spending.before(node, state.values)
            _lower(node, state)
            _named_by_file(model, node, state)
        except UnsupportedError as error:
            problems.append(str(error))
            poisoned.update(node.outputs)
        except GraphError as error:
            problems.append(f"{node.label}: {error}")
            poisoned.update(node.outputs)
        except MemoryError:
            problems.append(f"{node.label}: there is not enough memory. Remedy: a smaller model")
            poisoned.update(node.outputs)
        except RecursionError:  # functions that call each other, one for each operator
            problems.append(
                f"{node.label}: hundreds of operators lie between it and the quantizer before."
                " Remedy: simplify the model, or put a quantizer between them"
            )
            poisoned.update(node.outputs)
        except MALFORMED as error:
            # No shape or attribute that this package checks for: the node is not legal ONNX.
            problems.append(
                f"{node.label}: its inputs and attributes do not fit the operator"
                f" ({type(error).__name__}: {error}). Remedy: check the file with"
                " onnx.checker.check_model"
            )
            poisoned.update(node.outputs)
        else:
            spending.after(node, state.values)
    return problems


def _remedy(model: OnnxModel) -> str:
    """What helps against operators that nobody knows; other problems carry their own."""
    reasons = filter(None, map(_unknown, model.nodes))
    if all("Remedy:" in item for item in reasons):
        return ""
    return (
        f"export the model with the standard ONNX and QONNX operators {', '.join(sorted(HANDLERS))}"
    )


def _named_by_file(model: OnnxModel, node: Node, state: Lowering) -> None:
    """A graph tensor stands for a tensor of the file where one holds all its elements."""
    origin = state.builder.origin
    for name in node.outputs:
        value = state.values.get(name)
        if name in model.added or not isinstance(value, Symbolic) or value.base not in origin:
            continue
        known, before = origin[value.base]
        same = value.function.gain is before.function.gain is not None
        if known in model.added and same and value.order.size == before.order.size:
            origin[value.base] = (name, value)


def _unknown(node: Node) -> str | None:
    """Why no handler can take a node, whatever its inputs are."""
    if is_known(node):
        return None
    if node.domain not in _DOMAINS:
        return f"{node.label}: operator domain {node.domain!r} is not supported"
    if node.op not in HANDLERS:
        return f"{node.label}: operator {node.op!r} is not supported{reason(node)}"
    return None


def _lower(node: Node, state: Lowering) -> None:
    if node.domain not in _DOMAINS:
        raise UnsupportedError(str(_unknown(node)))
    for name in node.inputs:
        if name and name not in state.values:
            raise UnsupportedError(
                f"{name!r}, an output of its node that no operation gives, is not supported",
                where=node.label,
            )
    inputs = [state.values[name] for name in node.inputs if name]
    constants = [item for item in inputs if isinstance(item, Constant)]
    named = [state.values[name] if name else None for name in node.inputs]
    results: Value | Sequence[Value | None]
    if len(constants) == len(inputs):
        if node.op in QUANTIZERS:
            results = quantize_constant(node, constants)
        elif node.op == "QuantizeLinear":
            results = quantize_linear_constant(node, constants)
        elif node.op == "DequantizeLinear":
            results = dequantize_constant(node, constants)
        elif (weights := moved_weights(node, _constants(named))) is not None:
            results = weights
        elif (scaled := scaled_weights(node, constants)) is not None:
            results = scaled
        else:
            arrays = [None if item is None else item.value for item in _constants(named)]
            results = [Constant(item) for item in evaluate_outputs(node, arrays)]
    elif any(isinstance(item, OnHost) for item in inputs) and node.op not in _FROM_HOST:
        results = continued_on_host(state, node)
    elif node.op in HANDLERS:
        results = HANDLERS[node.op](state, node)
    else:
        raise UnsupportedError(str(_unknown(node)))
    several = [results] if isinstance(results, Constant | Symbolic | OnHost) else results
    for output, result in zip(node.outputs, several):  # noqa: B905 - some give the first only
        if result is not None:
            state.values[output] = result


def _constants(values: Sequence[Value | None]) -> list[Constant | None]:
    return [item if isinstance(item, Constant) else None for item in values]
