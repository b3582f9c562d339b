"""What an expansion may ask about the model: shapes, constants, new names."""

from __future__ import annotations

import math

import numpy as np

from hwcompress.errors import HwcompressError
from hwcompress.frontend.canonical.inference import output_shapes
from hwcompress.frontend.float64 import evaluate_outputs
from hwcompress.frontend.malformed import MALFORMED
from hwcompress.frontend.onnx_model import Node, OnnxModel
from hwcompress.frontend.spending import check_node

__all__ = ["Context"]

Shape = tuple[int, ...]
_OF_SHAPE = frozenset({"Shape", "Size"})  # they depend on no value


class Context:
    """Facts about the canonical nodes so far.

    Nothing is computed before it is asked for: a model without an expansion that
    asks for shapes costs nothing. Constants are evaluated as the walk does it
    (:func:`~hwcompress.frontend.float64.evaluate_outputs`), ``Shape`` of a known
    shape included; other shapes come from the shape inference of ``onnx``, one node at
    a time, which is given the constants that decide a shape.

    Args:
        model: as read.
    """

    def __init__(self, model: OnnxModel) -> None:
        self._limits = model.limits
        self._initializers = dict(model.initializers)
        self.added: dict[str, np.ndarray] = {}
        """New initializers."""
        self.windows: dict[str, tuple[Node, Node]] = {}
        """Pixels of windows (Im2Col), by the tensor that holds them: the Conv that picks them
        and the Transpose behind it."""
        self.opset = model.opset
        self._taken = {*model.inputs, *self._initializers}
        self._taken.update(name for node in model.nodes for name in (*node.inputs, *node.outputs))
        self._makers: dict[str, Node] = {}
        self._fixed = set(self._initializers)  # names of tensors that do not depend on the input
        self._folded: dict[str, np.ndarray | None] = {}
        # A batch of one, whatever the file states.
        self._shapes: dict[str, Shape | None] = {
            name: (1, *shape[1:]) if 0 not in shape[1:] else None
            for name, shape in model.inputs.items()
        }
        self._nodes: list[Node] = []
        self._inferred = 0  # nodes whose outputs have their shapes

    def append(self, node: Node) -> None:
        """Enter a canonical node, in topological order."""
        self._nodes.append(node)
        for name in node.outputs:
            self._makers[name] = node
            if node.op in _OF_SHAPE or all(item in self._fixed for item in node.inputs if item):
                self._fixed.add(name)

    def is_constant(self, name: str) -> bool:
        """Whether a tensor depends on no input of the model."""
        return name in self._fixed

    def constant(self, name: str) -> np.ndarray | None:
        """Value of a tensor that depends on no input (reals may be float64), or ``None``."""
        waiting = [name]
        while waiting:
            item = waiting[-1]
            if item in self._initializers or item in self._folded:
                waiting.pop()
                continue
            node = self._makers.get(item)
            if node is None or not self._foldable(node):
                self._folded[item] = None
                continue
            sources = () if node.op in _OF_SHAPE else node.inputs
            open_ = [
                source
                for source in sources
                if source and source not in self._initializers and source not in self._folded
            ]
            if open_:
                waiting.extend(open_)
            else:
                self._fold(node)
        known = self._initializers.get(name)
        return self._folded[name] if known is None else known

    def _foldable(self, node: Node) -> bool:
        return node.op in _OF_SHAPE or all(item in self._fixed for item in node.inputs if item)

    def _fold(self, node: Node) -> None:
        self._folded.update(dict.fromkeys(node.outputs))
        if node.op in _OF_SHAPE:
            shape = self.shape(node.inputs[0])
            if shape is not None and node.op == "Size":
                self._folded[node.outputs[0]] = np.array(np.prod(shape, dtype=np.int64))
            elif shape is not None:
                stop = node.attributes.get("end", len(shape))
                assert isinstance(stop, int)
                kept = shape[node.integer("start", 0) : stop]
                self._folded[node.outputs[0]] = np.array(kept, np.int64)
            return
        inputs = [self._value(source) if source else None for source in node.inputs]
        if any(item is None and source for item, source in zip(inputs, node.inputs, strict=True)):
            return
        try:
            check_node(node, inputs, self._limits)
            with np.errstate(all="ignore"):
                results = evaluate_outputs(node, inputs)
        except (HwcompressError, *MALFORMED):
            return
        self._folded.update(zip(node.outputs, results))  # noqa: B905 - some give the first only

    def _value(self, name: str) -> np.ndarray | None:
        known = self._initializers.get(name)
        return self._folded.get(name) if known is None else known

    def shape(self, name: str) -> Shape | None:
        """Shape of a source tensor for a batch of one; ``None`` if it does not follow."""
        array = self._value(name)
        if array is not None:
            return array.shape
        while name not in self._shapes and self._inferred < len(self._nodes):
            node = self._nodes[self._inferred]
            self._inferred += 1
            found = output_shapes(node, self._known_shape, self._deciding)
            for output, shape in zip(node.outputs, found, strict=True):
                if shape is not None and math.prod(shape) > self._limits.elements:
                    shape = None
                self._shapes[output] = shape
        return self._shapes.get(name)

    def _known_shape(self, name: str) -> Shape | None:
        array = self._value(name)
        return self._shapes.get(name) if array is None else array.shape

    def _deciding(self, name: str) -> np.ndarray | None:
        """A constant that may decide a shape: few integers."""
        if name not in self._fixed:
            return None
        known = self._initializers.get(name)
        if known is None:
            known = self.constant(name)
        return known if known is not None and known.size <= 64 else None

    def add_constant(self, hint: str, array: np.ndarray) -> str:
        """A new initializer; returns its name."""
        name = self.fresh(hint)
        self.added[name] = self._initializers[name] = np.asarray(array)
        self._fixed.add(name)
        return name

    def fresh(self, hint: str) -> str:
        """A tensor name that the model does not use yet."""
        name, number = hint, 1
        while name in self._taken:
            number += 1
            name = f"{hint}_{number}"
        self._taken.add(name)
        return name
