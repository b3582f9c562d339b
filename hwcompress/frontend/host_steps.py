"""Operators in the words of a host (:mod:`hwcompress.ir.ops.host`)."""

from __future__ import annotations

import numpy as np

from hwcompress.frontend.onnx_model import Node
from hwcompress.ir.ops.host import host_step

__all__ = ["binary_step", "unary_step"]

_PLAIN = {
    "Abs": "abs",
    "Ceil": "ceil",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "Log": "log",
    "Neg": "neg",
    "Reciprocal": "reciprocal",
    "Relu": "relu",
    "Round": "round",
    "Sigmoid": "sigmoid",
    "Sign": "sign",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Sqrt": "sqrt",
    "Tanh": "tanh",
}
_SYMMETRIC = {"Add": "add", "Max": "max", "Min": "min", "Mul": "mul"}
_WITH_NUMBER = {
    **_SYMMETRIC,
    "Div": "div",
    "Greater": "greater",
    "GreaterOrEqual": "greater_or_equal",
    "Less": "less",
    "LessOrEqual": "less_or_equal",
    "Pow": "pow",
}
_TURNED = {
    **_SYMMETRIC,
    "Greater": "less",
    "GreaterOrEqual": "less_or_equal",
    "Less": "greater",
    "LessOrEqual": "greater_or_equal",
    "Sub": "rsub",
}


def unary_step(node: Node, low: float = -np.inf, high: float = np.inf) -> str | None:
    """The step of a node with one operand; ``None``: there is no word for it."""
    if node.op in _PLAIN:
        return _PLAIN[node.op]
    if node.op == "Clip":
        return host_step("clip", low, high)
    if node.op == "LeakyRelu":
        return host_step("leaky_relu", node.number("alpha", float(np.float32(0.01))))
    if node.op == "Elu":
        return host_step("elu", node.number("alpha", 1.0))
    if node.op == "HardSigmoid":
        alpha = node.number("alpha", float(np.float32(0.2)))
        return host_step("hard_sigmoid", alpha, node.number("beta", 0.5))
    return None


def binary_step(node: Node, constant: np.ndarray, swapped: bool) -> str | None:
    """The step of a node with a constant (``swapped``: the constant is its first operand)."""
    if constant.size == 0 or not np.all(constant == constant.reshape(-1)[0]):
        return None
    number = float(constant.reshape(-1)[0])
    if node.op == "Sub" and not swapped:
        return host_step("add", -number)
    name = (_TURNED if swapped else _WITH_NUMBER).get(node.op)
    return None if name is None else host_step(name, number)
