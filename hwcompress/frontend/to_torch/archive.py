"""The archive that ``torch.export.save`` writes, read without torch's own reader.

A ``.pt2`` file is a zip of JSON (graph and signature), raw tensors, and pickled
example inputs. ``torch.export.load`` unpickles the last, and evaluates text as
Python where a shape is symbolic. Here only the JSON and the raw tensors are read.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.limits import MB, current_limits, limit_remedy

__all__ = ["Call", "Program", "Ref", "read_archive"]

# Numbers of the element types in the schema (torch._export.serde.schema.ScalarType).
_TYPES = {
    1: "u1",
    2: "i1",
    3: "<i2",
    4: "<i4",
    5: "<i8",
    6: "<f2",
    7: "<f4",
    8: "<f8",
    12: "?",
    13: "bfloat16",
}
# Bytes that a byte of JSON takes when it is parsed, at most (measured: lists of empty lists).
_JSON_BYTES = 32
# What json, zipfile and numpy raise on damaged files.
_DAMAGED = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Ref:
    """A tensor or a size that something before gives, by its name."""

    name: str


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an operator.

    Attributes:
        target: such as ``aten.conv2d.default``.
        arguments: by name; those with their default value are left out.
        outputs: names of the results; an operator that gives a list has one name each.
        listed: whether it gives a list.
    """

    target: str
    arguments: Mapping[str, Any]
    outputs: tuple[str, ...]
    listed: bool


@dataclass(frozen=True, eq=False)
class Program:
    """An exported program.

    Attributes:
        inputs: name -> shape with the batch axis, as it was exported.
        constants: name -> parameter, buffer or constant.
        calls: in order.
        outputs: names of the results.
    """

    inputs: Mapping[str, tuple[int, ...]]
    constants: Mapping[str, np.ndarray]
    calls: tuple[Call, ...]
    outputs: tuple[str, ...]


def read_archive(data: bytes, where: str) -> Program:
    """The program of an archive.

    Raises:
        InputError: it is damaged, of another kind, or larger than ``memory_mb`` of the
            process's limits when it is unpacked.
        UnsupportedError: it keeps tensors as pickle, or changes its own state.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _Reader(archive, where).program()
    except UnsupportedError:
        raise
    except _DAMAGED as error:
        raise InputError(
            "the file cannot be read as a torch.export program",
            where=where,
            why=f"{type(error).__name__}: {error}",
            remedy="write it with torch.export.save of PyTorch 2.8 or later",
        ) from error


class _Reader:
    def __init__(self, archive: zipfile.ZipFile, where: str) -> None:
        self._archive = archive
        self._where = where
        self._room = current_limits().memory_bytes
        names = archive.namelist()
        (model,) = (name for name in names if name.endswith("models/model.json"))
        self._root = model.removesuffix("models/model.json")

    def _spend(self, size: int) -> None:
        """Count memory before it is taken: an archive says in a few bytes how much it wants."""
        self._room -= size
        if self._room < 0:
            limit = current_limits().memory_bytes
            raise InputError(
                f"the program takes more than {limit / MB:,.0f} MB when it is unpacked",
                where=self._where,
                remedy=limit_remedy("memory_mb"),
            )

    def _bytes(self, name: str, each: int = 1) -> bytes:
        """An entry, of which every byte takes so many bytes of memory."""
        info = self._archive.getinfo(self._root + name)
        self._spend(info.file_size * each)
        return self._archive.read(info)

    def _json(self, name: str) -> Any:
        return json.loads(self._bytes(name, _JSON_BYTES))

    def program(self) -> Program:
        module = self._json("models/model.json")["graph_module"]
        graph, signature = module["graph"], module["signature"]
        stored = {
            **self._tensors("weights", "model_weights_config.json"),
            **self._tensors("constants", "model_constants_config.json"),
        }
        inputs: dict[str, tuple[int, ...]] = {}
        constants: dict[str, np.ndarray] = {}
        keys = {
            "parameter": "parameter_name",
            "buffer": "buffer_name",
            "tensor_constant": "tensor_constant_name",
        }
        for spec in signature["input_specs"]:
            ((kind, value),) = spec.items()
            if kind == "user_input":
                name = value["arg"]["as_tensor"]["name"]
                sizes = graph["tensor_values"][name]["sizes"]
                inputs[name] = tuple(_size(item) for item in sizes)
            elif kind in keys:
                constants[value["arg"]["name"]] = stored[value[keys[kind]]]
            else:
                raise UnsupportedError(f"an input of the kind {kind!r}", where=self._where)
        outputs = []
        for spec in signature["output_specs"]:
            ((kind, value),) = spec.items()
            if kind != "user_output":
                raise UnsupportedError(
                    f"the program gives a {kind!r}, it changes its own state",
                    where=self._where,
                    remedy="export the module in eval mode: module.eval()",
                )
            outputs.append(value["arg"]["as_tensor"]["name"])
        calls = tuple(_call(node) for node in graph["nodes"])
        return Program(inputs, constants, calls, tuple(outputs))

    def _tensors(self, folder: str, config: str) -> dict[str, np.ndarray]:
        entries = self._json(f"data/{folder}/{config}")["config"]
        return {
            name: self._tensor(f"data/{folder}/{entry['path_name']}", name, entry)
            for name, entry in entries.items()
        }

    def _tensor(self, path: str, name: str, entry: Mapping[str, Any]) -> np.ndarray:
        if entry["use_pickle"] or entry["tensor_meta"] is None:
            raise UnsupportedError(
                f"{name!r} is kept as pickle, which is not loaded",
                where=self._where,
                why="unpickling could run any code",
                remedy="export the module with plain tensors as parameters",
            )
        meta = entry["tensor_meta"]
        kind = _TYPES[meta["dtype"]]
        sizes = [_size(item) for item in meta["sizes"]]
        strides = [_size(item) for item in meta["strides"]]
        offset = _size(meta["storage_offset"])
        brain = kind == "bfloat16"
        if min([offset, *sizes, *strides]) < 0:
            raise ValueError(f"{name!r} has negative sizes")
        self._spend(8 * math.prod(sizes))
        flat = np.frombuffer(self._bytes(path), np.dtype("<u2" if brain else kind))
        if brain:  # the upper half of a float32
            flat = (flat.astype(np.uint32) << 16).view(np.float32)
        if 0 in sizes:
            return np.zeros(sizes, flat.dtype)
        last = offset + sum((n - 1) * s for n, s in zip(sizes, strides, strict=True))
        if last >= flat.size:
            raise ValueError(f"{name!r} reaches beyond its data")
        steps = [s * flat.itemsize for s in strides]
        view = np.lib.stride_tricks.as_strided(flat[offset:], sizes, steps, writeable=False)
        return np.ascontiguousarray(view).reshape(sizes)


def _size(item: Mapping[str, Any]) -> int:
    """A size; of a symbolic one its value when the program was exported."""
    if "as_int" in item:
        return int(item["as_int"])
    return int(item["as_expr"]["hint"]["as_int"])


def _call(node: Mapping[str, Any]) -> Call:
    outputs: list[str] = []
    listed = False
    for item in node["outputs"]:
        ((kind, value),) = item.items()
        if kind == "as_tensor":
            outputs.append(value["name"])
        elif kind == "as_tensors":
            outputs += [one["name"] for one in value]
            listed = True
        elif kind == "as_sym_int":
            outputs.append(value["as_name"])
        elif kind == "as_optional_tensor" and "as_none" in value:
            outputs.append("")
        elif kind != "as_none":
            raise ValueError(f"an output {kind} of {node['target']}")
    arguments = {item["name"]: _argument(item["arg"]) for item in node["inputs"]}
    target = str(node["target"]).removeprefix("torch.ops.")
    return Call(target, arguments, tuple(outputs), listed)


def _argument(item: Mapping[str, Any]) -> Any:
    ((kind, value),) = item.items()
    match kind:
        case "as_tensor":
            return Ref(value["name"])
        case "as_tensors":
            return [Ref(one["name"]) for one in value]
        case "as_sym_int":
            return Ref(value["as_name"]) if "as_name" in value else value["as_int"]
        case "as_sym_ints":
            return [Ref(one["as_name"]) if "as_name" in one else one["as_int"] for one in value]
        case "as_none":
            return None
    return value
