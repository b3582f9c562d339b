"""A few lines to write an ONNX model with, of any types and domains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["QONNX", "Net"]

QONNX = "qonnx.custom_op.general"
_DOMAINS = (QONNX, "qonnx.custom_op.channels_last", "com.microsoft")


class Net:
    """Nodes and initializers; ``x`` is the input unless others are named."""

    def __init__(self, random: np.random.Generator, **inputs: Sequence[int]) -> None:
        self.random = random
        self.inputs = inputs
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def const(self, value: object, kind: str = "float32") -> str:
        """An initializer."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value).astype(kind), name))
        return name

    def normal(self, *shape: int) -> np.ndarray:
        """Standard normal numbers."""
        return self.random.normal(0, 1, shape)

    def op(self, kind: str, *inputs: str, domain: str = "", count: int = 1, **more: object) -> str:
        """A node; returns its (first) output."""
        outputs = [f"t{len(self.nodes)}{'_' * index}" for index in range(count)]
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, list(inputs), outputs, name=name, domain=domain, **more)
        )
        return outputs[0]

    def quant(
        self, source: str, bits: int = 4, scale: float = 0.25, *, signed: int = 1, zero: float = 0
    ) -> str:
        """A Quant node."""
        inputs = [self.const(item) for item in (scale, zero, bits)]
        return self.op(
            "Quant", source, *inputs, domain=QONNX, signed=signed, narrow=0, rounding_mode="ROUND"
        )

    def weight(self, *shape: int, bits: int = 4) -> str:
        """Quantized weights."""
        return self.quant(self.const(self.normal(*shape)), bits)

    def qdq(self, source: str, scale: float, zero: int = 0, kind: str = "int8") -> str:
        """QuantizeLinear and DequantizeLinear."""
        parts = self.const(scale), self.const(zero, kind)
        return self.op("DequantizeLinear", self.op("QuantizeLinear", source, *parts), *parts)

    def stored(self, array: np.ndarray, scale: object, kind: str = "int8", axis: int = 0) -> str:
        """Integer weights behind a DequantizeLinear."""
        scales = np.asarray(scale, np.float32)
        zero = np.zeros(scales.shape)
        return self.op(
            "DequantizeLinear",
            self.const(array, kind),
            self.const(scales),
            self.const(zero, kind),
            axis=axis,
        )

    def proto(self, *outputs: str, opset: int = 13, integers: bool = False) -> onnx.ModelProto:
        """The model."""
        kind = TensorProto.INT64 if integers else TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "model",
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
                for name, shape in self.inputs.items()
            ],
            [helper.make_tensor_value_info(name, kind, None) for name in outputs],
            self.weights,
        )
        opsets = [helper.make_opsetid("", opset)]
        opsets += [helper.make_opsetid(domain, 1) for domain in _DOMAINS]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)
