"""One model twice: with Quant nodes for the import, in plain operators for onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import numpy_helper

from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_values, encoded
from hwcompress.ir import trace
from tests.frontend.onnx_builder import ModelBuilder

__all__ = ["PlainBuilder", "agrees_with_ort"]

Build = Callable[[ModelBuilder], object]


class PlainBuilder(ModelBuilder):
    """Writes what a Quant node means instead of the node (opset 11 or later)."""

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
        assert rounding == "ROUND"
        low = -(2.0 ** (bits - 1)) + narrow if signed else 0.0
        high = 2.0 ** (bits - 1) - 1 if signed else 2.0**bits - 1 - narrow
        steps = np.float32(scale)
        offset = np.float32(zero)
        for item in self.initializers:
            if item.name == source:
                levels = numpy_helper.to_array(item) / steps + offset
                levels = np.clip(np.rint(levels), low, high)
                return self.constant(((levels - offset) * steps).astype(np.float32))
        source = self.node("Div", source, self.constant(steps))
        source = self.node("Add", source, self.constant(offset))
        source = self.node("Round", source)
        source = self.node("Min", source, self.constant(np.float32(high)))
        source = self.node("Max", source, self.constant(np.float32(low)))
        source = self.node("Sub", source, self.constant(offset))
        return self.node("Mul", source, self.constant(steps))


def agrees_with_ort(
    build: Build, shape: tuple[int, ...], path: Path, opset: int = 13, samples: int = 3
) -> Imported:
    """Import the model that ``build`` writes; every output integer equals onnxruntime's, and
    every tensor the float64 evaluation."""
    model, plain = ModelBuilder(shape, opset), PlainBuilder(shape, opset)
    build(model)
    build(plain)
    imported = import_model(model.save(path / "model.onnx"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(plain.save(path / "plain.onnx")), options, providers=["CPUExecutionProvider"]
    )
    seed = sum(shape) + len(model.nodes)
    x = np.random.default_rng(seed).normal(0, 1.0, (samples, *shape[1:])).astype(np.float32)
    integers = trace(imported.graph, encoded(imported, x))
    rows = [session.run(None, {"x": row[None]}) for row in x]
    outputs = [op.inputs[0] for op in imported.graph.outputs]
    real = {
        tensor: np.concatenate([row[index] for row in rows]).astype(np.float64)
        for index, tensor in enumerate(outputs)
    }
    checks = check_values(imported, "onnxruntime", real, x, integers)
    checks += check_float64(imported, x, integers)
    for result in checks:
        assert result.mismatches == 0, (seed, result)
    return imported
