"""Equalization across a flattening: a convolution's channels that a linear layer reads.

Brevitas's search stops where channels become several features each; this goes on there.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import fx, nn

from hwcompress.compress.kinds import Traced

__all__ = ["Pair", "equalize_pair", "flattened_pairs"]

_NOTHING = 1e-9
_FREE = (nn.ReLU, nn.LeakyReLU)
_FREE_FUNCTIONS = (torch.relu, nn.functional.relu, nn.functional.leaky_relu)


class Pair(NamedTuple):
    """A convolution, and the linear layer that reads its channels one after another."""

    first: nn.Module
    second: nn.Module


def flattened_pairs(module: fx.GraphModule) -> list[Pair]:
    """Pairs with nothing between them that tells the channels apart: ReLU, max pooling, one
    flattening of everything but the batch."""
    traced = Traced(module)
    calls = [str(node.target) for node in traced.nodes if node.op == "call_module"]
    found = []
    for node in traced.nodes:
        second = traced.part(node)
        if not isinstance(second, nn.Linear) or calls.count(str(node.target)) != 1:
            continue
        source, flattened = traced.operands(node)[0], False
        while len(source.users) == 1 and not traced.is_weighted(source):
            if _flattens(traced, source):
                flattened = True
            elif not _keeps_channels(traced, source):
                break
            source = traced.operands(source)[0]
        first = traced.part(source)
        fits = isinstance(first, nn.Conv1d | nn.Conv2d) and len(source.users) == 1
        if flattened and fits and calls.count(str(source.target)) == 1:
            assert first is not None
            if second.in_features % first.out_channels == 0:
                found.append(Pair(first, second))
    return found


def _flattens(traced: Traced, node: fx.Node) -> bool:
    part = traced.part(node)
    if isinstance(part, nn.Flatten):
        return part.start_dim == 1 and part.end_dim == -1
    if node.op == "call_function" and node.target is torch.flatten:
        return list(node.args[1:]) == [1] or node.kwargs.get("start_dim") == 1
    return False


def _keeps_channels(traced: Traced, node: fx.Node) -> bool:
    part = traced.part(node)
    if part is not None:
        pooled = (nn.MaxPool1d, nn.MaxPool2d, nn.Identity, nn.Dropout, nn.Dropout2d, *_FREE)
        return isinstance(part, pooled) or traced.is_average(node)
    if node.op == "call_function":
        return node.target in _FREE_FUNCTIONS or traced.is_average(node)
    return node.op == "call_method" and node.target == "relu"


def equalize_pair(pair: Pair) -> float:
    """Give both layers one range in every channel, in place.

    Returns:
        How far the largest factor is from 1.
    """
    first, second = pair
    with torch.no_grad():
        rows = first.weight.reshape(first.out_channels, -1)
        columns = second.weight.reshape(second.out_features, first.out_channels, -1)
        one, two = rows.abs().amax(1).double(), columns.abs().amax((0, 2)).double()
        used = (one > _NOTHING) & (two > _NOTHING)
        factor = torch.where(used, torch.sqrt(two / one), 1.0)
        factor = torch.where(torch.isfinite(factor), factor, 1.0)
        shape = (-1, *(1,) * (first.weight.ndim - 1))
        first.weight.copy_(first.weight.double() * factor.reshape(shape))
        if first.bias is not None:
            first.bias.copy_(first.bias.double() * factor)
        second.weight.copy_((columns.double() / factor[:, None]).reshape(second.weight.shape))
    return float((factor - 1).abs().max())
