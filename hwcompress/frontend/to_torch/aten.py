"""Operators of PyTorch's exported programs (ATen) as modules and functions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.to_torch.emitter import Computed, Emitter, Value

__all__ = ["OPERATORS", "Arguments", "Operator", "Results", "aten", "first_tensor"]

Arguments = Mapping[str, Any]
"""Tensors as :class:`Computed` or arrays, everything else as plain values."""

Results = Value | list[Value]
Operator = Callable[[Arguments, Emitter, str], Results]

OPERATORS: dict[str, Operator] = {}
"""Name of an operator, without its overload -> what stands for it."""


def aten(*names: str) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


def first_tensor(a: Arguments) -> Computed:
    """The tensor that an operator is about, under either of its names."""
    value = a.get("self", a.get("input"))
    if not isinstance(value, Computed):
        raise UnsupportedError("an operator on stored tensors only")
    return value


def _stored(a: Arguments, name: str) -> np.ndarray | None:
    value = a.get(name)
    if value is None or isinstance(value, np.ndarray):
        return value
    raise UnsupportedError(f"its {name} is computed, not stored")


def _fill(part: nn.Module, **values: np.ndarray | None) -> nn.Module:
    with torch.no_grad():
        for name, value in values.items():
            if value is not None:
                getattr(part, name).copy_(torch.as_tensor(np.array(value, np.float32)))
    return part


def _some(value: object, rank: int, default: int) -> tuple[int, ...]:
    """A number for each axis; ATen may give one for all, or none."""
    if value is None or value == []:
        return (default,) * rank
    items = [value] * rank if isinstance(value, int) else list(value)  # type: ignore[call-overload]
    return tuple(items * rank if len(items) == 1 else items)


@aten("aten.conv1d", "aten.conv2d", "aten.convolution")
def _conv(a: Arguments, emit: Emitter, name: str) -> Results:
    if a.get("transposed"):
        return _conv_transpose(a, emit, name)
    weight, bias = _stored(a, "weight"), _stored(a, "bias")
    assert weight is not None
    rank, groups = weight.ndim - 2, a.get("groups", 1)
    if rank not in (1, 2):
        raise UnsupportedError(f"a convolution in {rank} dimensions")
    padding = a.get("padding")
    part = (nn.Conv1d if rank == 1 else nn.Conv2d)(
        weight.shape[1] * groups,
        weight.shape[0],
        weight.shape[2:],
        stride=_some(a.get("stride"), rank, 1),
        padding=padding if isinstance(padding, str) else _some(padding, rank, 0),
        dilation=_some(a.get("dilation"), rank, 1),
        groups=groups,
        bias=bias is not None,
    )
    return emit.module(_fill(part, weight=weight, bias=bias), name, first_tensor(a))


@aten("aten.conv_transpose1d", "aten.conv_transpose2d")
def _conv_transpose(a: Arguments, emit: Emitter, name: str) -> Results:
    weight, bias = _stored(a, "weight"), _stored(a, "bias")
    assert weight is not None
    rank, groups = weight.ndim - 2, a.get("groups", 1)
    if rank not in (1, 2):
        raise UnsupportedError(f"a transposed convolution in {rank} dimensions")
    part = (nn.ConvTranspose1d if rank == 1 else nn.ConvTranspose2d)(
        weight.shape[0],
        weight.shape[1] * groups,
        weight.shape[2:],
        stride=_some(a.get("stride"), rank, 1),
        padding=_some(a.get("padding"), rank, 0),
        output_padding=_some(a.get("output_padding"), rank, 0),
        dilation=_some(a.get("dilation"), rank, 1),
        groups=groups,
        bias=bias is not None,
    )
    return emit.module(_fill(part, weight=weight, bias=bias), name, first_tensor(a))


@aten("aten.linear")
def _linear(a: Arguments, emit: Emitter, name: str) -> Results:
    weight, bias = _stored(a, "weight"), _stored(a, "bias")
    assert weight is not None
    part = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    return emit.module(_fill(part, weight=weight, bias=bias), name, first_tensor(a))


@aten("aten.batch_norm")
def _batch_norm(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    mean, variance = _stored(a, "running_mean"), _stored(a, "running_var")
    if a.get("training") or mean is None or variance is None:
        raise UnsupportedError(
            "a batch norm in training mode, or without statistics",
            remedy="export the module in eval mode: module.eval()",
        )
    kinds = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}
    if len(x.shape) not in kinds:
        raise UnsupportedError(f"a batch norm of a tensor {x.shape}")
    part = kinds[len(x.shape)](mean.size, eps=a.get("eps", 1e-5))
    weight, bias = _stored(a, "weight"), _stored(a, "bias")
    _fill(part, running_mean=mean, running_var=variance, weight=weight, bias=bias)
    return emit.module(part, name, x)


_ACTIVATIONS: dict[str, Callable[[Arguments], nn.Module]] = {
    "elu": lambda a: nn.ELU(a.get("alpha", 1.0)),
    "gelu": lambda a: nn.GELU(a.get("approximate", "none")),
    "hardsigmoid": lambda _: nn.Hardsigmoid(),
    "hardswish": lambda _: nn.Hardswish(),
    "hardtanh": lambda a: nn.Hardtanh(a.get("min_val", -1.0), a.get("max_val", 1.0)),
    "leaky_relu": lambda a: nn.LeakyReLU(a.get("negative_slope", 0.01)),
    "mish": lambda _: nn.Mish(),
    "relu": lambda _: nn.ReLU(),
    "relu6": lambda _: nn.ReLU6(),
    "sigmoid": lambda _: nn.Sigmoid(),
    "silu": lambda _: nn.SiLU(),
    "softmax": lambda a: nn.Softmax(a["dim"]),
    "log_softmax": lambda a: nn.LogSoftmax(a["dim"]),
    "softplus": lambda a: nn.Softplus(a.get("beta", 1), a.get("threshold", 20)),
    "tanh": lambda _: nn.Tanh(),
}


def _activation(make: Callable[[Arguments], nn.Module]) -> Operator:
    return lambda a, emit, name: emit.module(make(a), name, first_tensor(a))


for _name, _make in _ACTIVATIONS.items():
    OPERATORS[f"aten.{_name}"] = OPERATORS[f"aten.{_name}_"] = _activation(_make)


@aten("aten.prelu")
def _prelu(a: Arguments, emit: Emitter, name: str) -> Results:
    weight = _stored(a, "weight")
    assert weight is not None
    return emit.module(
        _fill(nn.PReLU(weight.size), weight=weight.reshape(-1)), name, first_tensor(a)
    )


@aten("aten.max_pool1d", "aten.max_pool2d", "aten.avg_pool1d", "aten.avg_pool2d")
def _pool(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    rank = len(x.shape) - 2
    kernel = _some(a["kernel_size"], rank, 1)
    options: dict[str, Any] = {
        "stride": _some(a["stride"], rank, 1) if a.get("stride") else kernel,
        "padding": _some(a.get("padding"), rank, 0),
        "ceil_mode": bool(a.get("ceil_mode", False)),
    }
    if "dilation" in a or name.startswith("max"):
        kind = nn.MaxPool1d if rank == 1 else nn.MaxPool2d
        options["dilation"] = _some(a.get("dilation"), rank, 1)
        return emit.module(kind(kernel, **options), name, x)
    if a.get("divisor_override") is not None:
        raise UnsupportedError("an average with a divisor of its own")
    kind = nn.AvgPool1d if rank == 1 else nn.AvgPool2d
    counted = bool(a.get("count_include_pad", True))
    return emit.module(kind(kernel, count_include_pad=counted, **options), name, x)


@aten("aten.adaptive_avg_pool1d", "aten.adaptive_avg_pool2d")
def _adaptive(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    kind = nn.AdaptiveAvgPool1d if len(x.shape) == 3 else nn.AdaptiveAvgPool2d
    size = a["output_size"]
    single = all(item == 1 for item in size)  # the same as the module of a single number
    return emit.module(kind(1 if single else tuple(size)), name, x)


@aten("aten.upsample_nearest1d", "aten.upsample_nearest2d")
def _upsample(a: Arguments, emit: Emitter, name: str) -> Results:
    x = first_tensor(a)
    factors = a.get("scale_factors")
    if not factors:
        sizes = a["output_size"]
        if any(b % s for b, s in zip(sizes, x.shape[2:], strict=True)):
            raise UnsupportedError(f"an image {x.shape[2:]} enlarged to {tuple(sizes)}")
        factors = [b // s for b, s in zip(sizes, x.shape[2:], strict=True)]
    scale = tuple(float(item) for item in factors)
    return emit.module(nn.Upsample(scale_factor=scale, mode="nearest"), name, x)


@aten("aten.pixel_shuffle")
def _pixel_shuffle(a: Arguments, emit: Emitter, name: str) -> Results:
    return emit.module(nn.PixelShuffle(a["upscale_factor"]), name, first_tensor(a))


@aten("aten.pixel_unshuffle")
def _pixel_unshuffle(a: Arguments, emit: Emitter, name: str) -> Results:
    return emit.module(nn.PixelUnshuffle(a["downscale_factor"]), name, first_tensor(a))


_SAME = (
    "alias",
    "clone",
    "contiguous",
    "detach",
    "dropout",
    "dropout_",
    "feature_dropout",
    "to",
)


@aten(*(f"aten.{item}" for item in _SAME))
def _same(a: Arguments, emit: Emitter, name: str) -> Results:
    if a.get("train"):
        raise UnsupportedError("dropout in training mode")
    return first_tensor(a)


def _binary(function: Callable[..., Any]) -> Operator:
    def emitted(a: Arguments, emit: Emitter, name: str) -> Results:
        if a.get("alpha", 1) != 1 or a.get("rounding_mode") is not None:
            raise UnsupportedError("a sum with a factor, or a division that rounds")
        left = a.get("self", a.get("input"))
        right = a["other"] if "other" in a else a["exponent"]
        return emit.call(function, left, right)

    return emitted


for _name, _function in {
    "add": operator.add,
    "div": operator.truediv,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "mul": operator.mul,
    "pow": operator.pow,
    "sub": operator.sub,
}.items():
    OPERATORS[f"aten.{_name}"] = OPERATORS[f"aten.{_name}_"] = _binary(_function)


@aten("aten.rsub")
def _rsub(a: Arguments, emit: Emitter, name: str) -> Results:
    return emit.call(operator.sub, a["other"], first_tensor(a))


def _unary(function: Callable[[torch.Tensor], torch.Tensor]) -> Operator:
    return lambda a, emit, name: emit.call(function, first_tensor(a))


for _name, _plain in {
    "abs": torch.abs,
    "ceil": torch.ceil,
    "erf": torch.erf,
    "exp": torch.exp,
    "floor": torch.floor,
    "neg": torch.neg,
    "reciprocal": torch.reciprocal,
    "round": torch.round,
    "sign": torch.sign,
    "sqrt": torch.sqrt,
}.items():
    OPERATORS[f"aten.{_name}"] = _unary(_plain)


@aten("aten.clamp", "aten.clamp_min", "aten.clamp_max")
def _clamp(a: Arguments, emit: Emitter, name: str) -> Results:
    low, high = a.get("min"), a.get("max")
    if (low, high) == (0, 6):
        return emit.module(nn.ReLU6(), name, first_tensor(a))
    bounds = {key: item for key, item in (("min", low), ("max", high)) if item is not None}
    return emit.call(torch.clamp, first_tensor(a), **bounds)
