"""Whether an ONNX model is a float one, to be quantized, or is quantized already."""

from __future__ import annotations

from hwcompress.frontend.onnx_model import OnnxModel

__all__ = ["is_float_model"]

# Operators that make or take integers of few bits.
_QUANTIZED = frozenset(
    {
        "BipolarQuant",
        "ConvInteger",
        "DynamicQuantizeLinear",
        "FloatQuant",
        "IntQuant",
        "MatMulInteger",
        "MultiThreshold",
        "Quant",
        "QuantizeLinear",
        "Trunc",
    }
)


def is_float_model(model: OnnxModel) -> bool:
    """Whether no node of a model quantizes anything.

    Weights that are merely stored in few bits (DequantizeLinear of a constant)
    do not count: what they are multiplied with is a real number.
    """
    return not any(node.op in _QUANTIZED or node.op.startswith("QLinear") for node in model.nodes)
