"""Which operation is known, and which realisation can express it.

An operation registers itself once with :func:`operation`. A realisation (the
simulator, the Verilog generator, ...) owns a :class:`Realisation` and
registers a handler per operation class. The coverage table of the
documentation is printed from these two, never typed by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hwcompress.errors import UnsupportedError

__all__ = ["OPERATIONS", "REALISATIONS", "Realisation", "operation"]

OPERATIONS: dict[str, type] = {}
REALISATIONS: dict[str, Realisation[Any]] = {}

OpClass = TypeVar("OpClass", bound=type)
Handler = TypeVar("Handler")


def operation(cls: OpClass) -> OpClass:
    """Class decorator: enter an operation under its class name."""
    if cls.__name__ in OPERATIONS:
        raise ValueError(f"operation {cls.__name__!r} is registered twice")
    OPERATIONS[cls.__name__] = cls
    return cls


class Realisation(Generic[Handler]):
    """The operations that one realisation can express, with their handlers.

    Args:
        name: short name, also the column of the coverage table.
        title: one line on what it is.
    """

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title
        self.handlers: dict[str, Handler] = {}
        REALISATIONS[name] = self

    def register(self, op_class: type) -> Callable[[Handler], Handler]:
        """Decorator: enter the handler of one operation class."""

        def enter(handler: Handler) -> Handler:
            if op_class.__name__ in self.handlers:
                raise ValueError(f"{self.name} handles {op_class.__name__!r} twice")
            self.handlers[op_class.__name__] = handler
            return handler

        return enter

    def handler(self, op: object) -> Handler:
        """Handler of an operation.

        Raises:
            UnsupportedError: this realisation does not have the operation.
        """
        kind = type(op).__name__
        if kind not in self.handlers:
            raise UnsupportedError(
                f"{self.title} has no {kind}",
                where=f"operation {getattr(op, 'name', kind)!r}",
                remedy=f"it has {', '.join(sorted(self.handlers))}",
            )
        return self.handlers[kind]
