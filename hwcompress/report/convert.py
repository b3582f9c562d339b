"""Dataclasses to JSON and back, by their field types."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

__all__ = ["from_json", "to_json"]

Kind = TypeVar("Kind")


def to_json(value: object) -> Any:
    """A dataclass (nested, with tuples, mappings and plain values) as JSON values.

    Raises:
        TypeError: a value that JSON cannot hold, a NumPy number for instance.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    # Exact classes: numpy.float64 is a float, but int64 and bool_ would slip through elsewhere.
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{value!r} of {type(value).__name__} is no plain value")


def from_json(kind: type[Kind], value: Any) -> Kind:
    """The inverse of :func:`to_json` for a dataclass type.

    Raises:
        TypeError, KeyError, ValueError: the value does not fit the type.
    """
    return typing.cast(Kind, _read(kind, value))


def _read(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        unknown = set(value) - set(hints)
        if unknown:
            raise TypeError(f"{kind.__name__} has no {sorted(unknown)}")
        return kind(**{key: _read(hints[key], item) for key, item in value.items()})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        (kind,) = (option for option in arguments if option is not type(None))
        return _read(kind, value)
    if origin is tuple:
        item_kinds = (
            [arguments[0]] * len(value) if arguments[1:] == (Ellipsis,) else list(arguments)
        )
        return tuple(_read(k, item) for k, item in zip(item_kinds, value, strict=True))
    if origin is dict or origin is Mapping:
        return {key: _read(arguments[1], item) for key, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind}")
    return value
