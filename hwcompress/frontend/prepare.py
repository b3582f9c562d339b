"""From the model as read to one for a single sample: lengths that the file leaves open, a batch
that it states, inputs and outputs that say nothing about the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend.batch import one_sample
from hwcompress.frontend.float64 import Samples
from hwcompress.frontend.onnx_model import OnnxModel, quoted

__all__ = ["Shapes", "needed_inputs", "prepared"]

Shapes = Mapping[str, Sequence[int]]
"""Shapes of inputs by name, with the batch axis."""

_MAX_RANK = 6
# Outputs behind the first that exist for training alone.
_TRAINING = frozenset({"BatchNormalization", "Dropout"})


def prepared(
    model: OnnxModel, shapes: Shapes | None, samples: Samples | None, where: str
) -> OnnxModel:
    """The model for a batch of one, with every length known; its notes say what was changed.

    Args:
        model: as read.
        shapes: what the user says about the inputs' shapes.
        samples: data; lengths that are not stated are those of the samples.
        where: the file, for messages.

    Raises:
        InputError: shapes for inputs that there are not, or that contradict the file.
        UnsupportedError: a length is not known, or the batch cannot be taken out.
    """
    model = _without_unused(model)
    if not model.inputs:
        raise UnsupportedError("the model has no input", where=where)
    model = _only_results(model, where)
    known = _given(model, shapes or {}, where)
    data = samples if isinstance(samples, Mapping) else {}
    if samples is not None and not isinstance(samples, Mapping) and len(model.inputs) == 1:
        data = {next(iter(model.inputs)): samples}
    inputs = {
        name: _complete(name, known.get(name, shape), data.get(name), where)
        for name, shape in model.inputs.items()
    }
    for name, shape in inputs.items():
        _check(name, shape, where, model.limits.elements)
    return one_sample(replace(model, inputs=inputs), where)


def needed_inputs(model: OnnxModel) -> dict[str, tuple[int, ...]]:
    """Inputs that a result depends on, with their shapes as the file states them.

    Raises:
        InputError: there is no result.
    """
    return dict(_only_results(_without_unused(model), str(model.path)).inputs)


def _without_unused(model: OnnxModel) -> OnnxModel:
    """Without inputs that no node reads."""
    read = {name for node in model.nodes for name in node.inputs} | set(model.outputs)
    unused = [name for name in model.inputs if name not in read]
    if not unused:
        return model
    kept = {name: shape for name, shape in model.inputs.items() if name in read}
    note = f"inputs that nothing reads are left out: {', '.join(map(quoted, unused))}"
    return replace(model, inputs=kept, notes=(*model.notes, note))


def _only_results(model: OnnxModel, where: str) -> OnnxModel:
    """Without outputs that no data reaches, that are inputs, or that training alone has."""
    computed = set(model.inputs)
    training: set[str] = set()
    for node in model.nodes:
        if computed & set(node.inputs):
            computed.update(node.outputs)
            if node.op in _TRAINING:
                training.update(node.outputs[1:])
    reasons = {}
    for name in model.outputs:
        if name in model.inputs:
            reasons[name] = "it is an input"
        elif name in training:
            reasons[name] = "it is for training alone"
        elif name not in computed:
            reasons[name] = "it is a constant"
    kept = tuple(name for name in model.outputs if name not in reasons)
    if not kept:
        said = "; ".join(f"{quoted(name)}: {why}" for name, why in reasons.items())
        raise InputError(
            f"no output depends on quantized data ({said})",
            where=where,
            remedy="name an output that the model computes from its inputs",
        )
    notes = [f"output {quoted(name)} is left out: {why}" for name, why in reasons.items()]
    wanted, nodes = set(kept), []
    for node in reversed(model.nodes):
        if wanted & set(node.outputs):
            nodes.append(node)
            wanted |= set(node.inputs) - {""}
    result = replace(model, outputs=kept, nodes=tuple(nodes[::-1]), notes=(*model.notes, *notes))
    return _without_unused(result) if reasons else result


def _given(model: OnnxModel, shapes: Shapes, where: str) -> dict[str, tuple[int, ...]]:
    """The user's shapes; a model with one input may leave its name out."""
    result = {}
    for name, shape in shapes.items():
        key = next(iter(model.inputs)) if not name and len(model.inputs) == 1 else name
        if key not in model.inputs:
            raise InputError(
                f"a shape is given for {quoted(name)}, which is no input of the model",
                where=where,
                remedy=f"its inputs are {', '.join(map(quoted, model.inputs))}",
            )
        sizes, stated = tuple(int(size) for size in shape), model.inputs[key]
        agrees = not stated or (
            len(sizes) == len(stated)
            and all(b in (0, a) for a, b in zip(sizes[1:], stated[1:], strict=True))
        )
        if min(sizes, default=0) < 1 or not agrees:
            raise InputError(
                f"the shape {sizes} does not fit input {quoted(key)}, whose shape is {stated}"
                " (0 stands for a length that is not stated)",
                where=where,
                remedy="give every length, the batch in front",
            )
        result[key] = sizes
    return result


def _complete(
    name: str, shape: tuple[int, ...], samples: np.ndarray | None, where: str
) -> tuple[int, ...]:
    """Lengths that the file leaves open are those of the samples."""
    if samples is not None and np.ndim(samples) > 1:
        found = np.shape(samples)
        if not shape:
            return (1, *found[1:])
        if len(shape) == len(found) and 0 in shape[1:]:
            return (shape[0], *(a or b for a, b in zip(shape[1:], found[1:], strict=True)))
    return shape


def _check(name: str, shape: tuple[int, ...], where: str, most: int) -> None:
    if not shape or any(size == 0 for size in shape[1:]):
        example = ",".join(str(size or "N") for size in shape[1:]) if shape else "N,N,N"
        raise UnsupportedError(
            f"input {quoted(name)} has shape {shape} (0 stands for a length that is not stated)",
            where=where,
            remedy=f"give data of a shape ({example}) with --data, which states it, or export the"
            " model with a fixed input shape",
        )
    size = 1
    for length in shape[1:]:
        size *= length
    if min(shape) < 0 or len(shape) > _MAX_RANK or size > most:
        raise UnsupportedError(
            f"input {quoted(name)} has shape {shape}",
            where=where,
            why=f"at most {_MAX_RANK} axes and {most} elements are supported",
        )
    if len(shape) == 1 and shape[0] != 1:
        raise UnsupportedError(
            f"input {quoted(name)} has shape {shape}, without a batch axis",
            where=where,
            remedy=f"export the model with an input of shape (1, {shape[0] or 'N'})",
        )
