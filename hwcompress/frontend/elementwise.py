"""Element-wise ONNX operators of one operand in float64, each with where it rises and falls.

One table serves the constants, the scalar regions and the float64 reference. Operators
of two operands are in :mod:`hwcompress.frontend.binary`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.intervals import Interval, enclosed, lipschitz, widened
from hwcompress.frontend.onnx_model import Node

__all__ = ["UNARY", "Unary", "batch_norm", "clip_bounds"]

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Unary:
    """A scalar function.

    Attributes:
        function: of arrays.
        direction: +1 rising, -1 falling, 0 neither.
        turns: where it may turn from rising to falling or back, or jump, in order.
        exact: rounds monotonically: nothing in it comes from a library of functions.
        limits: bounds of its values, which rounding does not leave either.
    """

    function: Function
    direction: int
    turns: tuple[float, ...] = ()
    exact: bool = False
    limits: tuple[float, float] = (-math.inf, math.inf)
    smooth: bool = False

    def enclose(self, x: Interval) -> Interval:
        """Bounds of its values over an interval."""
        if self.smooth:
            return lipschitz(self.function, *self.limits, x)
        found = enclosed(self.function, self.turns, x)
        lo, hi = found if self.exact else widened(found)
        return np.maximum(lo, self.limits[0]), np.minimum(hi, self.limits[1])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # exp of a non-positive number cannot overflow.
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0 / (1.0 + small), small / (1.0 + small)))


_ERF, _ERFC = (np.frompyfunc(item, 1, 1) for item in (math.erf, math.erfc))


def _erf(x: np.ndarray) -> np.ndarray:
    return np.asarray(_ERF(x), np.float64)


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))))


def _default(value: float) -> float:
    """A default of the standard, which is a float32."""
    return float(np.float32(value))


def _rising_if(condition: bool, function: Function, *turns: float, exact: bool = False) -> Unary:
    """Rises, or else turns at the given points."""
    return Unary(function, 1 if condition else 0, () if condition else turns, exact)


def _elu(node: Node) -> Unary:
    alpha = node.number("alpha", 1.0)
    return _rising_if(
        alpha >= 0, lambda x: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0.0)), x), 0.0
    )


def _selu(node: Node) -> Unary:
    alpha = node.number("alpha", _default(1.67326319217681884765625))
    gamma = node.number("gamma", _default(1.05070102214813232421875))

    def selu(x: np.ndarray) -> np.ndarray:
        return gamma * np.where(x <= 0, alpha * np.expm1(np.minimum(x, 0.0)), x)

    return _rising_if(alpha >= 0 and gamma >= 0, selu, 0.0)


def _celu(node: Node) -> Unary:
    alpha = node.number("alpha", 1.0)
    if alpha == 0:
        raise UnsupportedError("alpha is 0, by which Celu divides", where=node.label)

    def celu(x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0.0) + np.minimum(alpha * np.expm1(x / alpha), 0.0)

    return _rising_if(alpha > 0, celu, 0.0)


def _gelu(node: Node) -> Unary:
    if node.text("approximate", "none") == "tanh":
        root = math.sqrt(2.0 / math.pi)
        return Unary(
            lambda x: 0.5 * x * (1.0 + np.tanh(root * (x + 0.044715 * x**3))),
            0,
            (-0.752461422071016258,),
        )
    # erfc keeps its digits where 1 + erf loses them.
    return Unary(
        lambda x: 0.5 * x * np.asarray(_ERFC(-x / math.sqrt(2.0)), np.float64),
        0,
        (-0.751791524693564457,),
    )


def _leaky(node: Node) -> Unary:
    alpha = node.number("alpha", _default(0.01))
    return _rising_if(alpha >= 0, lambda x: np.where(x < 0, alpha * x, x), 0.0, exact=True)


def _hard_sigmoid(node: Node) -> Unary:
    alpha, beta = node.number("alpha", _default(0.2)), node.number("beta", 0.5)
    sign = 1 if alpha >= 0 else -1
    return Unary(lambda x: np.clip(alpha * x + beta, 0.0, 1.0), sign, exact=True)


def _hard_swish(_: Node) -> Unary:
    return Unary(lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0), 0, (-1.5,), exact=True)


def _thresholded(node: Node) -> Unary:
    alpha = node.number("alpha", 1.0)
    return _rising_if(alpha >= 0, lambda x: np.where(x > alpha, x, 0.0), alpha, exact=True)


def _shrink(node: Node) -> Unary:
    bias, edge = node.number("bias", 0.0), node.number("lambd", 0.5)

    def shrink(x: np.ndarray) -> np.ndarray:
        return np.where(x < -edge, x + bias, np.where(x > edge, x - bias, 0.0))

    return Unary(shrink, 0, tuple(sorted((-edge, edge))), exact=True)


def _swish(node: Node) -> Unary:
    alpha = node.number("alpha", 1.0)
    turns = () if alpha == 0 else (-1.27846454276107379 / alpha,)
    return Unary(lambda x: x * _sigmoid(alpha * x), 0, turns)


def _mish(x: np.ndarray) -> np.ndarray:
    return np.asarray(x * np.tanh(_softplus(x)))


UNARY: dict[str, Callable[[Node], Unary]] = {
    "Abs": lambda _: Unary(np.abs, 0, (0.0,), exact=True),
    "Atan": lambda _: Unary(np.arctan, 1),
    "Ceil": lambda _: Unary(np.ceil, 1, exact=True),
    "Celu": _celu,
    "Cos": lambda _: Unary(np.cos, 0, limits=(-1.0, 1.0), smooth=True),
    "Elu": _elu,
    "Erf": lambda _: Unary(_erf, 1, limits=(-1.0, 1.0)),
    "Exp": lambda _: Unary(np.exp, 1, limits=(0.0, math.inf)),
    "Floor": lambda _: Unary(np.floor, 1, exact=True),
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "LeakyRelu": _leaky,
    "Log": lambda _: Unary(np.log, 1),
    "Mish": lambda _: Unary(_mish, 0, (-1.19243121451549512,)),
    "Neg": lambda _: Unary(np.negative, -1, exact=True),
    "Not": lambda _: Unary(lambda x: np.where(x == 0, 1.0, 0.0), 0, (0.0,), exact=True),
    "Reciprocal": lambda _: Unary(lambda x: 1.0 / x, 0, (0.0,), exact=True),
    "Relu": lambda _: Unary(lambda x: np.maximum(x, 0.0), 1, exact=True),
    "Round": lambda _: Unary(np.rint, 1, exact=True),
    "Selu": _selu,
    "Shrink": _shrink,
    "Sigmoid": lambda _: Unary(_sigmoid, 1, limits=(0.0, 1.0)),
    "Sign": lambda _: Unary(np.sign, 1, exact=True),
    "Sin": lambda _: Unary(np.sin, 0, limits=(-1.0, 1.0), smooth=True),
    "Softplus": lambda _: Unary(_softplus, 1, limits=(0.0, math.inf)),
    "Softsign": lambda _: Unary(lambda x: x / (1.0 + np.abs(x)), 1, exact=True),
    "Sqrt": lambda _: Unary(np.sqrt, 1, exact=True),
    "Swish": _swish,
    "Tanh": lambda _: Unary(np.tanh, 1, limits=(-1.0, 1.0)),
    "ThresholdedRelu": _thresholded,
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
