"""A library module with all its parameters, as the estimators see it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from hwcompress.errors import InputError
from hwcompress.hls.catalogue.header import module as header
from hwcompress.hls.estimate.rows import parameters_of, parameters_text

__all__ = ["Part", "bits_for", "parameter_names"]


def bits_for(count: int) -> int:
    """Verilog's ``$clog2``: bits that tell ``count`` things apart, 0 for one."""
    return max(count - 1, 0).bit_length()


@dataclass(frozen=True)
class Part:
    """A module and all of its parameters, those at their defaults included.

    Args:
        module: its name.
        parameters: see :func:`~hwcompress.hls.estimate.rows.parameters_text`.
    """

    module: str
    parameters: str

    @classmethod
    def of(cls, module: str, given: Mapping[str, int | str]) -> Part:
        """A module with some parameters given and the others at their defaults.

        Raises:
            InputError: the module has no such parameter.
        """
        found = {key: v if isinstance(v, str) else int(v) for key, v in given.items()}
        known = _defaults(module)
        if unknown := given.keys() - known.keys():
            raise InputError(f"{module} has no parameter {min(unknown)}")
        for name, default in known.items():
            if name not in found:
                found[name] = default if isinstance(default, int) else _evaluated(default, found)
        part = cls(module, parameters_text(found))
        part.__dict__["values"] = found  # what would be read from the text again
        return part

    @cached_property
    def values(self) -> dict[str, int | str]:
        """The parameters by name."""
        return parameters_of(self.parameters)

    def __getitem__(self, name: str) -> int:
        value = self.values[name]
        if isinstance(value, str):
            raise InputError(f"{self.module}: parameter {name} is a text, {value!r}")
        return value

    def text(self, name: str) -> str:
        """A parameter that is a text."""
        return str(self.values[name])

    def fields(self, name: str, width: int, count: int) -> list[int]:
        """A parameter of several values of ``width`` bits, lowest first."""
        word = self[name]
        return [(word >> (i * width)) & ((1 << width) - 1) for i in range(count)]


def parameter_names(module: str) -> frozenset[str]:
    """Of a module as it is in the library."""
    return frozenset(_defaults(module))


@lru_cache(maxsize=128)
def _defaults(module: str) -> dict[str, int | str]:
    """Plain numbers as such, all others as they stand."""
    found = {parameter.name: parameter.default for parameter in header(module).parameters}
    return {
        name: int(text) if re.fullmatch(r"-?\d+", text) else text for name, text in found.items()
    }


def _evaluated(text: str, values: Mapping[str, int | str]) -> int | str:
    """A default: a number, a text, a sized literal, or a product of earlier parameters."""
    if text.startswith('"'):
        return text.strip('"')
    sized = re.fullmatch(r"\d+'([hbd])([0-9a-fA-F_]+)", text)
    if sized:
        return int(sized[2].replace("_", ""), {"h": 16, "b": 2, "d": 10}[sized[1]])
    product = 1
    for factor in text.split("*"):
        name = factor.strip()
        value = int(name) if re.fullmatch(r"-?\d+", name) else values.get(name)
        if not isinstance(value, int):
            raise InputError(f"no value for the default {text!r}")
        product *= value
    return product
