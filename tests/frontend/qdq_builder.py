"""Small models with QuantizeLinear and DequantizeLinear, written node by node."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes  # noqa: F401  (numpy learns int4 and uint4)
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["QdqBuilder"]


class QdqBuilder:
    """Appends nodes; ``last`` is the tensor that the next one of a chain reads.

    Args:
        shape: of the input ``x``, with the batch axis.
        opset: of the standard operators.
        element: ONNX type of the input.
    """

    def __init__(
        self, shape: tuple[int, ...], opset: int = 13, element: int = TensorProto.FLOAT
    ) -> None:
        self.opset = opset
        self.shape = shape
        self.element = element
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.last = "x"

    def constant(self, array: object) -> str:
        """An initializer in the array's own type."""
        name = f"const_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Append a node; returns (and remembers) its output."""
        output = f"t{len(self.nodes)}"
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, list(inputs), [output], name=name, domain=domain, **attributes)
        )
        self.last = output
        return output

    def quantize(self, source: str, scale: object, zero: object, **attributes: object) -> str:
        """A QuantizeLinear."""
        return self.node(
            "QuantizeLinear", source, self.constant(scale), self.constant(zero), **attributes
        )

    def dequantize(self, source: str, scale: object, zero: object, **attributes: object) -> str:
        """A DequantizeLinear."""
        return self.node(
            "DequantizeLinear", source, self.constant(scale), self.constant(zero), **attributes
        )

    def act(self, scale: float, zero: object) -> str:
        """QuantizeLinear and DequantizeLinear of the chain."""
        self.quantize(self.last, np.float32(scale), zero)
        return self.dequantize(self.last, np.float32(scale), zero)

    def save(self, path: Path) -> Path:
        """Write the model with the chain's end as its output."""
        graph = helper.make_graph(
            self.nodes,
            "model",
            [helper.make_tensor_value_info("x", self.element, list(self.shape))],
            [onnx.ValueInfoProto(name=self.last)],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        path.write_bytes(model.SerializeToString())
        return path
