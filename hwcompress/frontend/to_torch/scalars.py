"""Functions of one number, and sums and products element by element."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from hwcompress.frontend.elementwise import clip_bounds
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.to_torch.emitter import (
    HANDLERS,
    Computed,
    Emitter,
    Inputs,
    Value,
    computed,
    constant,
    converts,
)

__all__: list[str] = []

_MODULES: dict[str, Callable[[Node], nn.Module]] = {
    "Celu": lambda node: nn.CELU(node.number("alpha", 1.0)),
    "Elu": lambda node: nn.ELU(node.number("alpha", 1.0)),
    "Gelu": lambda node: nn.GELU(node.text("approximate", "none")),
    "HardSwish": lambda _: nn.Hardswish(),
    "LeakyRelu": lambda node: nn.LeakyReLU(node.number("alpha", 0.01)),
    "Mish": lambda _: nn.Mish(),
    "Relu": lambda _: nn.ReLU(),
    "Sigmoid": lambda _: nn.Sigmoid(),
    "Softplus": lambda _: nn.Softplus(),
    "Softsign": lambda _: nn.Softsign(),
    "Tanh": lambda _: nn.Tanh(),
}

_FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "Abs": torch.abs,
    "Atan": torch.atan,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "Log": torch.log,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal,
    "Round": torch.round,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Sqrt": torch.sqrt,
}

_BINARY: dict[str, Callable[..., torch.Tensor]] = {
    "Add": operator.add,
    "And": torch.logical_and,
    "Div": operator.truediv,
    "Equal": torch.eq,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "Max": torch.maximum,
    "Min": torch.minimum,
    "Mul": operator.mul,
    "Or": torch.logical_or,
    "Pow": operator.pow,
    "Sub": operator.sub,
    "Xor": torch.logical_xor,
}
# A comparison with the constant on the left.
_TURNED = {torch.gt: torch.lt, torch.ge: torch.le, torch.lt: torch.gt, torch.le: torch.ge}
_ARITHMETIC = frozenset({"Add", "Div", "Mul", "Pow", "Sub"})


def _activation(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    return emit.module(_MODULES[node.op](node), node.name or node.op.lower(), x)


def _function(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    return emit.call(_FUNCTIONS[node.op], computed(inputs[0], node, "input"))


def _binary(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    function = _BINARY[node.op]
    result = inputs[0]
    for item in inputs[1:]:
        if isinstance(result, np.ndarray) and isinstance(item, np.ndarray):
            result = np.asarray(function(torch.as_tensor(result), torch.as_tensor(item)))
            continue
        if node.op in ("Max", "Min"):  # of a tensor and a number
            for value in (result, item):
                if isinstance(value, np.ndarray) and value.size == 1:
                    bound = float(value.reshape(()))
                    other = item if value is result else result
                    side = {"min": bound} if node.op == "Max" else {"max": bound}
                    result = emit.call(torch.clamp, other, **side)
                    break
            else:
                result = emit.call(function, _one_axis(result), _one_axis(item))
            continue
        if isinstance(result, np.ndarray) and node.op not in _ARITHMETIC:
            # torch's comparisons take a number as their second operand only.
            result = emit.call(_TURNED.get(function, function), item, result)
        else:
            result = emit.call(function, result, item)
    assert result is not None
    return result


def _one_axis(value: Value | None) -> Value | None:
    """torch.maximum takes tensors only, not numbers."""
    return value.reshape(1) if isinstance(value, np.ndarray) and value.ndim == 0 else value


HANDLERS.update(dict.fromkeys(_MODULES, _activation))
HANDLERS.update(dict.fromkeys(_FUNCTIONS, _function))
HANDLERS.update(dict.fromkeys(_BINARY, _binary))


@converts("Sum")
def _sum(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    result = inputs[0]
    for item in inputs[1:]:
        result = emit.call(operator.add, result, item)
    assert result is not None
    return result


@converts("Clip")
def _clip(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    bounds = [None if item is None else constant(item, node, "bound") for item in inputs[1:]]
    low, high = clip_bounds(node, bounds)
    if (low, high) == (0.0, 6.0):
        return emit.module(nn.ReLU6(), node.name or "relu6", x)
    largest = float(np.finfo(np.float32).max)
    has_low, has_high = low > -largest, high < largest
    if has_low and low == 0.0 and not has_high:
        return emit.module(nn.ReLU(), node.name or "relu", x)
    if has_low and has_high:
        return emit.module(nn.Hardtanh(low, high), node.name or "clip", x)
    if not has_low and not has_high:
        return x
    side = {"min": low} if has_low else {"max": high}
    return emit.call(torch.clamp, x, **side)


@converts("PRelu")
def _prelu(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    slope = constant(inputs[1], node, "slope").astype(np.float32)
    channels = x.shape[1]
    if slope.size not in (1, channels) or (
        slope.size > 1
        and (1,) * (len(x.shape) - slope.ndim) + slope.shape
        != (1, channels, *(1,) * (len(x.shape) - 2))
    ):
        # A slope of another shape: by its definition.
        positive = emit.call(torch.clamp, x, min=0.0)
        negative = emit.call(torch.clamp, x, max=0.0)
        return emit.call(operator.add, positive, emit.call(operator.mul, negative, slope))
    part = nn.PReLU(slope.size)
    with torch.no_grad():
        part.weight.copy_(torch.as_tensor(slope.reshape(-1)))
    return emit.module(part, node.name or "prelu", x)


@converts("HardSigmoid")
def _hard_sigmoid(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    alpha, beta = node.number("alpha", 0.2), node.number("beta", 0.5)
    if beta == 0.5 and abs(alpha - 1 / 6) < 1e-7:
        return emit.module(nn.Hardsigmoid(), node.name or "hard_sigmoid", x)
    line = emit.call(operator.add, emit.call(operator.mul, x, alpha), beta)
    return emit.module(nn.Hardtanh(0.0, 1.0), node.name or "hard_sigmoid", line)


@converts("Softmax", "LogSoftmax")
def _softmax(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    rank = len(x.shape)
    kind = nn.Softmax if node.op == "Softmax" else nn.LogSoftmax
    axis = node.integer("axis", 1 if node.opset < 13 else -1) % rank
    name = node.name or "softmax"
    if node.opset < 13 and axis < rank - 1 and any(size > 1 for size in x.shape[axis + 1 :]):
        # Before opset 13 everything from the axis on is one vector.
        flat = emit.call(torch.flatten, x, axis)
        return emit.call(torch.reshape, emit.module(kind(axis), name, flat), (-1, *x.shape[1:]))
    return emit.module(kind(axis), name, x)


@converts("Cast")
def _cast(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    import onnx

    to = onnx.helper.tensor_dtype_to_np_dtype(node.integer("to", onnx.TensorProto.FLOAT)).kind
    x = computed(inputs[0], node, "input")
    if x.example.dtype == torch.bool:
        return x if to == "b" else emit.call(torch.Tensor.float, x)
    if to == "b":
        return emit.call(torch.ne, x, 0.0)
    return x if to == "f" or not x.example.is_floating_point() else emit.call(torch.trunc, x)


@converts("Where")
def _where(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    condition, first, second = (item for item in inputs if item is not None)
    if not isinstance(condition, Computed):
        condition = np.asarray(condition, bool)
        if condition.ndim == 0:
            condition = condition.reshape(1)
    return emit.call(torch.where, condition, _tensor(first), _tensor(second))


def _tensor(value: Value) -> Value:
    """One number as a float, so that torch gives floats."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.astype(np.float32).reshape(1)
    return value


@converts("Selu", "Shrink", "Swish", "ThresholdedRelu")
def _by_definition(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    """Activations whose parameters torch's modules do not have."""
    x = computed(inputs[0], node, "input")
    match node.op:
        case "Selu":
            alpha = node.number("alpha", 1.67326319217681884765625)
            curve = emit.module(nn.ELU(alpha), node.name or "selu", x)
            return emit.call(operator.mul, curve, node.number("gamma", 1.05070102214813232421875))
        case "Swish":
            gain = node.number("alpha", 1.0)
            inner = x if gain == 1.0 else emit.call(operator.mul, x, gain)
            gate = emit.module(nn.Sigmoid(), node.name or "swish", inner)
            return emit.call(operator.mul, x, gate)
        case "ThresholdedRelu":
            above = emit.call(torch.gt, x, node.number("alpha", 1.0))
            return emit.call(torch.where, above, x, np.zeros(1))
    limit, bias = node.number("lambd", 0.5), node.number("bias", 0.0)
    high = emit.call(torch.where, emit.call(torch.gt, x, limit), _less(emit, x, bias), np.zeros(1))
    below = emit.call(torch.lt, x, -limit)
    return emit.call(torch.where, below, _less(emit, x, -bias), high)


def _less(emit: Emitter, x: Computed, number: float) -> Computed:
    return x if number == 0.0 else emit.call(operator.sub, x, number)


@converts("Identity", "Dropout")
def _identity(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    return computed(inputs[0], node, "input")
