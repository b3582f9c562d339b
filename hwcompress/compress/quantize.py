"""A float module with Brevitas quantizers put in, all scales powers of two.

Every convolution and linear layer gets quantized weights. Before each of
them, and before average pooling, the activation is quantized as early as
possible: right behind the operator that computes it, so that pooling and
reshaping work on few bits. Everything between is left as it is; the frontend
evaluates it (docs/architecture.md).
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import fx, nn

from hwcompress.errors import InputError, UnsupportedError

__all__ = ["input_scale_for", "quantize_module"]

_LINEAR = (nn.Conv2d, nn.Linear)
# What else has weights: convolutions of other dimensions, recurrence, attention, tables.
_OTHER_LAYERS = (
    nn.modules.conv._ConvNd,
    nn.Bilinear,
    nn.Embedding,
    nn.RNNBase,
    nn.MultiheadAttention,
)
_WEIGHT_FUNCTIONS = (
    nn.functional.linear,
    nn.functional.bilinear,
    nn.functional.embedding,
    torch.conv1d,
    torch.conv2d,
    torch.conv3d,
    torch.conv_transpose2d,
    nn.functional.conv1d,
    nn.functional.conv2d,
)
_AVERAGE = (nn.AvgPool2d, nn.AdaptiveAvgPool2d)
# Operators that only move or select values: a quantizer may stand before them.
_MOVING = (nn.MaxPool2d, nn.Flatten, nn.Dropout, nn.Dropout2d, nn.Identity)
_MOVING_FUNCTIONS = (
    torch.flatten,
    torch.reshape,
    nn.functional.max_pool2d,
    torch.max_pool2d,
    nn.functional.dropout,
)
_MOVING_METHODS = ("flatten", "reshape", "view", "contiguous", "squeeze", "unsqueeze")
_POSITIVE = (nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Hardsigmoid)
_POSITIVE_FUNCTIONS = (
    torch.relu,
    torch.sigmoid,
    nn.functional.relu,
    nn.functional.relu6,
    nn.functional.sigmoid,
)
_POSITIVE_METHODS = ("relu", "sigmoid")


def quantize_module(
    module: nn.Module, *, weight_bits: int, act_bits: int, input_scale: float, signed_input: bool
) -> nn.Module:
    """A copy of a float module with quantized weights and activations.

    Args:
        module: traceable by ``torch.fx``; it is not changed.
        weight_bits: 1 to 8; one bit means the binary weights {-1, +1}.
        act_bits: 1 to 8; one bit means {-1, +1}, and {0, 1} after a ReLU.
        input_scale: fixed scale of the model's input, a power of two
            (:func:`input_scale_for`).
        signed_input: whether the model's input takes negative values.

    Returns:
        A module whose activation scales are yet to be set by training or
        calibration. The model's output is not quantized.

    Raises:
        InputError: a bit width is not from 1 to 8.
        UnsupportedError: the module cannot be traced, or a part of it not quantized.
    """
    for name, bits in (("weight", weight_bits), ("activation", act_bits)):
        if not 1 <= bits <= 8:
            raise InputError(f"{name}s of {bits} bits", remedy="give 1 to 8 bits")
    if isinstance(module, _LINEAR):
        module = nn.Sequential(module)  # a layer of its own, not its inside, is to be traced
    try:
        graph_module = fx.symbolic_trace(copy.deepcopy(module))
    except Exception as error:  # torch.fx raises many types
        raise UnsupportedError(
            f"the module cannot be traced: {type(error).__name__}: {error}",
            remedy="write its forward without control flow on values, or build it with Brevitas",
        ) from error
    modules = dict(graph_module.named_modules())
    _refuse(graph_module, modules)
    done: dict[fx.Node, fx.Node] = {}
    for node in list(graph_module.graph.nodes):
        part = modules.get(str(node.target)) if node.op == "call_module" else None
        average = isinstance(part, _AVERAGE) or _is_average(node)
        if not isinstance(part, _LINEAR) and not average:
            continue
        source = _origin(node.all_input_nodes[0], modules)
        if source not in done:
            positive = _is_positive(source, modules, signed_input)
            scale = input_scale if source.op == "placeholder" else None
            layer = _activation(positive, act_bits, scale)
            done[source] = _insert(graph_module, source, layer, f"act_quant_{len(done)}")
    for name, part in modules.items():
        if isinstance(part, _LINEAR):
            _replace(graph_module, name, _weights(part, weight_bits))
    graph_module.graph.lint()
    graph_module.recompile()
    return graph_module


def _refuse(graph_module: fx.GraphModule, modules: dict[str, nn.Module]) -> None:
    """Raise for every part whose weights would stay in float, or whose statistics change."""
    problems = []
    for node in graph_module.graph.nodes:
        if node.op == "call_function" and node.target in _WEIGHT_FUNCTIONS:
            problems.append(f"{node.name}: a call of {node.target.__name__} with weights")
    for name, part in modules.items():
        if isinstance(part, _OTHER_LAYERS) and not isinstance(part, _LINEAR):
            problems.append(f"{name}: a {type(part).__name__}")
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is None:
            problems.append(f"{name}: a batch norm without running statistics")
    if problems:
        raise UnsupportedError(
            f"{len(problems)} part(s) of the module cannot be quantized",
            problems,
            remedy="use nn.Conv2d and nn.Linear modules, and batch norms that track their"
            " statistics",
        )


def _is_average(node: fx.Node) -> bool:
    functions = (nn.functional.avg_pool2d, nn.functional.adaptive_avg_pool2d, torch.mean)
    return (node.op == "call_function" and node.target in functions) or (
        node.op == "call_method" and node.target == "mean"
    )


def _origin(node: fx.Node, modules: dict[str, nn.Module]) -> fx.Node:
    """Walk back over operators that only move values."""
    while True:
        part = modules.get(str(node.target)) if node.op == "call_module" else None
        moves = (
            isinstance(part, _MOVING)
            or (node.op == "call_function" and node.target in _MOVING_FUNCTIONS)
            or (node.op == "call_method" and node.target in _MOVING_METHODS)
        )
        if not moves:
            return node
        node = node.all_input_nodes[0]


def _is_positive(node: fx.Node, modules: dict[str, nn.Module], signed_input: bool) -> bool:
    """Whether a node's values are never negative."""
    if node.op == "placeholder":
        return not signed_input
    if node.op == "call_module":
        return isinstance(modules.get(str(node.target)), _POSITIVE)
    if node.op == "call_function":
        return node.target in _POSITIVE_FUNCTIONS
    return node.op == "call_method" and node.target in _POSITIVE_METHODS


def _activation(positive: bool, bits: int, scale: float | None) -> nn.Module:
    """An activation quantizer; its scale is learned unless it is given."""
    import brevitas.nn as qnn
    from brevitas.core.scaling import ScalingImplType
    from brevitas.quant import (
        Int8ActPerTensorFixedPoint,
        SignedBinaryActPerTensorConst,
        Uint8ActPerTensorFixedPoint,
    )

    if bits == 1 and not positive:
        return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_const=1.0)
    kind = Uint8ActPerTensorFixedPoint if positive else Int8ActPerTensorFixedPoint
    if scale is None:
        return qnn.QuantIdentity(act_quant=kind, bit_width=bits)
    # Brevitas wants the threshold, 2**bits (one bit less if signed) steps.
    threshold = scale * 2.0 ** (bits if positive else bits - 1)
    return qnn.QuantIdentity(
        act_quant=kind,
        bit_width=bits,
        scaling_impl_type=ScalingImplType.CONST,
        scaling_init=threshold,
    )


def input_scale_for(samples: np.ndarray, bits: int, signed: bool) -> float:
    """The power of two that quantizes samples with the least squared error."""
    reach = float(np.abs(samples).max()) or 1.0
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    top = math.ceil(math.log2(reach))
    best, best_error = 1.0, math.inf
    for exponent in range(top - bits - 2, top + 1):
        scale = 2.0**exponent
        error = float(
            np.mean((np.clip(np.rint(samples / scale), low, high) * scale - samples) ** 2)
        )
        if error < best_error:
            best, best_error = scale, error
    return best


def _insert(graph_module: fx.GraphModule, source: fx.Node, layer: nn.Module, name: str) -> fx.Node:
    """Put a layer behind a node; every reader then reads the layer."""
    graph_module.add_submodule(name, layer)
    readers = list(source.users)
    with graph_module.graph.inserting_after(source):
        inserted = graph_module.graph.call_module(name, (source,))
    for reader in readers:
        reader.replace_input_with(source, inserted)
    return inserted


def _weights(part: nn.Module, bits: int) -> nn.Module:
    """The Brevitas twin of a convolution or linear layer, with its parameters."""
    import brevitas.nn as qnn
    from brevitas.quant import Int8WeightPerTensorFixedPoint, SignedBinaryWeightPerTensorConst

    options: dict[str, object] = {"bias": part.bias is not None}
    if bits == 1:
        options |= {"weight_quant": SignedBinaryWeightPerTensorConst, "weight_scaling_const": 1.0}
    else:
        options |= {
            "weight_quant": Int8WeightPerTensorFixedPoint,
            "weight_bit_width": bits,
        }
    if isinstance(part, nn.Conv2d):
        if part.padding_mode != "zeros" or isinstance(part.padding, str):
            raise UnsupportedError(
                f"a convolution with padding {part.padding!r}, mode {part.padding_mode!r}",
                remedy="give the padding as numbers, filled with zeros",
            )
        twin: nn.Module = qnn.QuantConv2d(
            part.in_channels,
            part.out_channels,
            part.kernel_size,
            stride=part.stride,
            padding=part.padding,
            dilation=part.dilation,
            groups=part.groups,
            **options,
        )
    else:
        assert isinstance(part, nn.Linear)
        twin = qnn.QuantLinear(part.in_features, part.out_features, **options)
    with torch.no_grad():
        twin.weight.copy_(part.weight)
        if part.bias is not None:
            twin.bias.copy_(part.bias)
    return twin


def _replace(root: nn.Module, name: str, part: nn.Module) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(root.get_submodule(parent), leaf, part)
