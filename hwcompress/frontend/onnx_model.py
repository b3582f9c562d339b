"""Reading an ONNX file into plain nodes with typed attributes."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from hwcompress.edge_files import edge_refusal
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend.reading import read_proto
from hwcompress.limits import DEFAULT_LIMITS, Limits, current_limits

__all__ = ["MAX_ELEMENTS", "Attribute", "Node", "OnnxModel", "quoted", "read_onnx"]

MAX_ELEMENTS = DEFAULT_LIMITS.elements
"""Elements of one tensor of a sample; larger models do not fit any board, and would
exhaust the memory long before a message could be printed."""
_SHOWN = 200  # characters of a name in a message
_LONGEST_NAME = 10_000
# Opset that came with each IR version: what is assumed if a file states none.
_IMPLIED = ((3, 8), (4, 9), (5, 10), (6, 11), (7, 13), (8, 17), (9, 19), (10, 21))
# Integers that QuantizeLinear and DequantizeLinear know and numpy does not.
_NARROW = frozenset({"int2", "uint2", "int4", "uint4"})

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | np.ndarray


@dataclass(frozen=True, eq=False)
class Node:
    """One ONNX node. ``inputs`` may hold empty names for left-out inputs.

    ``opset`` is the version of the standard operators that the model is
    written for: some defaults depend on it. ``source`` is the label of the file's
    node that an expansion made it of (:mod:`hwcompress.frontend.canonical`).
    """

    op: str
    name: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    opset: int = 13
    source: str = ""

    @property
    def label(self) -> str:
        """How messages name it: by the node of the file that it comes from."""
        if self.source:
            return self.source
        return _label(self.op, self.name, self.outputs)

    def _wrong(self, name: str, wanted: str) -> UnsupportedError:
        return UnsupportedError(
            f"attribute {name!r} is {reprlib.repr(self.attributes[name])}, not {wanted}",
            where=self.label,
        )

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise self._wrong(name, "an integer")
        return value

    def number(self, name: str, default: float) -> float:
        """A real attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int | float):
            raise self._wrong(name, "a number")
        return float(value)

    def integers(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """A list of integers."""
        value = self.attributes.get(name, default)
        if not isinstance(value, tuple) or not all(isinstance(item, int) for item in value):
            raise self._wrong(name, "a list of integers")
        return tuple(int(item) for item in value)

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """The facts of an ONNX file that the frontend needs.

    ``inputs`` maps a name to its shape with the batch axis (0 where the
    length is not stated); initializers are not among them. ``added`` are the
    tensors that the canonical stage made: runtimes of the file do not know them.
    ``limits`` are those that it was read with.
    ``input_types`` are the types of inputs (of ``onnx.TensorProto``). ``batch`` is a
    batch that the file states, and that was taken out; ``notes`` say what was changed.
    """

    path: Path
    name: str
    opset: int
    inputs: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    initializers: Mapping[str, np.ndarray]
    nodes: tuple[Node, ...]
    added: frozenset[str] = frozenset()
    limits: Limits = DEFAULT_LIMITS
    input_types: Mapping[str, int] = field(default_factory=dict)
    batch: int = 1
    notes: tuple[str, ...] = ()


def read_onnx(path: Path, limits: Limits | None = None) -> OnnxModel:
    """Read and check a file.

    Raises:
        InputError: missing, not ONNX, empty, larger than the limits, with data outside its
            folder (:func:`hwcompress.frontend.reading.read_proto`), or with nodes that are
            not in order.
        UnsupportedError: the file says that it is for a CPU or GPU.
    """
    where, limits = str(path), limits or current_limits()
    graph = (proto := read_proto(path, limits)).graph
    if refused := edge_refusal({item.key: item.value for item in proto.metadata_props}):
        what, why, remedy = refused
        raise UnsupportedError(what, where=where, why=why, remedy=remedy)
    if not graph.node or not graph.output:
        raise InputError("the ONNX file holds no graph", where=where, remedy="export it again")
    opset, note = _opset(proto, where)
    described = (*graph.initializer, *graph.input, *graph.output)
    _check_names([item.name for item in described], where)
    initializers: dict[str, np.ndarray] = {}
    for tensor in graph.initializer:
        what = f"initializer {quoted(tensor.name)}"
        if tensor.name in initializers:
            raise InputError(f"{what} is there twice", where=where, remedy="export it again")
        initializers[tensor.name] = _array(tensor, what, where)
    inputs: dict[str, tuple[int, ...]] = {}
    for value in graph.input:
        if value.name in inputs:
            raise InputError(f"input {quoted(value.name)} is there twice", where=where)
        if value.name not in initializers:
            dims = value.type.tensor_type.shape.dim
            inputs[value.name] = tuple(int(axis.dim_value) for axis in dims)
    nodes = tuple(_node(node, opset, where) for node in graph.node)
    outputs = tuple(value.name for value in graph.output)
    _check_order(nodes, {*inputs, *initializers}, outputs, where)
    return OnnxModel(
        path,
        path.stem,
        opset,
        inputs,
        outputs,
        initializers,
        _needed(nodes, outputs),
        limits=limits,
        input_types={item.name: int(item.type.tensor_type.elem_type) for item in graph.input},
        notes=(note,) if note else (),
    )


def quoted(name: str) -> str:
    """A name from a file, for messages: nothing that a terminal would act on, not too long."""
    return repr(name if len(name) <= _SHOWN else f"{name[: _SHOWN - 30]}...{name[-27:]}")


def _check_names(names: Iterable[str], where: str) -> None:
    for name in names:
        if not isinstance(name, str):  # protobuf gives bytes that are no UTF-8 as they are
            raise InputError(f"the name {reprlib.repr(name)} is no text", where=where)
        if not name.isprintable():
            raise InputError(
                f"the name {quoted(name)} holds characters that cannot be printed",
                where=where,
                remedy="name the tensors and nodes with letters and digits",
            )
        if len(name) > _LONGEST_NAME:
            raise InputError(
                f"the name {quoted(name)} has {len(name)} characters",
                where=where,
                why=f"at most {_LONGEST_NAME} are read",
            )


def _opset(proto: onnx.ModelProto, where: str) -> tuple[int, str]:
    """The version of the standard operators, and a note if the file does not state it."""
    versions = [item.version for item in proto.opset_import if item.domain in ("", "ai.onnx")]
    if versions and versions[0] > 0:
        return int(versions[0]), ""
    if versions:
        raise InputError(f"the model states opset {versions[0]}", where=where)
    later = [version for first, version in _IMPLIED if proto.ir_version >= first]
    opset = max(later, default=1)
    return opset, f"the file states no opset; {opset} is assumed from its IR version"


def _array(tensor: onnx.TensorProto, what: str, where: str) -> np.ndarray:
    """The values of a tensor: numbers or booleans."""
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except Exception as error:  # onnx and numpy raise many types on a damaged tensor
        raise InputError(
            f"{what} is damaged: {error}", where=where, remedy="export the model again"
        ) from error
    if array.dtype.name in _NARROW:  # types of ml_dtypes: these calculate as numpy's integers do
        return array
    if array.dtype.kind == "V" or array.dtype.name.startswith(("bfloat", "float8", "float4")):
        array = array.astype(np.float32)  # types of ml_dtypes, all exact in float32
    if array.dtype.kind not in "biuf":
        raise InputError(f"{what} holds {array.dtype}, not numbers", where=where)
    return array


def _label(op: str, name: str, outputs: Iterable[str]) -> str:
    kind = op if op.isidentifier() and len(op) <= _SHOWN else quoted(op)
    return f"{kind} {quoted(name or next(iter(outputs), ''))}"


def _node(proto: onnx.NodeProto, opset: int, where: str) -> Node:
    _check_names([proto.op_type, proto.domain, proto.name, *proto.input, *proto.output], where)
    _check_names([item.name for item in proto.attribute], where)
    label = _label(proto.op_type, proto.name, proto.output)
    if not any(proto.output):
        raise InputError(f"node {label} has no output", where=where)
    attributes: dict[str, Attribute] = {}
    for item in proto.attribute:
        if item.name in attributes:
            raise InputError(f"{label} has attribute {quoted(item.name)} twice", where=where)
        attributes[item.name] = _attribute(item, label, where)
    return Node(
        proto.op_type,
        proto.name,
        proto.domain,
        tuple(proto.input),
        tuple(proto.output),
        attributes,
        opset,
    )


def _attribute(item: onnx.AttributeProto, label: str, where: str) -> Attribute:
    if item.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
        raise InputError(
            f"{label} holds a subgraph", where=where, remedy="export the model without control flow"
        )
    if item.type == onnx.AttributeProto.TENSOR:
        return _array(item.t, f"attribute {quoted(item.name)} of {label}", where)
    try:
        value = onnx.helper.get_attribute_value(item)
    except ValueError as error:
        raise InputError(
            f"attribute {quoted(item.name)} of {label} cannot be read: {error}", where=where
        ) from error
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float | str):
        return value
    if isinstance(value, list) and all(isinstance(one, int | float) for one in value):
        return tuple(value)
    if isinstance(value, list) and all(isinstance(one, bytes) for one in value):
        return ",".join(one.decode("utf-8", "replace") for one in value)
    raise InputError(
        f"attribute {quoted(item.name)} of {label} is of a kind that no operator here has",
        where=where,
    )


def _check_order(
    nodes: tuple[Node, ...], known: set[str], outputs: tuple[str, ...], where: str
) -> None:
    """Every tensor is made once, before it is read."""
    for node in nodes:
        for source in node.inputs:
            if source and source not in known:
                raise InputError(
                    f"{node.label} reads {quoted(source)}, which nothing before it makes",
                    where=where,
                )
        for output in node.outputs:
            if output and output in known:
                raise InputError(f"{node.label} makes {quoted(output)} a second time", where=where)
        known.update(node.outputs)
    for output in outputs:
        if output not in known:
            raise InputError(f"nothing makes the output {quoted(output)}", where=where)


def _needed(nodes: tuple[Node, ...], outputs: tuple[str, ...]) -> tuple[Node, ...]:
    """The nodes that some output depends on."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if wanted & set(node.outputs):
            kept.append(node)
            wanted |= set(node.inputs) - {""}
    return tuple(kept[::-1])
