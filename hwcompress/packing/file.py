"""A whole integer graph in one small file, ``.hwc``.

Layout, all numbers little endian: ``HWC\\x1a``; version (two bytes); flags (two bytes,
zero); length of the body (eight bytes); SHA-256 of the body; the body. The body is the length
of the facts (:func:`hwcompress.packing.octets.ByteWriter.number`), the facts, and the
arrays of the operations, in the order of the operations and of their fields. Shapes and types of
tensors follow from these and are not stored. The same graph gives the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwcompress.errors import GraphError, HwcompressError, InputError
from hwcompress.files import read_regular
from hwcompress.ir import Affine, Graph, Op, TensorType, fingerprint
from hwcompress.limits import MB, Limits, current_limits, limit_remedy
from hwcompress.packing.arrays import code_array, read_array
from hwcompress.packing.facts import StatedOp, array_fields, read_facts, write_facts
from hwcompress.packing.octets import ByteReader, ByteWriter
from hwcompress.packing.sizes import ArraySize, PackedSize

__all__ = [
    "MAGIC",
    "VERSION",
    "Packed",
    "pack_graph",
    "read_packed",
    "unpack_graph",
    "write_packed",
]

MAGIC = b"HWC\x1a"
VERSION = 1

_HEADER = struct.Struct("<4sHHQ32s")
_REMEDY = "pack the model again, or fetch the file again"
# What wrong facts of the right kinds lead to in the rules of operations.
_DAMAGED = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RecursionError,
)
# Bytes of memory that an element takes while its array is read: some copies of eight.
_WORKING = 32
# Bytes of memory that a byte of text takes once it has become lists and numbers, roughly.
_UNPACKED = 50


@dataclass(frozen=True)
class Packed:
    """A packed graph and what its bytes are for."""

    data: bytes
    size: PackedSize


def pack_graph(graph: Graph, *, huffman: bool = True, index_bits: int | None = None) -> Packed:
    """Pack a graph, and unpack it again to see that nothing has changed.

    Args:
        graph: any integer graph.
        huffman: ``False`` keeps words of one length, to learn what Huffman's code gains.
        index_bits: width of relative indices, 2 to 8; the best one of each array by default.

    Raises:
        InputError: a width out of range, or an array that cannot be coded.
        GraphError: the packed graph is not the given one, which is a defect.
    """
    body = ByteWriter()
    facts = write_facts(graph)
    body.number(len(facts))
    body.data += facts
    before = len(body.data)
    arrays = []
    for op in graph.ops:
        for field in array_fields(op):
            array = getattr(op, field)
            coded = code_array(np.ascontiguousarray(array), huffman=huffman, index_bits=index_bits)
            body.data += coded.data
            kept = array[array != 0]
            arrays.append(
                ArraySize(
                    op=op.name,
                    field=field,
                    elements=array.size,
                    nonzero=kept.size,
                    values=np.unique(kept).size,
                    way=coded.way,
                    table=coded.table,
                    words=len(coded.data) - coded.table,
                    padding=coded.padding,
                )
            )
    digest = hashlib.sha256(body.data).digest()
    data = _HEADER.pack(MAGIC, VERSION, 0, len(body.data), digest) + bytes(body.data)
    # Whoever packs a graph holds it, so that limits on files of strangers do not apply.
    again = unpack_graph(data, limits=Limits(1 << 40, 1 << 40, 1 << 40, 1 << 40, 1 << 40))
    if fingerprint(again) != fingerprint(graph) or _named(again) != _named(graph):
        raise GraphError("a packed graph is not the one that was packed", where=graph.name)
    return Packed(data, PackedSize(_HEADER.size, before, tuple(arrays)))


def write_packed(
    graph: Graph, path: Path, *, huffman: bool = True, index_bits: int | None = None
) -> PackedSize:
    """Pack a graph into a file, which appears whole or not at all.

    Raises:
        InputError: as of :func:`pack_graph`.
        OSError: the file cannot be written.
    """
    packed = pack_graph(graph, huffman=huffman, index_bits=index_bits)
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        partial.write_bytes(packed.data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return packed.size


def read_packed(path: Path) -> Graph:
    """The graph of a ``.hwc`` file.

    Raises:
        InputError: no such file, damaged, cut off, of another version, or beyond the limits.
    """
    return unpack_graph(read_regular(path, "the packed graph"), where=str(path))


def unpack_graph(data: bytes, *, where: str = "", limits: Limits | None = None) -> Graph:
    """The graph that bytes hold.

    Args:
        data: a whole file.
        where: how messages name it.
        limits: of this process by default.

    Raises:
        InputError: as of :func:`read_packed`.
    """
    limits = limits or current_limits()
    try:
        body = _body(data)
        reader = ByteReader(body)
        facts = read_facts(reader.take(reader.number()), limits.memory_bytes // _UNPACKED)
        if len(facts["ops"]) > limits.nodes:
            raise InputError(
                f"the graph has {len(facts['ops'])} operations",
                why=f"the limit is {limits.nodes}",
                remedy=limit_remedy("nodes"),
            )
        ops = _operations(reader, facts["ops"], limits)
        if reader.left:
            raise InputError(f"{reader.left} bytes follow the last array")
        _check_sizes(ops, limits)
        return Graph.build(facts["name"], ops, _affine(facts["affine"]), facts["notes"])
    except HwcompressError as error:
        place = f"{where}: {error.where}" if where and error.where else where or error.where
        remedy = error.remedy or _REMEDY
        raise InputError(error.what, where=place, why=error.why, remedy=remedy) from error
    except _DAMAGED as error:
        said = f"{type(error).__name__}: {error}"[:200]
        raise InputError("damaged packed graph", where=where, why=said, remedy=_REMEDY) from error


def _body(data: bytes) -> memoryview:
    if len(data) < _HEADER.size:
        raise InputError(f"{len(data)} bytes are no packed graph: its header alone is longer")
    magic, version, flags, length, digest = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise InputError(
            "the file is no packed graph (.hwc)", remedy="give a file that `hwcompress pack` made"
        )
    if version != VERSION or flags:
        raise InputError(
            f"a packed graph of version {version}, flags {flags}",
            why=f"this hwcompress reads version {VERSION}",
            remedy="read it with the hwcompress that wrote it, or a newer one",
        )
    body = memoryview(data)[_HEADER.size :]
    if len(body) != length:
        raise InputError(
            f"the packed graph is cut off or has a tail: {len(body)} of {length} bytes"
        )
    if hashlib.sha256(body).digest() != digest:
        raise InputError("the packed graph is damaged: its digest is another one")
    return body


def _operations(reader: ByteReader, stated: list[Any], limits: Limits) -> list[Op]:
    left = limits.memory_bytes // _WORKING
    ops = []
    for item in stated:
        facts = StatedOp(item)
        arrays = {}
        for field in facts.arrays:
            try:
                arrays[field] = read_array(reader, left)
            except InputError as error:
                why = f"{error.why}: the limit is {limits.memory_bytes / MB:,.0f} MB"
                raise InputError(
                    f"{field}: {error.what}",
                    where=facts.where,
                    why=why if error.why else "",
                    remedy=limit_remedy("memory_mb") if error.why else "",
                ) from error
            left -= arrays[field].size
        ops.append(facts.make(arrays))
    return ops


def _check_sizes(ops: list[Op], limits: Limits) -> None:
    """Infer types one by one, and stop before anything of a size beyond the limit is made."""
    types: dict[str, TensorType] = {}
    for op in ops:
        for array in array_fields(op):
            if np.ndim(getattr(op, array)) == 0:
                raise op.fail(f"{array} has no axis")
        for field in ("shape", "source_shape"):
            shape = getattr(op, field, ())
            if not all(0 < size <= limits.elements for size in shape):
                raise op.fail(f"a tensor of shape {shape}")
        if op.arity is not None and len(op.inputs) != op.arity:
            raise op.fail(f"takes {op.arity} inputs, is given {len(op.inputs)}")
        missing = [name for name in op.inputs if name not in types]
        if missing:
            raise op.fail(f"input {missing[0]!r} is made by no earlier operation")
        # Bounds of every channel of every input are computed to infer a type.
        if 8 * sum(types[name].channels for name in op.inputs) > limits.memory_bytes // 8:
            raise InputError(
                f"{len(op.inputs)} inputs of many channels",
                where=f"{op.kind} {op.name!r}",
                why=f"the limit is {limits.memory_mb} MB",
                remedy=limit_remedy("memory_mb"),
            )
        for output, kind in zip(
            op.outputs, op.infer([types[name] for name in op.inputs]), strict=True
        ):
            if not kind.shape or kind.size > limits.elements:
                raise InputError(
                    f"tensor {output!r} of shape {kind.shape}",
                    why=f"the limit is {limits.elements} elements",
                    remedy=limit_remedy("elements"),
                )
            types[output] = kind


def _affine(stated: dict[str, Any]) -> dict[str, Affine]:
    found = {}
    for name, pair in stated.items():
        if not isinstance(pair, list) or len(pair) != 2:
            raise InputError(f"tensor {name!r} has no scale and offset")
        for values in pair:
            if not isinstance(values, list) or not values or not all(map(_is_real, values)):
                raise InputError(f"scale or offset of tensor {name!r} are no numbers")
        found[name] = Affine(*(tuple(map(float, values)) for values in pair))
    return found


def _is_real(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _named(graph: Graph) -> tuple[object, ...]:
    """Everything that the fingerprint leaves out."""
    return (
        graph.name,
        graph.notes,
        [(op.name, op.inputs, op.outputs) for op in graph.ops],
    )
