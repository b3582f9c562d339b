"""The one place where model files are read.

Everything that looks at a model, the runtimes of others included, gets the checked
:class:`onnx.ModelProto` from here, with all data inside: nothing else may open the file,
since ``onnx.load`` and onnxruntime follow the paths of external data by themselves.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from hwcompress.errors import InputError
from hwcompress.files import read_regular
from hwcompress.foreign import foreign_content
from hwcompress.frontend.external_data import all_tensors, load_external
from hwcompress.frontend.tensor_bytes import tensor_size
from hwcompress.frontend.wire import check_wire
from hwcompress.limits import MB, Limits, current_limits, limit_remedy

__all__ = ["copy_model", "read_proto"]


def read_proto(path: Path, limits: Limits | None = None) -> onnx.ModelProto:
    """Read a model file, and the data that belong to it.

    Args:
        path: the ``.onnx`` file.
        limits: ``model_mb``, ``memory_mb`` and ``nodes`` are checked here; those of the
            process by default.

    Raises:
        InputError: missing, no regular file, not ONNX, too large, or with data that lie
            outside the model's folder.
    """
    return _read(path, limits or current_limits())[0]


def copy_model(path: Path, target: Path, limits: Limits | None = None) -> None:
    """Copy a model file; the copy holds the data that lie outside of the original.

    Raises:
        InputError: as of :func:`read_proto`, or the copy cannot be written.
    """
    proto, data, external = _read(path, limits or current_limits())
    try:
        target.write_bytes(proto.SerializeToString(deterministic=True) if external else data)
    except (OSError, ValueError) as error:
        raise InputError(f"the model cannot be copied: {error}", where=str(target)) from error


def _read(path: Path, limits: Limits) -> tuple[onnx.ModelProto, bytes, int]:
    """The model, the bytes of the file, and how many were read from other files."""
    where = str(path)
    data = read_regular(path, "the model", limits)
    check_wire(data, limits.memory_bytes, where)
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception as error:  # protobuf raises its own, version-dependent types
        why, remedy = foreign_content(data)
        raise InputError("this is not an ONNX file", where=where, why=why, remedy=remedy) from error
    graph = proto.graph
    if len(graph.node) > limits.nodes:
        raise InputError(
            f"the model has {len(graph.node)} nodes",
            where=where,
            why=f"the limit is {limits.nodes}",
            remedy=limit_remedy("nodes"),
        )
    external = load_external(proto, path, limits.model_bytes - len(data))
    _check_sizes(graph, limits, where)
    return proto, data, external


def _check_sizes(graph: onnx.GraphProto, limits: Limits, where: str) -> None:
    """Stored tensors, as the eight bytes that computing with an element takes."""
    total = 0
    for tensor in all_tensors(graph):
        total += 8 * tensor_size(tensor, f"tensor {tensor.name[:100]!r}", where)
        if total > limits.memory_bytes:
            raise InputError(
                f"the stored tensors take {total / MB:,.0f} MB and more in computations",
                where=where,
                why=f"the limit is {limits.memory_mb} MB",
                remedy=limit_remedy("memory_mb"),
            )
