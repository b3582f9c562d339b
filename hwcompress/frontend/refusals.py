"""Operators that no handler takes, and why: what a user can do about each."""

from __future__ import annotations

from hwcompress.frontend.onnx_model import Node

__all__ = ["reason"]

_STATISTICS = (
    "it divides by a mean and variance of the sample itself, which no integers hold",
    "use BatchNorm, whose statistics are constants in eval mode",
)
_STATE = (
    "it keeps a state from step to step, and every operation here is a function of one sample",
    "unroll the steps into Linear layers, or use a temporal convolution (Conv1d)",
)
_AT_RUN_TIME = (
    "its scale is computed from the data at run time",
    "quantize statically, with calibration data (onnxruntime: quantize_static)",
)
_COUNT = (
    "how many results there are depends on the data",
    "cut the model before it; the host can do it",
)
_RANDOM = ("its result is random", "export the model in eval mode: module.eval()")
_CONTROL = ("its path depends on the data", "export the model without control flow")
_SPECTRUM = ("sines and cosines are no integers", "compute the spectrum before the model")
_PRODUCT = ("it is a product of several tensors", "write it as MatMul, Conv or Mul")
_SAMPLING = (
    "it interpolates at positions that depend on the data",
    "use Resize with mode nearest, or a strided convolution",
)

_REASONS: dict[str, tuple[str, str]] = {
    "ConvInteger": ("its result has no scale", "use QLinearConv, or QuantizeLinear around a Conv"),
    "DFT": _SPECTRUM,
    "DynamicQuantizeLinear": _AT_RUN_TIME,
    "Einsum": _PRODUCT,
    "FloatQuant": (
        "it rounds to floating-point numbers, which lie on no grid of integers",
        "quantize to integers: Brevitas' Int8... quantizers instead of Fp8...",
    ),
    "GRU": _STATE,
    "GridSample": _SAMPLING,
    "GroupNormalization": _STATISTICS,
    "If": _CONTROL,
    "InstanceNormalization": _STATISTICS,
    "LRN": _STATISTICS,
    "LSTM": _STATE,
    "LayerNormalization": _STATISTICS,
    "Loop": _CONTROL,
    "LpNormalization": _STATISTICS,
    "MatMulInteger": ("its result has no scale", "use QLinearMatMul, or QuantizeLinear around it"),
    "MeanVarianceNormalization": _STATISTICS,
    "Multinomial": _RANDOM,
    "NonMaxSuppression": _COUNT,
    "NonZero": _COUNT,
    "RMSNormalization": _STATISTICS,
    "RNN": _STATE,
    "RandomNormal": _RANDOM,
    "RandomNormalLike": _RANDOM,
    "RandomUniform": _RANDOM,
    "RandomUniformLike": _RANDOM,
    "RoiAlign": _SAMPLING,
    "STFT": _SPECTRUM,
    "Scan": _CONTROL,
    "SimplifiedLayerNormalization": _STATISTICS,
    "Unique": _COUNT,
}


def reason(node: Node) -> str:
    """Why an operator is not supported and what helps, as the end of a message; often empty."""
    known = _REASONS.get(node.op)
    return "" if known is None else f" ({known[0]}). Remedy: {known[1]}"
