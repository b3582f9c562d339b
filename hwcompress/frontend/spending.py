"""The memory that importing a model takes, compared with its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend.growth import made_elements, multiplications
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.limits import DEFAULT_LIMITS, MB, Limits, limit_remedy

__all__ = ["Spending", "check_node"]


class Shaped(Protocol):
    """A computed tensor."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""


Known = np.ndarray | Shaped | None
"""A constant, a computed tensor, or an input that is left out."""

_MOST_AXES = 16
_MOST_PRODUCTS = 1 << 34
"""Products that folding constants may sum up: minutes of work."""


def check_node(node: Node, inputs: Sequence[Known], limits: Limits = DEFAULT_LIMITS) -> int:
    """Refuse a node whose result would be too large; returns products to be summed up.

    Args:
        node: the node.
        inputs: values of its inputs.
        limits: of a computed tensor ``elements``, of a constant what ``memory_mb`` allows.

    Raises:
        UnsupportedError: the result has more elements than that.
    """
    shapes = [None if item is None else item.shape for item in inputs]
    constants = [item if isinstance(item, np.ndarray) else None for item in inputs]
    folded = all(item is None or isinstance(item, np.ndarray) for item in inputs)
    made = made_elements(node, shapes, constants)
    most = limits.memory_bytes // 64 if folded else limits.elements
    if made > most:
        raise UnsupportedError(
            f"its result would have {made:,} elements",
            where=node.label,
            why=f"the limit is {most:,}",
            remedy=limit_remedy("memory_mb" if folded else "elements"),
        )
    if max((len(shape) for shape in shapes if shape is not None), default=0) > _MOST_AXES:
        raise UnsupportedError(f"a tensor of more than {_MOST_AXES} axes", where=node.label)
    return multiplications(node, shapes, constants) if folded else 0


class Spending:
    """What one import has made so far; arrays that several tensors share count once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen: dict[int, np.ndarray] = {}
        self._bytes = 0
        self._products = 0

    def before(self, node: Node, values: Mapping[str, Value]) -> None:
        """Check a node before it is lowered or folded (:func:`check_node`)."""
        inputs = [_plain(values.get(name)) if name else None for name in node.inputs]
        self._products += check_node(node, inputs, self._limits)
        if self._products > _MOST_PRODUCTS:
            raise UnsupportedError(
                f"constants of the model take {self._products:,} multiplications to compute",
                where=node.label,
                remedy="fold them before the export (onnx simplifiers do it)",
            )

    def after(self, node: Node, values: Mapping[str, Value]) -> None:
        """Count what a node has made.

        Raises:
            InputError: it is too much in total.
        """
        for name in node.outputs:
            for made in _arrays(values.get(name)):
                array = made
                while isinstance(array.base, np.ndarray):  # of a view, what it looks at
                    array = array.base
                if id(array) not in self._seen:
                    self._seen[id(array)] = array  # kept, so that its id stays its own
                    self._bytes += array.nbytes
        if self._bytes > self._limits.memory_bytes:
            raise InputError(
                f"the constants and tables of the model take {self._bytes / MB:,.0f} MB up to"
                f" {node.label}",
                why=f"the limit is {self._limits.memory_mb} MB",
                remedy=limit_remedy("memory_mb"),
            )


def _plain(value: Value | None) -> Known:
    return value.value if isinstance(value, Constant) else value


def _arrays(value: Value | None) -> list[np.ndarray]:
    if isinstance(value, Symbolic):
        return [value.order]
    if not isinstance(value, Constant):
        return []
    parts = (value.value, value.levels, value.scale, value.zero)
    return [item for item in parts if item is not None]
