"""Batch norms and constant gains and offsets folded into the layers before them.

Training wants batch norms as they are. A model that is only calibrated is better
without: a convolution with a bias alone, on per-channel scales, gives whole
steps of its accumulator, which float32 computes exactly at eight bits, too.
"""

from __future__ import annotations

import operator

import torch
from torch import fx, nn

from hwcompress.compress.kinds import WEIGHTED, Traced

__all__ = ["fold_affine"]

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_SUMS = frozenset({operator.add, operator.iadd, torch.add})
_DIFFERENCES = frozenset({operator.sub, operator.isub, torch.sub})
_PRODUCTS = frozenset({operator.mul, operator.imul, torch.mul})
_QUOTIENTS = frozenset({operator.truediv, operator.itruediv, torch.div})

Affine = tuple[torch.Tensor, torch.Tensor]
"""Gain and offset of each channel, float64."""


def fold_affine(graph_module: fx.GraphModule) -> int:
    """Fold in place; returns how many batch norms and constants are gone.

    A node is folded if it is a batch norm or a sum, difference, product or
    quotient with a constant per channel, and the only reader of a layer that is
    used once. Results change by rounding in float32 only.
    """
    count = 0
    traced = Traced(graph_module)
    uses = [node.target for node in traced.nodes if node.op == "call_module"]
    for node in traced.nodes:
        operands = traced.operands(node)
        if len(operands) != 1 or len(operands[0].users) != 1:
            continue
        source = operands[0]
        layer = traced.part(source)
        if not isinstance(layer, WEIGHTED) or uses.count(source.target) != 1:
            continue
        affine = _affine(traced, node, source, layer)
        if affine is None:
            continue
        _apply(layer, *affine)
        node.replace_all_uses_with(source)
        graph_module.graph.erase_node(node)
        count += 1
    graph_module.graph.eliminate_dead_code()
    graph_module.delete_all_unused_submodules()
    graph_module.recompile()
    return count


def _channels(layer: nn.Module) -> int:
    size = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    return int(size)


def _affine(traced: Traced, node: fx.Node, source: fx.Node, layer: nn.Module) -> Affine | None:
    """What a node does to the channels of a layer's output; ``None`` if it is something else."""
    part = traced.part(node)
    if part is not None:
        flat = isinstance(layer, nn.Linear) and not isinstance(part, nn.BatchNorm1d)
        return None if flat or not isinstance(part, _NORMS) else _of_norm(part)
    if node.op != "call_function" or len(node.args) != 2 or node.kwargs:
        return None
    first, second = node.args
    mirrored = second is source
    other = _constant(traced, first if mirrored else second, layer)
    if other is None:
        return None
    one, none = torch.ones_like(other), torch.zeros_like(other)
    if node.target in _SUMS:
        return one, other
    if node.target in _PRODUCTS:
        return other, none
    if node.target in _DIFFERENCES:
        return (-one, other) if mirrored else (one, -other)
    if node.target in _QUOTIENTS and not mirrored:
        return 1.0 / other, none
    return None


def _of_norm(part: nn.Module) -> Affine | None:
    if part.running_mean is None or part.running_var is None:
        return None
    mean, variance = part.running_mean.double(), part.running_var.double()
    weight = torch.ones_like(mean) if part.weight is None else part.weight.detach().double()
    bias = torch.zeros_like(mean) if part.bias is None else part.bias.detach().double()
    gain = weight / torch.sqrt(variance + part.eps)
    return gain, bias - mean * gain


def _constant(traced: Traced, item: object, layer: nn.Module) -> torch.Tensor | None:
    """A constant operand as one number for each channel of a layer."""
    channels = _channels(layer)
    if isinstance(item, int | float):
        return torch.full((channels,), float(item), dtype=torch.float64)
    if not isinstance(item, fx.Node) or item.op != "get_attr":
        return None
    value: object = traced.graph_module
    for name in str(item.target).split("."):
        value = getattr(value, name)
    if not isinstance(value, torch.Tensor):
        return None
    # Behind the channels a linear layer has no axes, a convolution one or two.
    after = 0 if isinstance(layer, nn.Linear) else layer.weight.ndim - 2
    shape = (1,) * (after + 1 - value.ndim) + tuple(value.shape)
    before, rest = shape[: len(shape) - after], shape[len(shape) - after :]
    if any(size != 1 for size in (*before[:-1], *rest)) or before[-1] not in (1, channels):
        return None
    return value.detach().double().reshape(-1).expand(channels).clone()


def _apply(layer: nn.Module, gain: torch.Tensor, offset: torch.Tensor) -> None:
    """The layer, with its output times ``gain`` plus ``offset``."""
    transposed = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d)
    with torch.no_grad():
        weight = layer.weight.double()
        if transposed:  # (inputs, outputs / groups, ...)
            groups = layer.groups
            rows = gain.reshape(groups, 1, -1).expand(-1, weight.shape[0] // groups, -1)
            scaled = weight * rows.reshape(*weight.shape[:2], *(1,) * (weight.ndim - 2))
        else:
            scaled = weight * gain.reshape(-1, *(1,) * (weight.ndim - 1))
        old = torch.zeros_like(gain) if layer.bias is None else layer.bias.double()
        layer.weight.copy_(scaled.float())
        layer.bias = nn.Parameter((old * gain + offset).float())
