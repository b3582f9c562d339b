"""Everything of a graph but its arrays, as JSON that Deflate makes small."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import OPERATIONS, Affine, Graph, IntType, Op

__all__ = ["StatedOp", "array_fields", "read_facts", "write_facts"]

# Deflate starts with this text as if it had just been written: what files have in
# common costs next to nothing. It belongs to version 1 of the format.
_COMMON = (
    b'"],{"source_shape":[1,28,28],"axes":[1,2,0],"shape":[28,28,1],"dtype":[0,255],"scale":0.00390'
    b'625,"zero":0.0,"boundaries":"#"}],["Output","output",["","{}],["Input","input",[],["'
    b'["MaxPool","",["","],["","],{"kernel":[2,2],"stride":[2,2],"padding":[0,0,0,0]}],'
    b'["SumPool","pad_value":0],["Concat"["Split"sizes"["Shuffle"permutation["Transpose"'
    b'["Upsample"factor["TopK"["ArgMax"["Mul"["Constant"["ConvTranspose"output_padding'
    b'["Add"multipliers["Table"itype["Reshape","",["","],["","],{"shape":["Rescale"],{"mul":"#",'
    b'"add":"#","shift":"#","rounding":"half_even","rounding":"floor","otype":[0,255]["Threshold","'
    b'",["","],["","],{"thresholds":"#","sign":"#","otype":[0,15]}],["Dense","",["","],["","],'
    b'{"weight":"#","wtype":[-127,127],"bias":"#"["Conv","conv",["",{"weight":"#","wtype":[-8,7],"'
    b'stride":[1,1],"padding":[1,1,1,1],"dilation":[1,1],"groups":1}],],"affine":{"":[[1.0],[0.0]],'
    b'"":[[0.015625],[0.0],"notes":["'
)
_ARRAY = "#"
_LARGEST_WINDOW = 1024
_FORM = ("name", "ops", "affine", "notes")


def write_facts(graph: Graph) -> bytes:
    """Deflated JSON; where an operation has an array there is a mark."""
    document = {
        "name": graph.name,
        "ops": [[op.kind, op.name, op.inputs, op.outputs, _fields(op)] for op in graph.ops],
        "affine": {
            tensor.name: [tensor.affine.scale, tensor.affine.offset]
            for tensor in graph.tensors.values()
            # As text: an offset of -0.0 equals 0.0 and is another one.
            if repr(tensor.affine) != repr(Affine())
        },
        "notes": graph.notes,
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=_COMMON)
    return packer.compress(text.encode()) + packer.flush()


def read_facts(data: bytes | memoryview, most: int) -> dict[str, Any]:
    """The document, its four parts of the right kinds.

    Args:
        most: bytes that it may unpack to.

    Raises:
        InputError: no such document, or a longer one.
    """
    try:
        unpacker = zlib.decompressobj(-15, zdict=_COMMON)
        text = unpacker.decompress(data, most)
        if not unpacker.eof:
            cut = unpacker.unconsumed_tail == b"" and len(text) < most
            raise InputError("it is cut off" if cut else f"it unpacks to more than {most} bytes")
        if unpacker.unused_data:
            raise InputError("bytes follow it")
        document = json.loads(text.decode(), parse_constant=_refuse_constant)
    except (zlib.error, ValueError, RecursionError, InputError) as error:
        raise InputError(f"the description of the graph cannot be read: {error}") from error
    kinds: dict[str, type] = {"name": str, "ops": list, "affine": dict, "notes": list}
    if not isinstance(document, dict) or set(document) != set(_FORM):
        raise InputError(f"the description of the graph does not have the parts {_FORM}")
    for part, kind in kinds.items():
        if not isinstance(document[part], kind):
            raise InputError(f"{part!r} of the graph is no {kind.__name__}")
    if not all(isinstance(note, str) for note in document["notes"]):
        raise InputError("a note is no text")
    return document


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def array_fields(op: Op) -> list[str]:
    """Fields of an operation that hold an array, in their order."""
    return [
        field.name
        for field in dataclasses.fields(op)
        if isinstance(getattr(op, field.name), np.ndarray)
    ]


def _fields(op: Op) -> dict[str, Any]:
    """An operation's facts; those that are the default are left out."""
    facts: dict[str, Any] = {}
    for field in dataclasses.fields(op):
        value = getattr(op, field.name)
        if field.name in ("name", "inputs", "outputs"):
            continue
        if isinstance(value, np.ndarray):
            facts[field.name] = _ARRAY
        elif field.default is dataclasses.MISSING or value != field.default:
            facts[field.name] = _written(value)
    return facts


def _written(value: Any) -> Any:
    if isinstance(value, IntType):
        return [value.lo, value.hi, *([value.step] if value.step != 1 else [])]
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


class StatedOp:
    """What a file says of an operation, checked against the operation's fields.

    Args:
        stated: ``[kind, name, inputs, outputs, fields]``.

    Attributes:
        where: how messages name it.
        arrays: fields that are arrays, in their order.

    Raises:
        InputError: another form, an unknown operation or field, or a value of another kind.
    """

    def __init__(self, stated: object) -> None:
        if not isinstance(stated, list) or len(stated) != 5:
            raise InputError("an operation that is no list of five parts")
        kind, name, inputs, outputs, fields = stated
        if not isinstance(kind, str) or kind not in OPERATIONS:
            raise InputError(f"unknown operation {str(kind)[:40]!r}")
        if not isinstance(name, str) or not isinstance(fields, dict):
            raise InputError(f"a {kind} without a name, or whose fields are no table")
        self._kind = OPERATIONS[kind]
        self.name = name
        self.where = f"{kind} {name!r}"
        known = {field.name: str(field.type) for field in dataclasses.fields(self._kind)}
        unknown = set(fields) - set(known) | set(fields) & {"name", "inputs", "outputs"}
        if unknown:
            raise InputError(f"unknown field {min(unknown)!r}", where=self.where)
        self._facts: dict[str, Any] = {"name": name}
        self.arrays: list[str] = []
        for field, value in (("inputs", inputs), ("outputs", outputs), *fields.items()):
            if known[field].startswith("np.ndarray"):
                if value != _ARRAY:
                    raise InputError(f"{field} is no array", where=self.where)
                self.arrays.append(field)
            else:
                self._facts[field] = self._value(known[field], field, value)
        self.arrays.sort(key=list(known).index)

    def _value(self, kind: str, field: str, value: object) -> Any:
        if kind == "tuple[str, ...]":
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return tuple(value)
        elif kind in ("tuple[int, ...]", "Pair", "Quad"):
            numbers = _integers(value)
            if numbers is not None and {"Pair": 2, "Quad": 4}.get(kind, len(numbers)) == len(
                numbers
            ):
                # Windows of that size are no network's, and take long to go through.
                if kind != "tuple[int, ...]" and max(map(abs, numbers)) > _LARGEST_WINDOW:
                    raise InputError(f"{field} {numbers}", where=self.where)
                return numbers
        elif kind == "IntType":
            numbers = _integers(value)
            if numbers is not None and len(numbers) in (2, 3):
                return IntType(*numbers)
        elif kind == "float":
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
        elif kind == "int":
            numbers = _integers([value])
            if numbers is not None:
                return numbers[0]
        elif kind == "str" and isinstance(value, str):
            return value
        raise InputError(f"{field} is {str(value)[:40]!r}, no {kind}", where=self.where)

    def make(self, arrays: Mapping[str, np.ndarray]) -> Op:
        """The operation, with its arrays by field.

        Raises:
            InputError, GraphError: it lacks a field, or breaks one of its own rules.
        """
        try:
            return self._kind(**self._facts, **arrays)
        except TypeError as error:
            raise InputError("it lacks a field", where=self.where, why=str(error)) from error


def _integers(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    fit = all(
        isinstance(item, int) and not isinstance(item, bool) and abs(item) < 1 << 62
        for item in value
    )
    return tuple(value) if fit else None
