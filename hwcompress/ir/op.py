"""What every operation of the integer graph answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from hwcompress.errors import GraphError
from hwcompress.ir.types import IntType

__all__ = ["Op", "Range", "TensorType", "check_name"]


def check_name(name: str, where: str) -> None:
    """Raise :class:`GraphError` for a name that no file can hold."""
    if "\0" in name or any("\ud800" <= letter <= "\udfff" for letter in name):
        raise GraphError(
            f"name {name!r} holds a NUL or half a surrogate pair",
            where=where,
            remedy="use other characters",
        )


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape (without batch, channels last) and integer type of one tensor."""

    shape: tuple[int, ...]
    dtype: IntType

    @property
    def channels(self) -> int:
        """Length of the last axis."""
        return self.shape[-1]

    @property
    def size(self) -> int:
        """Number of elements of one sample."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """Inclusive bounds per channel: two int64 arrays of shape ``(channels,)``."""

    lo: np.ndarray
    hi: np.ndarray

    @classmethod
    def of_type(cls, dtype: IntType, channels: int) -> Range:
        """The whole range of a type, for every channel."""
        return cls(
            np.full(channels, dtype.lo, np.int64),
            np.full(channels, dtype.hi, np.int64),
        )


@dataclass(frozen=True, eq=False)
class Op(ABC):
    """One operation: a frozen record of facts, with its definition.

    A subclass adds a typed field per fact (integers, tuples, strings,
    booleans, :class:`IntType`, int64 or float64 arrays, or ``None``) and
    defines the four methods below. ``inputs`` and ``outputs`` are tensor
    names.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    arity: ClassVar[int | None] = 1
    """Number of inputs that the operation takes; ``None``: two or more."""

    def __post_init__(self) -> None:
        for names in ((self.name,), self.inputs, self.outputs):
            if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
                raise self.fail(f"names {names!r} are no text, or not in a tuple")
            for name in names:
                check_name(name, f"{self.kind} {self.name!r}")
        for field in fields(self):
            value = getattr(self, field.name)
            # Annotations are text: "np.ndarray", with or without "| None".
            wanted = str(field.type)
            absent = value is None and wanted.endswith("None")
            if wanted.startswith("np.ndarray") and not (absent or isinstance(value, np.ndarray)):
                raise self.fail(
                    f"{field.name} is a {type(value).__name__}, not a NumPy array",
                    remedy="wrap it: np.array(..., np.int64)",
                )
            if isinstance(value, list):
                raise self.fail(f"{field.name} is a list", remedy="give a tuple")

    @property
    def kind(self) -> str:
        """Class name, the operation's name in files and tables."""
        return type(self).__name__

    @abstractmethod
    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """Output types.

        Raises:
            GraphError: the inputs or the fields do not fit.
        """

    @abstractmethod
    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """The definition: int64 arrays of shape ``(batch, *shape)`` in and out.

        An operation without inputs gives a batch of one.
        """

    @abstractmethod
    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        """Bounds per output channel that hold for all inputs within the given bounds."""

    def fail(self, what: str, *, why: str = "", remedy: str = "") -> GraphError:
        """A :class:`GraphError` that names this operation (to be raised by the caller)."""
        return GraphError(what, where=f"{self.kind} {self.name!r}", why=why, remedy=remedy)

    def summary(self) -> str:
        """Facts in one line for the text print; arrays as shapes."""
        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("name", "inputs", "outputs") or value is None:
                continue
            if isinstance(value, np.ndarray):
                value = "x".join(map(str, value.shape))
            elif isinstance(value, tuple):
                value = ",".join(map(str, value))
            parts.append(f"{field.name}={value}")
        return " ".join(parts)
