"""What the handlers write with: an ``fx`` graph that grows, and the shapes of its tensors."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node

__all__ = [
    "HANDLERS",
    "Computed",
    "Emitter",
    "Handler",
    "Inputs",
    "Value",
    "computed",
    "constant",
    "converts",
    "given",
]


@dataclass(frozen=True, eq=False)
class Computed:
    """A tensor that depends on the model's input.

    Attributes:
        node: the ``fx`` node that gives it.
        example: its value for a batch of one input of zeros.
    """

    node: fx.Node
    example: torch.Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape for a batch of one."""
        return tuple(self.example.shape)


Value = Computed | np.ndarray
"""A computed tensor, or a constant."""

Inputs = Sequence[Value | None]
Handler = Callable[[Node, Inputs, "Emitter"], Value | list[Value]]

HANDLERS: dict[str, Handler] = {}
"""ONNX operator -> its handler."""


def converts(*ops: str) -> Callable[[Handler], Handler]:
    """Register a handler for operators of which at least one input is computed."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(ops, handler))
        return handler

    return register


def given(inputs: Inputs, index: int) -> Value | None:
    """An input, or ``None`` if it is left out."""
    return inputs[index] if len(inputs) > index else None


class Emitter:
    """Adds modules and calls to an ``fx`` graph, running each once to learn its shape."""

    def __init__(self) -> None:
        self.root = nn.Module()
        self.graph = fx.Graph()
        self._constants = 0

    def placeholder(self, name: str, shape: tuple[int, ...]) -> Computed:
        """An input of the model."""
        taken = {str(node.target) for node in self.graph.nodes}
        argument = base = _identifier(name)
        count = 1
        while argument in taken:  # names that differ in signs only
            argument, count = f"{base}_{count}", count + 1
        return Computed(self.graph.placeholder(argument), torch.zeros(shape))

    def module(self, part: nn.Module, label: str, source: Computed) -> Computed:
        """A module that reads one tensor; ``label`` becomes its name."""
        name = self._free(_identifier(label))
        part.eval()
        self.root.add_module(name, part)
        with torch.no_grad():
            example = part(source.example)
        return Computed(self.graph.call_module(name, (source.node,)), example)

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Computed:
        """A function of tensors, constants (arrays) and plain values.

        Lists and tuples of tensors are arguments, too (``torch.cat``).
        """
        # Arrays turn into buffers, once for the graph and once for the example.
        held = [self._held(item) for item in args]
        with torch.no_grad():
            example = function(*(_example(item) for item in held), **options)
        node = self.graph.call_function(function, tuple(_node(item) for item in held), options)
        return Computed(node, example)

    def parts(self, function: Callable[..., Any], source: Computed, *args: Any) -> list[Computed]:
        """A function that gives several tensors."""
        with torch.no_grad():
            examples = function(source.example, *args)
        node = self.graph.call_function(function, (source.node, *args))
        return [
            Computed(self.graph.call_function(operator.getitem, (node, index)), example)
            for index, example in enumerate(examples)
        ]

    def finish(self, outputs: list[Value], name: str) -> fx.GraphModule:
        """The module, with one tensor or a tuple of them as its result."""
        nodes = [_node(self._held(item)) for item in outputs]
        self.graph.output(nodes[0] if len(nodes) == 1 else tuple(nodes))
        self.graph.lint()
        module = fx.GraphModule(self.root, self.graph, _identifier(name))
        return module.eval()

    def _held(self, item: Any) -> Any:
        if isinstance(item, list | tuple):
            return type(item)(self._held(one) for one in item)
        if not isinstance(item, np.ndarray):
            return item
        array = item.astype(np.float32) if item.dtype.kind == "f" else item
        if array.ndim == 0:
            return array.item()
        name = f"constant_{self._constants}"
        self._constants += 1
        tensor = torch.as_tensor(np.array(array))
        self.root.register_buffer(name, tensor)
        return Computed(self.graph.get_attr(name), tensor)

    def _free(self, name: str) -> str:
        taken, base, count = dict(self.root.named_children()), name, 1
        while name in taken or hasattr(self.root, name):
            name, count = f"{base}_{count}", count + 1
        return name


def _example(item: Any) -> Any:
    if isinstance(item, list | tuple):
        return type(item)(_example(one) for one in item)
    return item.example if isinstance(item, Computed) else item


def _node(item: Any) -> Any:
    if isinstance(item, list | tuple):
        return type(item)(_node(one) for one in item)
    return item.node if isinstance(item, Computed) else item


def _identifier(text: str) -> str:
    """A name that a Python attribute may have, made of a node's name."""
    name = re.sub(r"\W+", "_", text).strip("_") or "layer"
    return f"n_{name}" if name[0].isdigit() else name


def computed(value: Value | None, node: Node, what: str) -> Computed:
    """An input that has to be computed."""
    if not isinstance(value, Computed):
        raise UnsupportedError(f"its {what} is a constant", where=node.label)
    return value


def constant(value: Value | None, node: Node, what: str) -> np.ndarray:
    """An input that has to be a constant."""
    if not isinstance(value, np.ndarray):
        raise UnsupportedError(
            f"its {what} is computed, not stored",
            where=node.label,
            remedy="export the model with constant folding (do_constant_folding=True)",
        )
    return value
