"""A float ONNX model as a torch module, node by node."""

from __future__ import annotations

import math

import numpy as np
from torch import fx

import hwcompress.frontend.to_torch.layout
import hwcompress.frontend.to_torch.scalars
import hwcompress.frontend.to_torch.weighted
import hwcompress.frontend.to_torch.windows  # noqa: F401  (these fill the registry)
from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical import canonical
from hwcompress.frontend.onnx_model import MAX_ELEMENTS, Node, OnnxModel
from hwcompress.frontend.spending import check_node
from hwcompress.frontend.to_torch.constants import fold
from hwcompress.frontend.to_torch.emitter import HANDLERS, Computed, Emitter, Value

__all__ = ["to_torch"]

_STANDARD = frozenset({"", "ai.onnx"})
# What torch, numpy and Python raise on shapes and attributes that make no sense.
_MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


def to_torch(model: OnnxModel) -> fx.GraphModule:
    """A module that computes what the model computes, for batches of any size.

    Convolutions, matrix products, batch norms, pools and activations become
    torch's modules of the same meaning with the model's parameters; everything
    else a call of a torch function. What depends on constants alone is evaluated.

    Args:
        model: without quantizers; its inputs have stated shapes.

    Returns:
        The module in eval mode. It takes the model's inputs in their order, and
        gives a tensor, or a tuple of them if the model has several outputs.

    Raises:
        UnsupportedError: nodes that cannot be converted, all of them listed.
    """
    where = str(model.path)
    model = canonical(model).model
    emit = Emitter()
    values: dict[str, Value] = dict(model.initializers)
    for name, shape in model.inputs.items():
        values[name] = emit.placeholder(name, _one_sample(name, shape, where))
    problems: list[str] = []
    lost: set[str] = set()
    for node in model.nodes:
        if lost & set(node.inputs) - {""}:
            if not _known(node):
                problems.append(f"{node.label}: operator {node.op!r} cannot be converted")
            lost.update(node.outputs)
            continue
        try:
            check_node(node, [values.get(name) if name else None for name in node.inputs])
            with np.errstate(all="ignore"):  # what is not finite is looked for
                results = _converted(node, values, emit)
        except UnsupportedError as error:
            problems.append(str(error))
            lost.update(node.outputs)
        except _MALFORMED as error:
            problems.append(
                f"{node.label}: its inputs and attributes do not fit the operator"
                f" ({type(error).__name__}: {str(error)[:200]})"
            )
            lost.update(node.outputs)
        else:
            values.update(zip(node.outputs, results, strict=False))
    if problems:
        raise UnsupportedError(
            f"{len(problems)} node(s) of the float model cannot be converted to PyTorch",
            problems,
            where=where,
            remedy="write the network as a torch module, and give FILE.py:FUNCTION with --weights",
        )
    outputs = [values[name] for name in model.outputs]
    fixed = [
        name
        for name, item in zip(model.outputs, outputs, strict=True)
        if not isinstance(item, Computed)
    ]
    if fixed:
        raise UnsupportedError(
            f"the outputs {', '.join(fixed)} do not depend on the input", where=where
        )
    return emit.finish(outputs, model.name)


def _known(node: Node) -> bool:
    return node.domain in _STANDARD and node.op in HANDLERS


def _converted(node: Node, values: dict[str, Value], emit: Emitter) -> list[Value]:
    inputs = [values[name] if name else None for name in node.inputs]
    if not any(isinstance(item, Computed) for item in inputs):
        arrays = [item for item in inputs if not isinstance(item, Computed)]
        return list(fold(node, arrays))
    if node.op == "Shape" and isinstance(inputs[0], Computed):
        size = np.array(inputs[0].shape, np.int64)
        stop = node.integer("end", size.size)
        return [size[node.integer("start", 0) : stop]]
    if not _known(node):
        raise UnsupportedError(f"operator {node.op!r} cannot be converted", where=node.label)
    result = HANDLERS[node.op](node, inputs, emit)
    return result if isinstance(result, list) else [result]


def _one_sample(name: str, shape: tuple[int, ...], where: str) -> tuple[int, ...]:
    """Shape of an input for a batch of one."""
    if not shape or min(shape) < 0 or 0 in shape[1:] or math.prod(shape[1:]) > MAX_ELEMENTS:
        raise UnsupportedError(
            f"input {name!r} has shape {shape} (0 stands for a length that is not stated)",
            where=where,
            remedy="export the model with a fixed input shape",
        )
    return (1, *shape[1:])
