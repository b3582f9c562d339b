"""A graph as two files: ``graph.json`` for the facts, ``graph.npz`` for the arrays."""

from __future__ import annotations

import dataclasses
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from hwcompress.errors import GraphError, InputError
from hwcompress.ir.graph import Affine, Graph
from hwcompress.ir.op import Op
from hwcompress.ir.registry import OPERATIONS
from hwcompress.ir.types import IntType
from hwcompress.npz import read_npz

__all__ = ["FORMAT", "load", "save"]

FORMAT = "hwcompress-integer-graph-1"

# What json, zipfile and numpy raise on damaged files.
_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
# What a document of the right format with wrong contents leads to.
_DAMAGED = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError)


def _pack(value: Any) -> Any:
    """A field's value as JSON, arrays excepted."""
    if isinstance(value, IntType):
        return {"lo": value.lo, "hi": value.hi, "step": value.step}
    if isinstance(value, tuple):
        return [_pack(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _unpack(value: Any) -> Any:
    if isinstance(value, dict):
        return IntType(**value)
    return tuple(value) if isinstance(value, list) else value


def save(graph: Graph, folder: Path) -> None:
    """Write ``graph.json`` and ``graph.npz`` into an existing folder.

    The same graph gives the same bytes.
    """
    arrays: dict[str, np.ndarray] = {}
    ops = []
    for op in graph.ops:
        facts: dict[str, Any] = {"op": op.kind}
        stored = []
        for field in dataclasses.fields(op):
            value = getattr(op, field.name)
            if isinstance(value, np.ndarray):
                # The file must not depend on the order of axes in memory.
                arrays[f"{op.name}/{field.name}"] = np.ascontiguousarray(value)
                stored.append(field.name)
            else:
                facts[field.name] = _pack(value)
        ops.append(facts | {"arrays": stored})
    document = {
        "format": FORMAT,
        "name": graph.name,
        "ops": ops,
        "tensors": {
            tensor.name: {
                "shape": _pack(tensor.shape),
                "type": _pack(tensor.dtype),
                "scale": _pack(tensor.affine.scale),
                "offset": _pack(tensor.affine.offset),
            }
            for tensor in graph.tensors.values()
        },
        "notes": list(graph.notes),
    }
    with zipfile.ZipFile(folder / "graph.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for key in sorted(arrays):
            # A fixed date makes the archive reproducible.
            entry = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as stream:
                np.lib.format.write_array(stream, arrays[key], allow_pickle=False)
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    (folder / "graph.json").write_text(text, encoding="utf-8")


def load(folder: Path) -> Graph:
    """Read a graph back and validate it.

    Raises:
        InputError: a file is missing, damaged or of another format.
        GraphError: the graph breaks a rule, or a stored tensor type is not
            the inferred one.
    """
    where = str(folder / "graph.json")
    try:
        document = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
        arrays = read_npz(folder / "graph.npz")
    except (InputError, *_UNREADABLE) as error:
        raise InputError(
            f"cannot read the integer graph: {error}",
            where=where,
            remedy="give a folder that `hwcompress build` made",
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"not a graph of format {FORMAT!r}", where=where)
    try:
        ops = [_load_op(facts, arrays) for facts in document["ops"]]
        affine = {
            name: Affine(tuple(facts["scale"]), tuple(facts["offset"]))
            for name, facts in document["tensors"].items()
        }
        graph = Graph.build(document["name"], ops, affine, document["notes"])
        stored = {
            name: (tuple(facts["shape"]), _unpack(facts["type"]))
            for name, facts in document["tensors"].items()
        }
        inferred = {name: (tensor.shape, tensor.dtype) for name, tensor in graph.tensors.items()}
        wrong = sorted(set(stored.items()) ^ set(inferred.items()), key=str)
    except _DAMAGED as error:
        raise InputError(f"damaged integer graph: {error!r}", where=where) from error
    if wrong:
        name = wrong[0][0]
        raise GraphError(f"stored type of tensor {name!r} is not the inferred one", where=where)
    return graph


def _load_op(facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> Op:
    facts = dict(facts)
    kind = facts.pop("op")
    if kind not in OPERATIONS:
        raise GraphError(
            f"unknown operation {kind!r}", why=f"known are {', '.join(sorted(OPERATIONS))}"
        )
    for field in facts.pop("arrays"):
        facts[field] = arrays[f"{facts['name']}/{field}"]
    return OPERATIONS[kind](**{name: _unpack(value) for name, value in facts.items()})
