"""A float ONNX model as a torch module, node by node."""

from __future__ import annotations

import numpy as np
from torch import fx

import hwcompress.frontend.to_torch.layout
import hwcompress.frontend.to_torch.scalars
import hwcompress.frontend.to_torch.weighted
import hwcompress.frontend.to_torch.windows  # noqa: F401  (these fill the registry)
from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical import canonical
from hwcompress.frontend.malformed import MALFORMED
from hwcompress.frontend.onnx_model import Node, OnnxModel
from hwcompress.frontend.prepare import Shapes, prepared
from hwcompress.frontend.refusals import reason
from hwcompress.frontend.spending import check_node
from hwcompress.frontend.to_torch.constants import fold
from hwcompress.frontend.to_torch.emitter import HANDLERS, Computed, Emitter, Value

__all__ = ["to_torch"]

_STANDARD = frozenset({"", "ai.onnx"})


def to_torch(model: OnnxModel, shapes: Shapes | None = None) -> fx.GraphModule:
    """A module that computes what the model computes, for batches of any size.

    Convolutions, matrix products, batch norms, pools and activations become
    torch's modules of the same meaning with the model's parameters; everything
    else a call of a torch function. What depends on constants alone is evaluated.

    Args:
        model: without quantizers; a batch that it states is taken out.
        shapes: of inputs by name, with the batch axis, where the file leaves lengths open.

    Returns:
        The module in eval mode. It takes the model's inputs in their order, and
        gives a tensor, or a tuple of them if the model has several outputs.

    Raises:
        UnsupportedError: nodes that cannot be converted, all of them listed; a length that
            is not known.
    """
    where = str(model.path)
    model = canonical(prepared(model, shapes, None, where)).model
    emit = Emitter()
    values: dict[str, Value] = dict(model.initializers)
    for name, shape in model.inputs.items():
        values[name] = emit.placeholder(name, shape)
    problems: list[str] = []
    lost: set[str] = set()
    for node in model.nodes:
        if lost & set(node.inputs) - {""}:
            if not _known(node):
                problems.append(str(_unknown(node)))
            lost.update(node.outputs)
            continue
        try:
            check_node(node, [values.get(name) if name else None for name in node.inputs])
            with np.errstate(all="ignore"):  # what is not finite is looked for
                results = _converted(node, values, emit)
        except UnsupportedError as error:
            problems.append(str(error))
            lost.update(node.outputs)
        except (RuntimeError, *MALFORMED) as error:
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
            remedy=""
            if all("Remedy:" in item for item in problems)
            else "write the network as a torch module, and give FILE.py:FUNCTION with --weights",
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


def _unknown(node: Node) -> UnsupportedError:
    domain = "" if node.domain in _STANDARD else f" of domain {node.domain}"
    return UnsupportedError(
        f"operator {node.op!r}{domain} cannot be converted{reason(node)}", where=node.label
    )


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
        raise _unknown(node)
    result = HANDLERS[node.op](node, inputs, emit)
    return result if isinstance(result, list) else [result]
