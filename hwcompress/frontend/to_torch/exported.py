"""``torch.export`` programs as modules that can be quantized."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx

import hwcompress.frontend.to_torch.aten_layout  # noqa: F401  (it fills the registry)
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.files import read_regular
from hwcompress.frontend.to_torch.archive import Call, Program, Ref, read_archive
from hwcompress.frontend.to_torch.aten import OPERATORS
from hwcompress.frontend.to_torch.emitter import Computed, Emitter, Value

__all__ = ["Exported", "from_program", "read_exported"]

# Checks that an export leaves in the graph; they compute nothing.
_CHECKS = ("aten._assert_tensor_metadata", "aten._assert_async", "aten.sym_constrain_range")
_MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

Known = Mapping[str, Value | int]


@dataclass(frozen=True, eq=False)
class Exported:
    """A module made of an exported program, and the shape of a sample of each input by its
    name, in order."""

    module: fx.GraphModule
    shapes: dict[str, tuple[int, ...]]


def read_exported(path: Path) -> Exported:
    """The program of a ``.pt2`` file that ``torch.export.save`` wrote.

    Nothing in it is unpickled or run: the graph is read as data, and operators
    by their names.

    Raises:
        InputError: the file cannot be read.
        UnsupportedError: operators that cannot be converted, all of them listed.
    """
    data = read_regular(path, "the model")
    return _converted(read_archive(data, str(path)), path.stem, str(path))


def from_program(program: object, where: str) -> Exported:
    """The same for a program in memory.

    Raises:
        InputError: it is no exported program.
    """
    if not isinstance(program, torch.export.ExportedProgram):
        raise InputError(
            f"the function returned {type(program).__name__}, not a torch.nn.Module"
            " (nor a torch.export program)",
            where=where,
        )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    name = where.rpartition(":")[2] or "exported"
    return _converted(read_archive(buffer.getvalue(), where), name, where)


def _converted(program: Program, name: str, where: str) -> Exported:
    if not program.inputs:
        raise UnsupportedError("the program has no input", where=where)
    emit = Emitter()
    values: dict[str, Value | int] = dict(program.constants)
    for key, shape in program.inputs.items():
        values[key] = emit.placeholder(key, shape)
    problems: list[str] = []
    lost: set[str] = set()
    for call in program.calls:
        if call.target.startswith(_CHECKS):
            continue
        if _reads(call.arguments) & lost:
            lost.update(call.outputs)
            continue
        try:
            results = _emitted(call, values, emit)
        except UnsupportedError as error:
            problems.append(f"{call.target} {call.outputs[0]!r}: {error}")
            lost.update(call.outputs)
        except _MALFORMED as error:
            problems.append(
                f"{call.target} {call.outputs[0]!r}: its arguments do not fit the operator"
                f" ({type(error).__name__}: {str(error)[:200]})"
            )
            lost.update(call.outputs)
        else:
            values.update(zip(call.outputs, results, strict=False))
    if problems:
        raise UnsupportedError(
            f"{len(problems)} operator(s) of the exported program cannot be converted",
            problems,
            where=where,
            remedy="give the module itself: FILE.py:FUNCTION",
        )
    outputs = [values[item] for item in program.outputs]
    if not all(isinstance(item, Computed) for item in outputs):
        raise UnsupportedError("an output does not depend on an input", where=where)
    module = emit.finish([item for item in outputs if isinstance(item, Computed)], name)
    return Exported(module, {key: shape[1:] for key, shape in program.inputs.items()})


def _reads(arguments: Mapping[str, Any]) -> set[str]:
    found = set()
    for item in arguments.values():
        for one in item if isinstance(item, list) else [item]:
            if isinstance(one, Ref):
                found.add(one.name)
    return found


def _emitted(call: Call, values: Known, emit: Emitter) -> list[Value | int]:
    arguments = {key: _resolved(item, values) for key, item in call.arguments.items()}
    base = ".".join(call.target.split(".")[:2])
    if base == "aten.sym_size":
        tensor = arguments["self"]
        return [
            int(
                np.shape(tensor.example if isinstance(tensor, Computed) else tensor)[
                    arguments["dim"]
                ]
            )
        ]
    if base not in OPERATORS:
        raise UnsupportedError("this operator is not known")
    result = OPERATORS[base](arguments, emit, call.outputs[0])
    return list(result) if isinstance(result, list) else [result]


def _resolved(item: Any, values: Known) -> Any:
    if isinstance(item, Ref):
        return values[item.name]
    if isinstance(item, list):
        return [_resolved(one, values) for one in item]
    return item
