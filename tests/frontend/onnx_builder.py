"""Small QONNX models, written node by node."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["ModelBuilder"]

DOMAIN = "qonnx.custom_op.general"


class ModelBuilder:
    """Appends nodes; ``last`` is the tensor that the next one of a chain reads."""

    def __init__(self, shape: tuple[int, ...], opset: int = 13) -> None:
        self.opset = opset
        self.outputs: list[str] = []  # besides the chain's end
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.shape = shape
        self.more_inputs: dict[str, tuple[int, ...]] = {}  # besides "x"
        self.last = "x"

    def constant(self, value: object) -> str:
        """A float32 initializer (int64 for shapes)."""
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        name = f"const_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(
        self, op: str, *inputs: str, domain: str = "", name: str = "", **attributes: object
    ) -> str:
        """Append a node; returns (and remembers) its output."""
        output = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(
                op,
                list(inputs),
                [output],
                domain=domain,
                name=name or f"{op}_{len(self.nodes)}",
                **attributes,
            )
        )
        self.last = output
        return output

    def several(self, op: str, count: int, *inputs: str, **attributes: object) -> list[str]:
        """Append a node with several outputs; the last one is remembered."""
        outputs = [f"t{len(self.nodes)}_{index}" for index in range(count)]
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), outputs, name=name, **attributes))
        self.last = outputs[-1]
        return outputs

    def quant(
        self,
        source: str,
        scale: object,
        bits: int,
        *,
        signed: bool = True,
        narrow: bool = False,
        zero: object = 0.0,
        rounding: str = "ROUND",
    ) -> str:
        """A Quant node."""
        parameters = [
            self.constant(np.float32(scale)),
            self.constant(np.float32(zero)),
            self.constant(np.float32(bits)),
        ]
        return self.node(
            "Quant",
            source,
            *parameters,
            domain=DOMAIN,
            signed=int(signed),
            narrow=int(narrow),
            rounding_mode=rounding,
        )

    def bipolar(self, source: str, scale: float = 1.0) -> str:
        """A BipolarQuant node."""
        return self.node("BipolarQuant", source, self.constant(np.float32(scale)), domain=DOMAIN)

    def act(self, scale: object, bits: int, **options: object) -> str:
        """Quantize the chain."""
        return self.quant(self.last, scale, bits, **options)  # type: ignore[arg-type]

    def dense(
        self,
        weight: np.ndarray,
        scale: object,
        bits: int,
        bias: np.ndarray | None = None,
        **options: object,
    ) -> str:
        """Gemm with quantized weights ``(out, in)``."""
        source = self.last
        quantized = self.quant(self.constant(weight.astype(np.float32)), scale, bits, **options)  # type: ignore[arg-type]
        if bias is None and self.opset < 11:  # where it must be given
            bias = np.zeros(weight.shape[0])
        extra = [] if bias is None else [self.constant(bias.astype(np.float32))]
        return self.node("Gemm", source, quantized, *extra, transB=1)

    def conv(
        self,
        weight: np.ndarray,
        scale: object,
        bits: int,
        bias: np.ndarray | None = None,
        **attributes: object,
    ) -> str:
        """Conv with quantized weights ``(M, C/g, KH, KW)``."""
        source = self.last
        quantized = self.quant(self.constant(weight.astype(np.float32)), scale, bits, narrow=True)
        extra = [] if bias is None else [self.constant(bias.astype(np.float32))]
        return self.node(
            "Conv", source, quantized, *extra, kernel_shape=list(weight.shape[2:]), **attributes
        )

    def batch_norm(self, random: np.random.Generator, channels: int, spread: float) -> str:
        """A batch norm with random parameters, some gains negative."""
        gamma = random.normal(0.0, 1.0, channels)
        gamma = np.where(np.abs(gamma) < 0.05, 0.05, gamma)
        rows = [
            gamma,
            random.normal(0, 0.5, channels),
            random.normal(0, spread, channels),
            random.uniform(0.2, 2.0, channels) * spread**2,
        ]
        return self.node(
            "BatchNormalization", self.last, *[self.constant(row) for row in rows], epsilon=1e-5
        )

    def proto(self) -> onnx.ModelProto:
        """The model with the chain's end as its output."""
        whole = dict.fromkeys(("ArgMax", "ArgMin", "TopK"), TensorProto.INT64)
        truth = dict.fromkeys(("Equal", "Greater", "Less", "And", "Or", "Not"), TensorProto.BOOL)
        kinds = {
            node.output[-1]: {**whole, **truth}[node.op_type]
            for node in self.nodes
            if node.op_type in whole or node.op_type in truth
        }
        graph = helper.make_graph(
            self.nodes,
            "model",
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
                for name, shape in {"x": self.shape, **self.more_inputs}.items()
            ],
            [
                helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), None)
                for name in (*self.outputs, self.last)
            ],
            self.initializers,
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", self.opset), helper.make_opsetid(DOMAIN, 2)],
            ir_version=8,
        )

    def save(self, path: Path) -> Path:
        """Write the model."""
        path.write_bytes(self.proto().SerializeToString())
        return path
