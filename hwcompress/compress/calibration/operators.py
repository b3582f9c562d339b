"""Which operators of an ONNX file really run in integers.

A file whose weights alone are integers runs slower, not faster: its arithmetic stays in float
(TensorFlow issue 24744). So every operator is listed with the numbers it computes in, after the
fusions that onnxruntime makes when it loads the file.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hwcompress.errors import CheckFailed, InputError

__all__ = ["Operator", "check_integer", "operators"]

Arithmetic = Literal["integer", "float", "conversion"]

_INTEGER = frozenset(
    """ConvInteger MatMulInteger QGemm QLinearAdd QLinearAveragePool QLinearConcat QLinearConv
    QLinearGlobalAveragePool QLinearLeakyRelu QLinearMatMul QLinearMul QLinearSigmoid
    QLinearSoftmax QLinearWhere""".split()
)
# The accumulator of these is an integer, and no scale is left in it.
_CONVERSIONS = frozenset({"Cast", "DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"})
_MOVING = frozenset(
    """Clip Concat Expand Flatten Gather Identity MaxPool Pad Reshape Slice Split Squeeze
    Transpose Unsqueeze Upsample""".split()
)
_TO_INTEGER = frozenset({"DynamicQuantizeLinear", "QuantizeLinear"})


@dataclass(frozen=True)
class Operator:
    """An operator as it runs.

    Attributes:
        name: of the node.
        kind: its type in ONNX.
        arithmetic: ``integer``; ``float``; or ``conversion`` from one to the other.
    """

    name: str
    kind: str
    arithmetic: Arithmetic


def operators(path: Path) -> list[Operator]:
    """The operators of a file as onnxruntime runs them on a CPU, in order.

    Raises:
        InputError: onnxruntime cannot load the file, or it names files with data outside of it.
    """
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Layouts that one processor prefers are no other operators.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "fused.onnx"
        options.optimized_model_filepath = str(target)
        try:
            content = path.read_bytes()
            model = onnx.ModelProto.FromString(content)
            outside = any(item.data_location for item in model.graph.initializer)
            if not outside:
                onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # protobuf and onnxruntime raise many types
            raise InputError(
                f"onnxruntime cannot load the file: {error}", where=str(path)
            ) from error
        if outside:
            raise InputError(
                "the file names other files that hold its data",
                where=str(path),
                remedy="write one file with all data in it",
            )
        graph = onnx.ModelProto.FromString(target.read_bytes()).graph
    whole = {
        tensor.name
        for tensor in graph.initializer
        if tensor.data_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    }
    constant = {tensor.name for tensor in graph.initializer}
    found = []
    for node in graph.node:
        arithmetic: Arithmetic
        data = [name for name in node.input if name and name not in constant]
        if node.op_type in _CONVERSIONS:
            arithmetic = "conversion"
            if node.op_type in _TO_INTEGER:
                whole.update(node.output)
        elif node.op_type in _INTEGER or (
            node.op_type in _MOVING and data and all(name in whole for name in data)
        ):
            arithmetic = "integer"
            whole.update(node.output)
        else:
            arithmetic = "float"
        found.append(Operator(node.name, node.op_type, arithmetic))
    return found


def check_integer(path: Path) -> list[Operator]:
    """The operators of a file that claims to compute in integers.

    Raises:
        CheckFailed: some operator computes in floating point.
        InputError: onnxruntime cannot load the file.
    """
    found = operators(path)
    wrong = [f"{item.kind} {item.name!r}" for item in found if item.arithmetic == "float"]
    if wrong:
        raise CheckFailed(
            f"{len(wrong)} of {len(found)} operators compute in floating point: {', '.join(wrong)}",
            where=str(path),
            why="weights in integers alone make a file smaller, not its arithmetic",
            remedy="quantize activations too, with calibration samples",
        )
    return found
