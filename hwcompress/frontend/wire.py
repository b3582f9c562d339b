"""What parsing an ONNX file would cost, found from its bytes.

Two bytes of a protobuf file can stand for an object of hundreds, so that parsing alone may
exhaust the memory. This walks over the fields of a file without making anything of them:
messages are entered, everything else is skipped by its length.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import onnx
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from hwcompress.errors import InputError
from hwcompress.foreign import foreign_content

__all__ = ["MOST_FIELDS", "check_wire"]

MOST_FIELDS = 1_000_000
"""Fields of a file, of all its messages; the largest models in use have a tenth of it."""
# Bytes that a field takes when it is parsed, at most (measured: 40 to 200).
_FIELD_BYTES = 200
_DEEPEST = 100  # as of protobuf itself
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_INTEGERS = {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_UINT64,
}


@functools.cache
def _fields(message: Descriptor) -> tuple[Mapping[int, Descriptor], frozenset[int]]:
    """Numbers of the fields that are messages, and of those that are lists of varints."""
    inner = {item.number: item.message_type for item in message.fields if item.message_type}
    packed = {item.number for item in message.fields if item.type in _INTEGERS}
    return inner, frozenset(packed)


class _Damaged(Exception):
    """Not a protobuf file."""


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise _Damaged


def check_wire(data: bytes, memory: int, where: str) -> None:
    """Refuse a model file that would take more than ``memory`` bytes to parse.

    Raises:
        InputError: that, or the bytes are no protobuf message.
    """
    try:
        fields, packed = _walk(data)
    except _Damaged:
        why, remedy = foreign_content(data)
        raise InputError("this is not an ONNX file", where=where, why=why, remedy=remedy) from None
    if fields > MOST_FIELDS or fields * _FIELD_BYTES + 8 * packed > memory:
        raise InputError(
            f"the file has {'more than ' if fields > MOST_FIELDS else ''}"
            f"{min(fields, MOST_FIELDS):,} fields and {packed:,} bytes of lists of integers",
            where=where,
            why=f"at most {MOST_FIELDS:,} fields are read, and {memory // 1_000_000:,} MB made",
            remedy="export the model again with its weights as raw data",
        )


def _walk(data: bytes) -> tuple[int, int]:
    """Fields, and bytes of packed integers."""
    fields = packed = at = 0
    # Where each message that is being read ends, and the numbers of its fields.
    ends, kinds = [len(data)], [onnx.ModelProto.DESCRIPTOR]
    while ends:
        end, (inner, integers) = ends[-1], _fields(kinds[-1])
        if at >= end:
            if at > end:
                raise _Damaged
            ends.pop()
            kinds.pop()
            continue
        fields += 1
        if fields > MOST_FIELDS:
            break
        tag, at = _varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if kind == _BYTES:
            length, at = _varint(data, at, end)
            if length > end - at:
                raise _Damaged
            if number in inner:
                if len(ends) > _DEEPEST:
                    raise _Damaged
                ends.append(at + length)
                kinds.append(inner[number])
                continue
            if number in integers:
                packed += length
            at += length
        elif kind == _VARINT:
            _, at = _varint(data, at, end)
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        elif kind not in (3, 4):  # groups are read past: their fields count as ours
            raise _Damaged
    return fields, packed
