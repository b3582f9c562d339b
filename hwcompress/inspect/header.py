"""What an ONNX file says of itself: domains, operators, quantizers, inputs and outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import onnx

from hwcompress.frontend.reading import read_proto
from hwcompress.inspect.facts import PortFacts, SourceFormat
from hwcompress.inspect.quantizer_names import quantizer_name
from hwcompress.inspect.stored import StoredTensors, element_name

__all__ = ["constant_tensors", "live_nodes", "parse_onnx", "source_format"]


def parse_onnx(path: Path) -> onnx.ModelProto:
    """The file as it is.

    Raises:
        InputError: it cannot be read, or is not ONNX.
    """
    return read_proto(path)


def constant_tensors(graph: onnx.GraphProto) -> set[str]:
    """Tensors that no input of the model reaches."""
    known = {item.name for item in graph.initializer}
    for node in graph.node:
        if all(name in known for name in node.input if name):
            known.update(name for name in node.output if name)
    return known


def live_nodes(graph: onnx.GraphProto) -> list[bool]:
    """For each node, whether some output of the model depends on it."""
    wanted = {item.name for item in graph.output}
    alive = []
    for node in reversed(graph.node):
        needed = bool(wanted & set(node.output))
        alive.append(needed)
        if needed:
            wanted |= set(node.input) - {""}
    return alive[::-1]


def source_format(proto: onnx.ModelProto) -> SourceFormat:
    """The facts of one file."""
    graph = proto.graph
    weights = {item.name for item in graph.initializer}
    constant = constant_tensors(graph)
    stored = StoredTensors(graph)
    names = [_operator(node) for node in graph.node]
    quantizers = [
        name for node in graph.node if (name := quantizer_name(node, stored, constant)) is not None
    ]
    notes = _annotations(graph)
    elements = [_size(item.dims) for item in graph.initializer]
    return SourceFormat(
        _kind({node.op_type for node in graph.node}),
        " ".join(_plain(part) for part in (proto.producer_name, proto.producer_version) if part),
        {_plain(item.domain) or "ai.onnx": int(item.version) for item in proto.opset_import},
        _counted(names),
        _counted(quantizers),
        tuple(_port(item, notes) for item in graph.input if item.name not in weights),
        tuple(_port(item, notes) for item in graph.output),
        len(graph.node),
        sum(size for size in elements if size > 1),
    )


def _kind(operators: set[str]) -> str:
    if operators & {"Quant", "IntQuant", "BipolarQuant", "Trunc"}:
        return "QONNX"
    if "MultiThreshold" in operators:
        return "FINN-ONNX"
    if any(name.startswith("QLinear") for name in operators):
        return "QLinear"
    # Without QuantizeLinear only the weights are stored as integers.
    return "QDQ" if "QuantizeLinear" in operators else "float"


def _plain(text: str | bytes) -> str:
    """Text of a file without what a terminal would act on, and not too long."""
    return text[:200] if isinstance(text, str) and text.isprintable() else repr(text[:200])


def _operator(node: onnx.NodeProto) -> str:
    plain = node.domain in ("", "ai.onnx")
    return node.op_type if plain else f"{node.domain}.{node.op_type}"


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts = Counter(names)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _size(dims: Sequence[int]) -> int:
    size = 1
    for length in dims:
        size *= max(int(length), 0)
    return size


def _annotations(graph: onnx.GraphProto) -> dict[str, str]:
    """FINN's data types, by tensor."""
    return {
        item.tensor_name: entry.value
        for item in graph.quantization_annotation
        for entry in item.quant_parameter_tensor_names
        if entry.key == "finn_datatype"
    }


def _port(item: onnx.ValueInfoProto, annotations: Mapping[str, str]) -> PortFacts:
    kind = item.type.tensor_type
    shape = tuple(int(axis.dim_value) for axis in kind.shape.dim)
    annotation = annotations.get(item.name, "")
    return PortFacts(item.name, element_name(kind.elem_type), shape, annotation)
