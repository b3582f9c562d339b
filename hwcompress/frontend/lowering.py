"""Walking a model: what every node handler is given, and the registry of handlers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, OnHost, Symbolic, Value
from hwcompress.ir import Input, IntType

__all__ = ["HANDLERS", "Border", "Handler", "InputSpec", "Lowering", "computed_with", "handles"]


@dataclass(frozen=True)
class Border:
    """A graph tensor ``(H, W, C)`` with ``padding`` (top, left, bottom, right) around it,
    which holds the integer ``level``."""

    tensor: str
    padding: tuple[int, int, int, int]
    level: int


@dataclass(frozen=True)
class InputSpec:
    """How the model's real input becomes integers: ``real = (q - zero) * scale``.

    With ``whole`` the model's input is a tensor of integers: these.
    """

    dtype: IntType
    scale: float
    zero: float = 0.0
    why: str = ""
    whole: bool = False


@dataclass
class Lowering:
    """State of one import.

    ``input_specs`` holds the user's (or the data's) type of raw inputs, used
    where the model does not quantize them itself; ``forced`` makes it win over
    the model's own quantizer, which then runs in the graph. ``inputs`` are the
    Input operations made so far, by the source's name. ``nodes`` are the
    model's. ``borders`` says of a padded tensor what is inside, ``closed`` what a
    value on a grid became, by its identity.
    """

    builder: GraphBuilder
    values: dict[str, Value] = field(default_factory=dict)
    input_specs: dict[str, InputSpec] = field(default_factory=dict)
    forced: bool = False
    input_names: tuple[str, ...] = ()
    inputs: dict[str, Input] = field(default_factory=dict)
    nodes: Sequence[Node] = ()
    borders: dict[str, Border] = field(default_factory=dict)
    closed: dict[int, tuple[Symbolic, Symbolic]] = field(default_factory=dict)

    def enters_as_it_is(self, value: Symbolic) -> bool:
        """Whether a raw input is part of the graph in front of the model's own quantizer: by
        the user's choice of its type, or because the file states a type of integers."""
        spec = self.input_specs.get(value.raw)
        return not value.base and (self.forced or (spec is not None and spec.whole))

    def readers(self, tensor: str) -> list[Node]:
        """The source's nodes that read a tensor."""
        return [node for node in self.nodes if tensor in node.inputs]

    def symbolic(self, node: Node, index: int = 0) -> Symbolic:
        """An input of a node that must depend on the model's input."""
        if index >= len(node.inputs) or not node.inputs[index]:
            raise UnsupportedError(f"input {index} is missing", where=node.label)
        value = self.values[node.inputs[index]]
        if isinstance(value, Constant):
            raise UnsupportedError(
                f"input {node.inputs[index]!r} is a constant where the data belongs",
                where=node.label,
                remedy="put the data first, for instance x @ W.T instead of W @ x",
            )
        if isinstance(value, OnHost):
            raise computed_with(value, node)
        return value

    def constant(self, node: Node, index: int) -> Constant | None:
        """An input that must be a constant; ``None`` if it is left out."""
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        value = self.values[node.inputs[index]]
        if not isinstance(value, Constant):
            raise UnsupportedError(
                f"input {node.inputs[index]!r} is computed, but must be a constant",
                where=node.label,
                why="both operands depend on the data",
            )
        return value

    def required(self, node: Node, index: int) -> Constant:
        """Like :meth:`constant`, but it must be there."""
        value = self.constant(node, index)
        if value is None:
            raise UnsupportedError(f"input {index} is missing", where=node.label)
        return value

    def per_channel(self, value: Symbolic, constant: np.ndarray, node: Node) -> np.ndarray | None:
        """A constant that broadcasts against a source tensor, per channel of the base.

        Returns ``None`` if it is not the same over all positions of a channel.
        """
        try:
            spread = np.broadcast_to(constant, value.shape).reshape(-1).astype(np.float64)
        except ValueError as error:
            raise UnsupportedError(
                f"a constant of shape {constant.shape} does not broadcast against {value.shape}",
                where=node.label,
            ) from error
        channel = value.order % value.function.channels
        result = np.zeros(value.function.channels)
        result[channel] = spread
        return result if np.array_equal(result[channel], spread, equal_nan=True) else None


def computed_with(value: OnHost, node: Node) -> UnsupportedError:
    """The error for a node that reads what only a host computes (to be raised by the caller)."""
    return UnsupportedError(
        f"the result of {value.maker} is quantized or computed with",
        where=node.label,
        why=f"{' and '.join(value.tail)} run on the host, after the last layer",
        remedy=f"keep the {value.tail[0]} at the end of the model, or cut the model there",
    )


Handler = Callable[[Lowering, Node], Value | Sequence[Value | None]]
"""Gives the value of the node's output, or one for each output (``None``: not expressible)."""
HANDLERS: dict[str, Handler] = {}


def handles(*ops: str) -> Callable[[Handler], Handler]:
    """Decorator: this function lowers these ONNX operators on computed values."""

    def enter(handler: Handler) -> Handler:
        for op in ops:
            HANDLERS[op] = handler
        return handler

    return enter
