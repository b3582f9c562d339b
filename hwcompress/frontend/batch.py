"""A batch that is baked into a model is taken out, where every sample is independent.

Lengths of the batch stand in the inputs, and in constants that say shapes. They
become 1. That this means the same for every sample is shown node by node: no node
works along the first axis, and every tensor of the file is ``batch`` times as
long, along that axis, as that of the changed model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.inference import output_shapes
from hwcompress.frontend.onnx_model import Node, OnnxModel, quoted

__all__ = ["one_sample"]

Shape = tuple[int, ...]
# Which input of an operator is a shape, so that its first element may be the batch.
_SHAPES = {"Reshape": 1, "Expand": 1, "Resize": 3, "ConstantOfShape": 0}
_ALONG = frozenset({"Concat", "Gather", "Split", "TopK", "ArgMax", "ArgMin", "CumSum"})
_FEW = 64


def one_sample(model: OnnxModel, where: str) -> OnnxModel:
    """The model for a batch of one.

    Raises:
        UnsupportedError: its samples are not independent, or the inputs have batches of
            different lengths.
    """
    batches = {shape[0] for shape in model.inputs.values() if shape[0] > 1}
    inputs = {name: (1, *shape[1:]) for name, shape in model.inputs.items()}
    if not batches:
        return replace(model, inputs=inputs)
    if len(batches) > 1:
        shapes = ", ".join(f"{quoted(name)} {shape}" for name, shape in model.inputs.items())
        raise UnsupportedError(
            f"batches of different lengths are baked into the inputs ({shapes})",
            where=where,
            remedy="export the model with a batch of one",
        )
    (batch,) = batches
    changed = _changed(replace(model, inputs=inputs), batch)
    _Proof(model, changed, batch, where).check()
    note = f"a batch of {batch} is baked into the model; the design works on one sample at a time"
    return replace(changed, batch=batch, notes=(*model.notes, note))


def _changed(model: OnnxModel, batch: int) -> OnnxModel:
    """Constants that say a shape with the batch in front, for a batch of one."""
    values = dict(model.initializers)
    makers = {node.outputs[0]: node for node in model.nodes if node.op == "Constant"}
    replaced: dict[str, np.ndarray] = {}
    nodes = []
    for node in model.nodes:
        place = _SHAPES.get(node.op, len(node.inputs))
        name = node.inputs[place] if place < len(node.inputs) else ""
        shape = values.get(name)
        if name in makers:
            shape = np.asarray(makers[name].attributes.get("value", np.zeros(0)))
        if shape is None or shape.ndim != 1 or not shape.size or shape.dtype.kind not in "iu":
            nodes.append(node)
            continue
        first = int(shape[0])
        if first < batch or first % batch:
            nodes.append(node)
            continue
        new = f"{name}_for_one_sample"
        replaced[new] = np.concatenate([[first // batch], shape[1:]]).astype(np.int64)
        sources = (*node.inputs[:place], new, *node.inputs[place + 1 :])
        nodes.append(replace(node, inputs=sources))
    return replace(model, initializers={**values, **replaced}, nodes=tuple(nodes))


@dataclass
class _Proof:
    """Both models side by side: shapes of every tensor, for the batch and for one sample."""

    model: OnnxModel
    changed: OnnxModel
    batch: int
    where: str
    shapes: tuple[dict[str, Shape], dict[str, Shape]] = field(init=False)

    def check(self) -> None:
        """Raise unless every node treats the samples alike and apart."""
        self.shapes = (dict(self.model.inputs), dict(self.changed.inputs))
        computed = set(self.model.inputs)
        for node, other in zip(self.model.nodes, self.changed.nodes, strict=True):
            self._infer(node, other)
            if not computed & set(node.inputs):
                continue
            if node.op == "Shape":  # the length of the batch in it becomes 1
                continue
            computed.update(node.outputs)
            reason = self._mixes(node)
            if reason:
                raise UnsupportedError(
                    f"a batch of {self.batch} is baked into the model, and {node.label} {reason}",
                    where=self.where,
                    remedy="export the model with a batch of one, as the first axis",
                )

    def _infer(self, *nodes: Node) -> None:
        for node, shapes, model in zip(nodes, self.shapes, (self.model, self.changed), strict=True):
            values = model.initializers

            def known(name: str, values: Mapping[str, np.ndarray] = values) -> np.ndarray | None:
                value = values.get(name)
                return value if value is not None and value.size <= _FEW else None

            def shape(
                name: str,
                shapes: Mapping[str, Shape] = shapes,
                values: Mapping[str, np.ndarray] = values,
            ) -> Shape | None:
                return values[name].shape if name in values else shapes.get(name)

            for output, found in zip(node.outputs, output_shapes(node, shape, known), strict=True):
                if found is not None:
                    shapes[output] = found

    def _mixes(self, node: Node) -> str:
        """Why the samples are not independent behind a node."""
        rank = len(self.shapes[0].get(node.inputs[0], ()))
        axis = node.attributes.get("axis")
        first = axis == 0 or (isinstance(axis, int) and rank and axis == -rank)
        if (node.op in _ALONG and (first or (axis is None and node.op != "TopK"))) or (
            node.op in ("Softmax", "LogSoftmax") and first
        ):
            return "works along the batch axis"
        if node.op == "Transpose" and node.integers("perm", (1,))[:1] != (0,):
            return "moves the batch axis"
        if node.op == "Gemm" and node.integer("transA", 0):
            return "moves the batch axis"
        for name in node.outputs:
            many, one = (shapes.get(name) for shapes in self.shapes)
            if many is None or one is None:
                continue
            if not many or not one or many != (self.batch * one[0], *one[1:]):
                return f"makes a tensor of shape {many}, of one sample {one}"
        return ""
