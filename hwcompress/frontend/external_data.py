"""Tensors of a model that lie in files beside it.

The path of such a file comes from the model, so that it may name anything. It is read only
if it is a regular file inside the model's own folder, after links have been followed, and
if it holds what the tensor needs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import onnx

from hwcompress.errors import InputError
from hwcompress.frontend.tensor_bytes import tensor_bytes
from hwcompress.limits import limit_remedy

__all__ = ["all_tensors", "load_external"]

_REMEDY = "keep the weights in a file in the model's folder, or save them inside the model"


def all_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of a graph: initializers, attributes, those of subgraphs."""
    waiting = [graph]
    while waiting:
        one = waiting.pop()
        yield from one.initializer
        for sparse in one.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in one.node:
            for item in node.attribute:
                yield from _of_attribute(item)
                waiting.extend([item.g] if item.HasField("g") else [])
                waiting.extend(item.graphs)


def _of_attribute(item: onnx.AttributeProto) -> Iterator[onnx.TensorProto]:
    if item.HasField("t"):
        yield item.t
    yield from item.tensors
    for sparse in [*([item.sparse_tensor] if item.HasField("sparse_tensor") else [])]:
        yield from (sparse.values, sparse.indices)
    for sparse in item.sparse_tensors:
        yield from (sparse.values, sparse.indices)


def load_external(proto: onnx.ModelProto, path: Path, room: int) -> int:
    """Put the data of external tensors into the model; returns their bytes.

    Args:
        proto: the model, changed in place.
        path: its file.
        room: bytes that may be read.

    Raises:
        InputError: a file that may not be read, or that does not hold what it should.
    """
    where, spent = str(path), 0
    for tensor in _of_model(proto):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        what = f"tensor {tensor.name[:100]!r}"
        facts = {item.key: item.value for item in tensor.external_data}
        if not all(isinstance(text, str) for text in (*facts, *facts.values())):
            raise InputError(f"{what} names its file by bytes that are no text", where=where)
        size = tensor_bytes(tensor, what, where)
        file = _inside(facts.get("location", ""), path.absolute().parent, what, where)
        offset = _number(facts, "offset", 0, what, where)
        length = _number(facts, "length", size, what, where)
        if length != size:
            raise InputError(
                f"{what} has {length} bytes in {facts['location']!r}, but its shape and type"
                f" need {size}",
                where=where,
            )
        if size > room - spent:
            raise InputError(
                f"{what} in {facts['location'][:200]!r} takes {size:,} bytes",
                where=where,
                why=f"the limit leaves {room - spent:,}",
                remedy=limit_remedy("model_mb"),
            )
        spent += size
        tensor.raw_data = _read(file, offset, size, what, where)
        tensor.ClearField("data_location")
        del tensor.external_data[:]
    return spent


def _of_model(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from all_tensors(proto.graph)
    for function in proto.functions:
        for node in function.node:
            for item in node.attribute:
                yield from _of_attribute(item)
                if item.HasField("g"):
                    yield from all_tensors(item.g)
                for graph in item.graphs:
                    yield from all_tensors(graph)


def _number(facts: dict[str, str], key: str, default: int, what: str, where: str) -> int:
    text = facts.get(key, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise InputError(f"{what} has the {key} {text[:100]!r} in its file", where=where)
    return int(text)


def _inside(location: str, folder: Path, what: str, where: str) -> Path:
    """The file, with all links followed; refused unless it lies in the folder."""

    def refused(why: str) -> InputError:
        return InputError(
            f"{what} lies in the file {location[:200]!r}, which is not read",
            where=where,
            why=why,
            remedy=_REMEDY,
        )

    if not location:
        raise InputError(f"{what} lies outside the file, but does not say where", where=where)
    if "\0" in location or "\\" in location or Path(location).is_absolute():
        raise refused("it is no relative path")
    outside = "it is not in the model's folder"
    if Path(os.path.normpath(location)).parts[:1] == (os.pardir,):
        raise refused(outside)
    try:
        home = folder.resolve(strict=True)
        file = (home / location).resolve(strict=True)
    except FileNotFoundError:
        raise refused("there is no such file") from None
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links
        raise refused(str(error)[:200]) from None
    if not file.is_relative_to(home):
        raise refused(outside)
    return file


def _read(file: Path, offset: int, size: int, what: str, where: str) -> bytes:
    """Bytes of a regular file."""
    try:
        # Without waiting: opening a FIFO would hang before it is known to be one.
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise InputError(
                    f"{what} lies in {file.name!r}, which is no regular file", where=where
                )
            if offset + size > facts.st_size:
                raise InputError(
                    f"{what} is cut off: {size} bytes from {offset} on, of a file"
                    f" {file.name!r} of {facts.st_size}",
                    where=where,
                )
            stream.seek(offset)
            data = stream.read(size)
    except OSError as error:
        raise InputError(
            f"cannot read {file.name!r} with {what}: {error.strerror}", where=where
        ) from error
    if len(data) != size:
        raise InputError(f"{what} is cut off in {file.name!r}", where=where)
    return data
