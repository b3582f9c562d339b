"""Importing a model whose input's type nobody stated, on an assumption that is said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import quantized_by_model
from hwcompress.frontend.float64 import Samples
from hwcompress.inspect.facts import PortFacts
from hwcompress.ir import BIPOLAR, IntType

__all__ = ["ASSUMED_BITS", "ASSUMED_REACH", "Attempt", "attempt_import"]

ASSUMED_BITS = 16
ASSUMED_REACH = 8
"""Real inputs are taken to lie in [-8, 8): normalised data do."""

_MOST_BITS = 16


@dataclass(frozen=True, eq=False)
class Attempt:
    """A model that could be imported, and what had to be assumed for that.

    ``unknown`` are inputs of the source of whose values nothing is known.
    """

    imported: Imported
    assumptions: tuple[str, ...] = ()
    unknown: frozenset[str] = frozenset()


def attempt_import(
    path: Path,
    ports: Sequence[PortFacts],
    *,
    samples: Samples | None,
    input_type: str | None,
    name: str | None = None,
) -> Attempt:
    """Import a model; where nothing says what its input is, as 16-bit numbers in [-8, 8).

    Args:
        path: the ONNX file.
        ports: the inputs as the file states them.
        samples, input_type, name: as in :func:`hwcompress.frontend.import_model`.

    Raises:
        InputError: as :func:`hwcompress.frontend.import_model`. The problems
            that are listed are those with the assumption.
    """
    if samples is not None or input_type is not None:
        given = import_model(path, samples=samples, input_type=input_type, name=name)
        return Attempt(given)
    try:
        return Attempt(import_model(path, name=name))
    except UnsupportedError as error:
        if not ports:
            raise
        first = error
    assumed = {port.name: _assumed(port) for port in ports}
    try:
        imported = import_model(path, samples=assumed, name=name)
    except UnsupportedError as error:
        raise (first if len(error.problems) > len(first.problems) else error) from error
    lines, unknown = [], set()
    known = {port.name: port for port in ports}
    for op in imported.graph.inputs:
        source = imported.inputs[op.outputs[0]]
        if source in known and not quantized_by_model(imported, op):
            stated = _stated(known[source])
            lines.append(_line(source, stated))
            if stated is None:
                unknown.add(source)
    return Attempt(imported, tuple(lines), frozenset(unknown))


def _stated(port: PortFacts) -> tuple[IntType, str] | None:
    """The type that the file states for an input, and where."""
    for name, where in ((port.annotation, "annotation"), (port.element, "type")):
        text = name.lower()
        if text == "bipolar":
            return BIPOLAR, f"{where} {name}"
        if text == "ternary":
            return IntType(-1, 1), f"{where} {name}"
        if text in ("bool", "binary"):
            return IntType(0, 1), f"{where} {name}"
        match = re.fullmatch(r"(u?)int(\d+)", text)
        if match and 1 <= int(match[2]) <= _MOST_BITS:
            bits = int(match[2])
            signed = not match[1]
            kind = IntType.signed_bits(bits) if signed else IntType.unsigned_bits(bits)
            return kind, f"{where} {name}"
    return None


def _assumed(port: PortFacts) -> np.ndarray:
    """Numbers from which the assumed type is derived."""
    stated = _stated(port)
    if stated is not None:
        return np.array([stated[0].lo, stated[0].hi], np.float64)
    step = ASSUMED_REACH / 2.0 ** (ASSUMED_BITS - 1)
    return np.array([-ASSUMED_REACH, -step, ASSUMED_REACH - step])


def _line(source: str, stated: tuple[IntType, str] | None) -> str:
    if stated is not None:
        return f"input {source!r} takes every value of {stated[0]}: {stated[1]} in the file"
    return (
        f"input {source!r} is not quantized by the model: assumed {ASSUMED_BITS}-bit numbers in"
        f" [-{ASSUMED_REACH}, {ASSUMED_REACH}); --input-type states the type, --data FILE derives"
        " the narrowest one that holds the samples"
    )
