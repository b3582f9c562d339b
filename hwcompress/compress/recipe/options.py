"""Values of a recipe's file as the fields of a step's dataclass."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from hwcompress.compress.recipe.schedule import Schedule
from hwcompress.errors import InputError

__all__ = ["Value", "build", "converted", "option_names", "plain_value"]

Value = Any
"""What TOML gives: text, numbers, truth values, lists and tables of these."""

Built = TypeVar("Built")


def option_names(kind: type) -> tuple[str, ...]:
    """The options of a step, or of a schedule."""
    return tuple(item.name for item in dataclasses.fields(kind) if item.name != "layers")


def build(kind: type[Built], values: Mapping[str, Value], where: str) -> Built:
    """A dataclass from a table of options.

    Raises:
        InputError: an option that it has not, one that is missing, or a value of another type.
    """
    return kind(**converted(kind, values, where, complete=True))


def converted(
    kind: type, values: Mapping[str, Value], where: str, *, complete: bool = False
) -> dict[str, object]:
    """Options in their fields' types.

    Args:
        kind: the dataclass.
        values: by the names of its fields.
        where: how messages name the table.
        complete: every field without a default must be there.

    Raises:
        InputError: as :func:`build`.
    """
    names = option_names(kind)
    for name in values:
        if name not in names:
            raise InputError(
                f"there is no option {name!r}",
                where=where,
                remedy=f"the options are {', '.join(names)}" if names else "it has no options",
            )
    hints = typing.get_type_hints(kind)
    found: dict[str, object] = {}
    for item in dataclasses.fields(kind):
        if item.name in values:
            found[item.name] = _value(values[item.name], hints[item.name], item.name, where)
        elif complete and item.name != "layers" and _required(item):
            raise InputError(f"the option {item.name!r} is missing", where=where)
    return found


def _required(item: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return item.default is missing and item.default_factory is missing


def _value(value: Value, kind: Any, name: str, where: str) -> object:
    """A value in a field's type."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        for part in parts:
            try:
                return _value(value, part, name, where)
            except InputError as error:
                # A table or schedule that is wrong in itself says so.
                if part is Schedule and isinstance(value, Mapping):
                    raise
                last = error
        raise last
    if kind is types.NoneType:
        if value is None:
            return None
        raise _wrong(value, kind, name, where)
    if origin is Literal:
        if value in parts and not isinstance(value, bool):
            return value
        said = ", ".join(map(str, parts))
        raise InputError(f"{name} is {value!r}", where=where, remedy=f"give one of {said}")
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(value, kind, name, where)
        each = parts[0] if len(parts) == 2 and parts[1] is Ellipsis else None
        kinds = [each] * len(value) if each is not None else list(parts)
        if len(kinds) != len(value):
            raise InputError(
                f"{name} has {len(value)} values", where=where, remedy=f"give {len(kinds)}"
            )
        return tuple(
            _value(item, part, name, where) for item, part in zip(value, kinds, strict=True)
        )
    if kind is Schedule:
        if isinstance(value, Schedule):
            return value
        if isinstance(value, Mapping):
            return build(Schedule, value, f"{where}, {name}")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Schedule.constant(float(value))
    elif kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    elif kind in (bool, int, float, str) and type(value) is kind:
        return value
    raise _wrong(value, kind, name, where)


_WORDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Schedule: "a number, or a table with start and end",
}


def _wrong(value: Value, kind: Any, name: str, where: str) -> InputError:
    wanted = _WORDS.get(kind, "a list" if get_origin(kind) is tuple else "no value")
    return InputError(f"{name} is {value!r}", where=where, remedy=f"give {wanted}")


def plain_value(value: object) -> Value:
    """An option as TOML and JSON can say it: the inverse of reading it."""
    if isinstance(value, Schedule):
        return value.end if value.ramp == "constant" else dataclasses.asdict(value)
    if isinstance(value, tuple):
        return [plain_value(item) for item in value]
    return value
