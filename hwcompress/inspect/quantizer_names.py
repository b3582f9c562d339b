"""One short name for each kind of quantizer: what it quantizes, to which type, with what scale."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import onnx

from hwcompress.inspect.stored import StoredTensors

__all__ = ["quantizer_name"]


def quantizer_name(
    node: onnx.NodeProto, stored: StoredTensors, constant: Collection[str]
) -> str | None:
    """For example ``weights int4 narrow, scale per channel``; ``None`` if it quantizes nothing.

    Args:
        node: any node.
        stored: values of the file.
        constant: tensors that do not depend on the model's inputs.
    """
    if node.op_type not in _NAMERS:
        return None
    what = "weights" if _input(node, 0) in constant else "activations"
    kind = _NAMERS[node.op_type](node, stored)
    return None if kind is None else f"{what} {kind}"


def _quant(node: onnx.NodeProto, stored: StoredTensors) -> str:
    bits = stored.scalar(_input(node, 3))
    width = "?" if bits is None else f"{bits:g}"
    narrow = " narrow" if _attribute(node, "narrow", 0) else ""
    sign = "int" if _attribute(node, "signed", 1) else "uint"
    return f"{sign}{width}{narrow}{_zero(stored, _input(node, 2))}, {_scale(stored, node)}"


def _bipolar(node: onnx.NodeProto, stored: StoredTensors) -> str:
    return f"bipolar, {_scale(stored, node)}"


def _trunc(node: onnx.NodeProto, stored: StoredTensors) -> str:
    bits = [stored.scalar(_input(node, index)) for index in (3, 4)]
    before, after = ("?" if item is None else f"{item:g}" for item in bits)
    return f"truncated from {before} to {after} bits"


def _multi_threshold(node: onnx.NodeProto, stored: StoredTensors) -> str:
    shape = stored.shape(_input(node, 1))
    count = f"{shape[-1] if shape else '?'} thresholds a channel"
    for item in node.attribute:
        if item.name == "out_dtype" and item.s:
            return f"{item.s.decode('utf-8', 'replace').lower()}, {count}"
    return count


def _quantize_linear(node: onnx.NodeProto, stored: StoredTensors) -> str:
    zero = _input(node, 2)
    element = (stored.element(zero) or "?") if zero else "uint8"
    return f"{element}{_zero(stored, zero)}, {_scale(stored, node)}"


def _dequantize_linear(node: onnx.NodeProto, stored: StoredTensors) -> str | None:
    element = stored.element(_input(node, 0))
    if element is None:  # what a QuantizeLinear made is counted there
        return None
    return f"{element}{_zero(stored, _input(node, 2))}, {_scale(stored, node)}"


_NAMERS: dict[str, Callable[[onnx.NodeProto, StoredTensors], str | None]] = {
    "Quant": _quant,
    "IntQuant": _quant,
    "BipolarQuant": _bipolar,
    "Trunc": _trunc,
    "MultiThreshold": _multi_threshold,
    "QuantizeLinear": _quantize_linear,
    "DequantizeLinear": _dequantize_linear,
}


def _input(node: onnx.NodeProto, index: int) -> str:
    return node.input[index] if index < len(node.input) else ""


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((int(item.i) for item in node.attribute if item.name == name), default)


def _zero(stored: StoredTensors, name: str) -> str:
    """A note on the zero point, if there is one that is not zero."""
    if not name:
        return ""
    values = stored.values(name)
    return "" if values is not None and not np.any(values) else " with zero point"


def _scale(stored: StoredTensors, node: onnx.NodeProto) -> str:
    values = stored.values(_input(node, 1))
    if values is None:
        return "computed scale"
    powers = bool(np.all(values > 0)) and bool(np.all(np.frexp(values)[0] == 0.5))
    kind = "power-of-two scale" if powers else "scale"
    return f"{kind} per channel" if values.size > 1 else kind
