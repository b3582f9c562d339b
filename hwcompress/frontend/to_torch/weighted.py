"""Convolutions, matrix products and batch norms as modules with parameters."""

from __future__ import annotations

import operator

import numpy as np
import torch
from torch import nn

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.elementwise import batch_norm
from hwcompress.frontend.geometry import read_transposed
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.to_torch.emitter import (
    Computed,
    Emitter,
    Inputs,
    Value,
    computed,
    constant,
    converts,
    given,
)
from hwcompress.frontend.to_torch.windows import padded, split_pads, window_of

__all__: list[str] = []

_CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d}
_TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
_NORMS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}


def _filled(part: nn.Module, weight: np.ndarray, bias: np.ndarray | None) -> nn.Module:
    with torch.no_grad():
        part.weight.copy_(torch.as_tensor(np.array(weight, np.float32)))
        if bias is not None:
            part.bias.copy_(torch.as_tensor(np.array(bias, np.float32)))
    return part


def _bias(inputs: Inputs, node: Node) -> np.ndarray | None:
    value = given(inputs, 2)
    return None if value is None else constant(value, node, "bias").reshape(-1)


@converts("Conv")
def _conv(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    weight, bias = constant(inputs[1], node, "weight"), _bias(inputs, node)
    rank = weight.ndim - 2
    if rank not in _CONVOLUTIONS:
        raise UnsupportedError(f"a convolution in {rank} dimensions", where=node.label)
    window = window_of(node, weight.shape[2:], x.shape[2:])
    even, begin, end = split_pads(window.pads)
    if not even:
        x = padded(emit, x, begin, end, 0.0, node)
    groups = node.integer("group", 1)
    part = _CONVOLUTIONS[rank](
        weight.shape[1] * groups,
        weight.shape[0],
        tuple(window.kernel),
        stride=window.stride,
        padding=begin if even else 0,
        dilation=window.dilation,
        groups=groups,
        bias=bias is not None,
    )
    return emit.module(_filled(part, weight, bias), node.name or "conv", x)


@converts("ConvTranspose")
def _conv_transpose(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    weight, bias = constant(inputs[1], node, "weight"), _bias(inputs, node)
    rank = weight.ndim - 2
    if rank not in _TRANSPOSED:
        raise UnsupportedError(f"a transposed convolution in {rank} dimensions", where=node.label)
    window = read_transposed(node, weight.shape[2:], x.shape[2:])
    top, left, bottom, right = window.padding
    begin, end, extra = ((top, left)[-rank:], (bottom, right)[-rank:], window.extra[-rank:])
    stride, dilation = window.stride[-rank:], window.dilation[-rank:]
    groups = node.integer("group", 1)
    # torch cuts both sides alike: what is cut less at the end is output padding, else slice.
    more = tuple(b - e + o for b, e, o in zip(begin, end, extra, strict=True))
    legal = all(0 <= item < max(s, d) for item, s, d in zip(more, stride, dilation, strict=True))
    part = _TRANSPOSED[rank](
        weight.shape[0],
        weight.shape[1] * groups,
        weight.shape[2:],
        stride=stride,
        padding=begin if legal else 0,
        output_padding=more if legal else extra,
        dilation=dilation,
        groups=groups,
        bias=bias is not None,
    )
    result = emit.module(_filled(part, weight, bias), node.name or "conv_transpose", x)
    if legal:
        return result
    cut = [slice(None), slice(None)]
    for axis in range(rank):
        cut.append(slice(begin[axis], result.shape[2 + axis] - end[axis]))
    return emit.call(operator.getitem, result, tuple(cut))


def _linear(
    emit: Emitter, x: Computed, weight: np.ndarray, bias: np.ndarray | None, name: str
) -> Computed:
    """``x @ weight + bias`` for a weight ``(inputs, outputs)``."""
    part = nn.Linear(weight.shape[0], weight.shape[1], bias=bias is not None)
    return emit.module(_filled(part, weight.T, bias), name, x)


@converts("Gemm")
def _gemm(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "first input")
    if node.integer("transA", 0):
        raise UnsupportedError("transA of a computed input", where=node.label)
    weight = constant(inputs[1], node, "second input").astype(np.float64)
    weight = node.number("alpha", 1.0) * (weight.T if node.integer("transB", 0) else weight)
    added = given(inputs, 2)
    if added is not None and not isinstance(added, np.ndarray):
        result = _linear(emit, x, weight, None, node.name or "gemm")
        return emit.call(operator.add, result, added)
    bias = None
    if added is not None:
        bias = np.broadcast_to(node.number("beta", 1.0) * added, (1, weight.shape[1])).reshape(-1)
    return _linear(emit, x, weight, bias, node.name or "gemm")


@converts("MatMul")
def _matmul(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    left, right = inputs[0], inputs[1]
    name = node.name or "matmul"
    if isinstance(left, Computed) and isinstance(right, np.ndarray) and right.ndim == 2:
        return _linear(emit, left, right, None, name)
    if isinstance(left, np.ndarray) and isinstance(right, Computed) and left.ndim == 2:
        if len(right.shape) < 3:
            raise UnsupportedError("a product over the batch", where=node.label)
        turned = emit.call(torch.transpose, right, -1, -2)
        return emit.call(torch.transpose, _linear(emit, turned, left.T, None, name), -1, -2)
    return emit.call(torch.matmul, left, right)


@converts("BatchNormalization")
def _batch_norm(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    named = [constant(item, node, "parameter") for item in inputs[1:5]]
    batch_norm(node, list(named))  # refuses parameters that make no sense
    if len(x.shape) not in _NORMS:
        raise UnsupportedError(f"a batch norm of a tensor {x.shape}", where=node.label)
    part = _NORMS[len(x.shape)](named[0].size, eps=node.number("epsilon", 1e-5))
    _filled(part, named[0], named[1])
    with torch.no_grad():
        part.running_mean.copy_(torch.as_tensor(np.array(named[2], np.float32)))
        part.running_var.copy_(torch.as_tensor(np.array(named[3], np.float32)))
    return emit.module(part, node.name or "batch_norm", x)
