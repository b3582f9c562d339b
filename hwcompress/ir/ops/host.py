"""What a host may still do to the real values of an output.

A step is written ``name`` or ``name(argument, ...)`` with numbers as arguments:
``softmax(1)``, ``mul(0.5)``. It acts on float64 of shape ``(batch, ...)``; axes count
the batch. The steps of an output are data, so that any host language can follow them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np

__all__ = ["HOST_FUNCTIONS", "apply_step", "host_step", "is_step"]

Real = np.ndarray
_STEP = re.compile(r"([a-z_]+)(?:\(([^()]*)\))?")


def _softmax(x: Real, axis: float = -1) -> Real:
    small = np.exp(x - x.max(axis=int(axis), keepdims=True))
    return np.asarray(small / small.sum(axis=int(axis), keepdims=True))


def _log_softmax(x: Real, axis: float = -1) -> Real:
    moved = x - x.max(axis=int(axis), keepdims=True)
    return np.asarray(moved - np.log(np.exp(moved).sum(axis=int(axis), keepdims=True)))


def _rows(function: Callable[[Real, float], Real]) -> Callable[..., Real]:
    """Over everything from an axis on, as one vector."""

    def flat(x: Real, axis: float) -> Real:
        rows = x.reshape(*x.shape[: int(axis)], -1)
        return function(rows, -1).reshape(x.shape)

    return flat


def _sigmoid(x: Real) -> Real:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0))))


def _arg_max(x: Real, axis: float, keep: float, last: float) -> Real:
    size = x.shape[int(axis)]
    if last:
        index = size - 1 - np.argmax(np.flip(x, int(axis)), axis=int(axis), keepdims=bool(keep))
    else:
        index = np.argmax(x, axis=int(axis), keepdims=bool(keep))
    return np.asarray(index, np.float64)


def _ranked(x: Real, count: float, axis: float, largest: float) -> np.ndarray:
    order = np.argsort(-x if largest else x, axis=int(axis), kind="stable")
    return np.take(order, range(int(count)), axis=int(axis))


def _top_values(x: Real, count: float, axis: float, largest: float) -> Real:
    return np.take_along_axis(x, _ranked(x, count, axis, largest), axis=int(axis))


def _flag(operator: Callable[[Real, float], np.ndarray]) -> Callable[..., Real]:
    return lambda x, c: operator(x, c).astype(np.float64)


def _elu(x: Real, alpha: float) -> Real:
    return np.where(x < 0, alpha * np.expm1(np.minimum(x, 0.0)), x)


_ERF = np.frompyfunc(math.erf, 1, 1)

HOST_FUNCTIONS: dict[str, Callable[..., Real]] = {
    "abs": np.abs,
    "add": lambda x, c: x + c,
    "arg_max": _arg_max,
    "cast_int": np.trunc,
    "ceil": np.ceil,
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "dequantize": lambda x, scale, zero: (x - zero) * scale,
    "div": lambda x, c: x / c,
    "elu": _elu,
    "erf": lambda x: np.asarray(_ERF(x), np.float64),
    "exp": np.exp,
    "floor": np.floor,
    "greater": _flag(np.greater),
    "greater_or_equal": _flag(np.greater_equal),
    "hard_sigmoid": lambda x, a, b: np.clip(a * x + b, 0.0, 1.0),
    "leaky_relu": lambda x, a: np.where(x < 0, a * x, x),
    "less": _flag(np.less),
    "less_or_equal": _flag(np.less_equal),
    "log": np.log,
    "log_softmax": _log_softmax,
    "log_softmax_rows": _rows(_log_softmax),
    "max": lambda x, c: np.maximum(x, c),
    "min": lambda x, c: np.minimum(x, c),
    "mul": lambda x, c: x * c,
    "neg": np.negative,
    "pow": lambda x, c: x**c,
    "quantize": lambda x, scale, zero, low, high: np.clip(np.rint(x / scale + zero), low, high),
    "reciprocal": lambda x: 1.0 / x,
    "relu": lambda x: np.maximum(x, 0.0),
    "reshape": lambda x, *shape: x.reshape(x.shape[0], *(int(size) for size in shape)),
    "round": np.rint,
    "rsub": lambda x, c: c - x,
    "sigmoid": _sigmoid,
    "sign": np.sign,
    "softmax": _softmax,
    "softmax_rows": _rows(_softmax),
    "softplus": lambda x: np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "top_indices": lambda x, k, axis, largest: _ranked(x, k, axis, largest).astype(np.float64),
    "top_values": _top_values,
    "transpose": lambda x, *axes: x.transpose(0, *(int(axis) for axis in axes)),
}


def host_step(name: str, *arguments: float) -> str:
    """A step in writing; arguments keep all their digits."""
    assert name in HOST_FUNCTIONS
    if not arguments:
        return name
    return f"{name}({', '.join(f'{item:.17g}' for item in arguments)})"


def _parsed(step: str) -> tuple[Callable[..., Real], list[float]] | None:
    match = _STEP.fullmatch(step)
    if match is None or match[1] not in HOST_FUNCTIONS:
        return None
    try:
        arguments = [float(item) for item in (match[2] or "").split(",") if item.strip()]
    except ValueError:
        return None
    return HOST_FUNCTIONS[match[1]], arguments


def is_step(step: str) -> bool:
    """Whether a step is written in a known form."""
    return _parsed(step) is not None


def apply_step(step: str, real: Real) -> Real:
    """A step done to ``(batch, ...)`` real values."""
    parsed = _parsed(step)
    if parsed is None:
        raise ValueError(f"host step {step!r} is not known")
    function, arguments = parsed
    return np.asarray(function(real, *arguments))
