"""Element-wise ONNX operators in float64, each with the direction in which it runs.

One table serves the constants, the scalar regions and the float64 reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node

__all__ = ["BINARY", "UNARY", "Unary", "batch_norm", "clip_bounds"]

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Unary:
    """A scalar function and its direction: +1 rising, -1 falling, 0 unknown."""

    function: Function
    direction: int


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # exp of a non-positive number cannot overflow.
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0 / (1.0 + small), small / (1.0 + small)))


_ERF = np.frompyfunc(math.erf, 1, 1)


def _erf(x: np.ndarray) -> np.ndarray:
    return np.asarray(_ERF(x), np.float64)


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))))


def _elu(node: Node) -> Unary:
    alpha = node.number("alpha", 1.0)
    return Unary(
        lambda x: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0.0)), x), 1 if alpha >= 0 else 0
    )


def _gelu(node: Node) -> Unary:
    if node.text("approximate", "none") == "tanh":
        root = math.sqrt(2.0 / math.pi)
        return Unary(lambda x: 0.5 * x * (1.0 + np.tanh(root * (x + 0.044715 * x**3))), 0)
    return Unary(lambda x: 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0))), 0)


def _leaky(node: Node) -> Unary:
    alpha = node.number("alpha", 0.01)
    return Unary(lambda x: np.where(x < 0, alpha * x, x), 1 if alpha >= 0 else 0)


def _hard_sigmoid(node: Node) -> Unary:
    alpha, beta = node.number("alpha", 0.2), node.number("beta", 0.5)
    return Unary(lambda x: np.clip(alpha * x + beta, 0.0, 1.0), 1 if alpha >= 0 else -1)


UNARY: dict[str, Callable[[Node], Unary]] = {
    "Abs": lambda _: Unary(np.abs, 0),
    "Ceil": lambda _: Unary(np.ceil, 1),
    "Elu": _elu,
    "Erf": lambda _: Unary(_erf, 1),
    "Exp": lambda _: Unary(np.exp, 1),
    "Floor": lambda _: Unary(np.floor, 1),
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda _: Unary(lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0), 0),
    "LeakyRelu": _leaky,
    "Neg": lambda _: Unary(np.negative, -1),
    "Relu": lambda _: Unary(lambda x: np.maximum(x, 0.0), 1),
    "Round": lambda _: Unary(np.rint, 1),
    "Sigmoid": lambda _: Unary(_sigmoid, 1),
    "Sign": lambda _: Unary(np.sign, 1),
    "Softplus": lambda _: Unary(_softplus, 1),
    "Softsign": lambda _: Unary(lambda x: x / (1.0 + np.abs(x)), 1),
    "Sqrt": lambda _: Unary(np.sqrt, 1),
    "Tanh": lambda _: Unary(np.tanh, 1),
}


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Division; of integers it cuts towards zero."""
    if a.dtype.kind in "iu" and b.dtype.kind in "iu":
        if not np.all(b):
            raise UnsupportedError("a division of integers by zero")
        return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)))
    return np.asarray(np.divide(a, b))


BINARY: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "Add": np.add,
    "Div": _divide,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "Pow": np.power,
    "Sub": np.subtract,
}


def batch_norm(node: Node, parameters: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Batch normalization in inference as ``a * x + b`` per channel, in float64."""
    gamma, beta, mean, variance = (np.asarray(item, np.float64) for item in parameters)
    if node.integer("training_mode", 0):
        raise UnsupportedError(
            "it is in training mode",
            where=node.label,
            remedy="export the model in eval mode: module.eval()",
        )
    shapes = {item.shape for item in (gamma, beta, mean, variance)}
    if len(shapes) != 1 or gamma.ndim != 1:
        raise UnsupportedError(
            f"its parameters have the shapes {sorted(shapes)}, not one of (channels,)",
            where=node.label,
        )
    if not all(np.all(np.isfinite(item)) for item in (gamma, beta, mean, variance)):
        raise UnsupportedError(
            "a parameter is not finite",
            where=node.label,
            remedy="export the model again from a checkpoint without NaN",
        )
    gain = gamma / np.sqrt(variance + node.number("epsilon", 1e-5))
    return gain, beta - mean * gain


def clip_bounds(node: Node, parameters: list[np.ndarray | None]) -> tuple[float, float]:
    """Bounds of a Clip node: attributes up to opset 10, inputs since."""
    low, high = -np.inf, np.inf
    if node.opset < 11:
        low, high = node.number("min", low), node.number("max", high)
    if len(parameters) > 0 and parameters[0] is not None:
        low = _bound(node, parameters[0])
    if len(parameters) > 1 and parameters[1] is not None:
        high = _bound(node, parameters[1])
    return low, high


def _bound(node: Node, value: np.ndarray) -> float:
    if value.size != 1 or np.isnan(value).any():
        raise UnsupportedError(
            f"a bound of shape {value.shape} that is no single number", where=node.label
        )
    return float(value.reshape(()))
