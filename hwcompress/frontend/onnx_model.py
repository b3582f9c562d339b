"""Reading an ONNX file into plain nodes with typed attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from hwcompress.errors import InputError

__all__ = ["Attribute", "Node", "OnnxModel", "read_onnx"]

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | np.ndarray


@dataclass(frozen=True, eq=False)
class Node:
    """One ONNX node. ``inputs`` may hold empty names for left-out inputs."""

    op: str
    name: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"{self.op} {self.name or self.outputs[0]!r}"

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.attributes.get(name, default)
        return int(value)  # type: ignore[arg-type]

    def number(self, name: str, default: float) -> float:
        """A real attribute."""
        value = self.attributes.get(name, default)
        return float(value)  # type: ignore[arg-type]

    def integers(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """A list of integers."""
        value = self.attributes.get(name, default)
        return tuple(int(item) for item in value)  # type: ignore[union-attr]

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        return str(self.attributes.get(name, default))


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """The facts of an ONNX file that the frontend needs.

    ``inputs`` maps a name to its shape with the batch axis (0 where the
    length is not stated); initializers are not among them.
    """

    path: Path
    name: str
    opset: int
    inputs: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    initializers: Mapping[str, np.ndarray]
    nodes: tuple[Node, ...]


def read_onnx(path: Path) -> OnnxModel:
    """Read and check a file.

    Raises:
        InputError: missing, not ONNX, empty, with tensors outside the file,
            or with nodes that are not in order.
    """
    where = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the model: {error.strerror}", where=where) from error
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception as error:  # protobuf raises its own, version-dependent types
        raise InputError(
            "this is not an ONNX file", where=where, remedy="give a .onnx file, or file.py:function"
        ) from error
    if not proto.graph.node or not proto.graph.output:
        raise InputError("the ONNX file holds no graph", where=where, remedy="export it again")
    initializers = {}
    for tensor in proto.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise InputError(
                f"initializer {tensor.name!r} lies outside the file",
                where=where,
                remedy="save the model with its weights inside",
            )
        initializers[tensor.name] = numpy_helper.to_array(tensor)
    inputs = {
        value.name: tuple(int(axis.dim_value) for axis in value.type.tensor_type.shape.dim)
        for value in proto.graph.input
        if value.name not in initializers
    }
    nodes = tuple(_node(node, where) for node in proto.graph.node)
    _check_order(nodes, {*inputs, *initializers}, where)
    opset = next((item.version for item in proto.opset_import if item.domain in ("", "ai.onnx")), 0)
    return OnnxModel(
        path,
        path.stem,
        int(opset),
        inputs,
        tuple(value.name for value in proto.graph.output),
        initializers,
        nodes,
    )


def _node(proto: onnx.NodeProto, where: str) -> Node:
    attributes: dict[str, Attribute] = {}
    for item in proto.attribute:
        value = onnx.helper.get_attribute_value(item)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        elif isinstance(value, onnx.TensorProto):
            value = numpy_helper.to_array(value)
        elif isinstance(value, onnx.GraphProto):
            raise InputError(
                f"{proto.op_type} {proto.name!r} holds a subgraph",
                where=where,
                remedy="export the model without control flow",
            )
        elif isinstance(value, list):
            value = tuple(value)
        attributes[item.name] = value
    return Node(
        proto.op_type,
        proto.name,
        proto.domain,
        tuple(proto.input),
        tuple(proto.output),
        attributes,
    )


def _check_order(nodes: tuple[Node, ...], known: set[str], where: str) -> None:
    for node in nodes:
        for source in node.inputs:
            if source and source not in known:
                raise InputError(
                    f"{node.label} reads {source!r}, which nothing before it makes", where=where
                )
        known.update(node.outputs)
