"""Which runtime a source model is for."""

from __future__ import annotations

from pathlib import Path

from hwcompress.frontend.ort_runtime import OrtRuntime
from hwcompress.frontend.qonnx_runtime import QonnxRuntime
from hwcompress.frontend.reading import read_proto
from hwcompress.frontend.runtime import Runtime

__all__ = ["runtime_of"]

# Domains whose operators onnxruntime does not know, and operators that appear without one.
_QONNX_DOMAINS = ("onnx.brevitas", "qonnx.", "finn")
_QONNX_OPS = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold"})


def runtime_of(path: Path) -> type[Runtime]:
    """The qonnx executor where the file has operators of QONNX or FINN, else onnxruntime."""
    for node in read_proto(path).graph.node:
        if node.domain.startswith(_QONNX_DOMAINS) or node.op_type in _QONNX_OPS:
            return QonnxRuntime
    return OrtRuntime
