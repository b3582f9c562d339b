"""Weights that cannot overflow an accumulator of a chosen width: A2Q and A2Q+.

Sources: Colbert, Pappalardo, Petri-Koenig 2023, "A2Q: Accumulator-Aware
Quantization with Guaranteed Overflow Avoidance"; Colbert et al. 2024, "A2Q+".
The quantizers are Brevitas's, which normalize each output channel's weights to a
learned sum of magnitudes below the bound and round towards zero. Brevitas asks
the incoming quantized tensor for its type; here the quantizer knows it from the
place where it stands, so that pooling and reshaping in between do not matter.

The bound is on products of weights and inputs. A bias would come on top of it, so
layers with this scheme have none: a batch norm behind them has an offset, and a
last layer learns without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import fx, nn

from hwcompress.compress.kinds import WEIGHTED, Traced
from hwcompress.compress.layers import twin_of
from hwcompress.compress.schemes.levels import Quantized, quantized_twin
from hwcompress.compress.schemes.scheme import WithActivations, check_bits
from hwcompress.compress.schemes.settle import weight_levels
from hwcompress.errors import InputError, UnsupportedError

__all__ = [
    "AccumulatorAware",
    "AccumulatorWidth",
    "bind_inputs",
    "bound_layer",
    "sum_bounds",
]

MARK = "accumulator_options"


class AccumulatorAware(nn.Module):  # type: ignore[misc]
    """Brevitas's quantizer for inputs of a fixed type.

    Args:
        quantizer: Brevitas's ``DecoupledRescalingIntQuantWithInput``.
        input_bits: of an element of what the layer reads.
        input_signed: whether it is signed.
    """

    def __init__(self, quantizer: nn.Module, input_bits: int, input_signed: bool) -> None:
        super().__init__()
        self.quantizer = quantizer
        self.register_buffer("input_bits", torch.tensor(float(input_bits)), persistent=False)
        self.input_signed = input_signed

    def forward(self, x: torch.Tensor) -> Quantized:
        """Quantized weights, scale, zero point and bits."""
        value, scale, zero, bits, *_ = self.quantizer(x, self.input_bits, self.input_signed)
        return value, scale, zero, bits


def bound_layer(
    part: nn.Module, accumulator_bits: int, weight_bits: int, centred: bool, last: bool
) -> nn.Module:
    """A layer to be bound once its inputs are known; it is in float until then.

    Args:
        part: the float layer; its bias is left out.
        accumulator_bits: of the two's complement register that holds its sums.
        weight_bits: 3 to 8.
        centred: A2Q+, which centres the weights and may then sum up twice as much.
        last: one scale for all channels.
    """
    without = twin_of(part, {"weight_quant": None})
    without.bias = None
    setattr(without, MARK, (accumulator_bits, weight_bits, centred, last))
    return without


def bind_inputs(module: fx.GraphModule) -> None:
    """Give every layer of :func:`bound_layer` its quantizer, in place.

    Raises:
        UnsupportedError: what a layer reads has no quantizer of one type.
        InputError: the register is too narrow for any weight.
    """
    traced = Traced(module)
    for node in traced.nodes:
        part = traced.part(node)
        if not isinstance(part, WEIGHTED) or not hasattr(part, MARK):
            continue
        bits, signed = _input_type(traced, node)
        accumulator_bits, weight_bits, centred, last = getattr(part, MARK)
        largest = 2 ** (bits - 1) if signed else 2**bits - 1
        if 2 ** (accumulator_bits - 1) - 1 < largest:
            raise InputError(
                f"an accumulator of {accumulator_bits} bits for inputs of {bits} bits",
                where=str(node.target),
                why="no weight but zero would fit",
                remedy="give a wider accumulator, or fewer bits to what the layer reads",
            )
        most = (2.0**accumulator_bits - 2) / (2**bits - 1) if centred else 0.0
        _project(part, most or (2.0 ** (accumulator_bits - 1) - 1) / largest, weight_bits, centred)
        inner = _brevitas_quantizer(part, accumulator_bits, weight_bits, centred, last)
        layer = quantized_twin(part, AccumulatorAware(inner, bits, signed))
        parent, _, leaf = str(node.target).rpartition(".")
        setattr(module.get_submodule(parent), leaf, layer)


def _brevitas_quantizer(
    part: nn.Module, accumulator_bits: int, weight_bits: int, centred: bool, last: bool
) -> nn.Module:
    from brevitas.inject.enum import ScalingPerOutputType
    from brevitas.quant.scaled_int import (
        Int8AccumulatorAwareWeightQuant,
        Int8AccumulatorAwareZeroCenterWeightQuant,
    )

    options: dict[str, object] = {
        "weight_quant": Int8AccumulatorAwareZeroCenterWeightQuant
        if centred
        else Int8AccumulatorAwareWeightQuant,
        "weight_accumulator_bit_width": accumulator_bits,
        "weight_bit_width": weight_bits,
    }
    if last:
        options["weight_scaling_per_output_type"] = ScalingPerOutputType.TENSOR
    twin = twin_of(part, options)
    twin.weight_quant.init_tensor_quant()  # from the weights that were copied in
    found: nn.Module = twin.weight_quant.tensor_quant
    return found


def _project(part: nn.Module, most: float, weight_bits: int, centred: bool) -> None:
    """Start from the nearest weights whose sum of magnitudes fits, by output channel, in place.

    Scaling many small weights down would round all of them to zero; the Euclidean projection
    (A2Q+, section 3.2; Duchi et al. 2008) keeps the largest ones instead.

    Args:
        part: its weights are changed.
        most: sum of magnitudes of a channel, in steps.
        weight_bits: the largest weight is the largest level of so many bits.
        centred: weights are centred first.
    """
    axis = 1 if isinstance(part, nn.ConvTranspose1d | nn.ConvTranspose2d) else 0
    with torch.no_grad():
        moved = part.weight.double().movedim(axis, 0)
        rows = moved.reshape(moved.shape[0], -1)
        if centred:
            rows = rows - rows.mean(dim=1, keepdim=True)
        step = rows.abs().max().clamp_min(2.0**-40) / (2 ** (weight_bits - 1) - 1)
        size = rows.abs() / step
        ordered = size.sort(dim=1, descending=True).values
        number = torch.arange(1, size.shape[1] + 1, dtype=torch.float64)
        excess = (ordered.cumsum(dim=1) - most) / number
        kept = (ordered > excess).sum(dim=1, keepdim=True).clamp_min(1)
        cut = excess.gather(1, kept - 1).clamp_min(0.0)
        cut = torch.where(size.sum(dim=1, keepdim=True) > most, cut, torch.zeros_like(cut))
        projected = rows.sign() * (size - cut).clamp_min(0.0) * step
        part.weight.copy_(projected.reshape(moved.shape).movedim(0, axis).float())


def _input_type(traced: Traced, node: fx.Node) -> tuple[int, bool]:
    """Bits and signedness of what a layer reads, looking through what only moves values."""
    waiting, found = [traced.operands(node)[0]], set()
    while waiting:
        item = waiting.pop()
        proxy = getattr(traced.part(item), "act_quant", None)
        if proxy is not None:
            found.add((round(float(proxy.bit_width())), bool(proxy.is_signed)))
        elif traced.is_moving(item) or traced.is_concatenation(item):
            waiting.extend(traced.operands(item))
        else:
            found.add((0, False))
    if len(found) != 1 or (0, False) in found:
        raise UnsupportedError(
            "what this layer reads is not quantized to one type",
            where=str(node.target),
            why="the width of its sums follows from it",
            remedy="choose another scheme for this layer",
        )
    return found.pop()


def sum_bounds(layer: nn.Module, low: int, high: int) -> tuple[int, int]:
    """Least and greatest partial sum of a settled layer, over all inputs and in any order.

    Args:
        layer: a Brevitas layer.
        low: smallest input integer, 0 or negative.
        high: greatest one.
    """
    levels, _ = weight_levels(layer)
    axis = 1 if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d) else 0
    rows = levels.movedim(axis, 0).reshape(levels.shape[axis], -1)
    up, down = rows.clamp_min(0).sum(dim=1), rows.clamp_max(0).sum(dim=1)
    greatest = float((up * high + down * low).max())
    least = float((up * low + down * high).min())
    return round(least), round(greatest)


@dataclass(frozen=True)
class AccumulatorWidth(WithActivations):
    """A2Q: no sum of products can leave an accumulator of a chosen width.

    First and last layer: bound as all others (``edge_bits`` 0), else their sums are not.

    Attributes:
        accumulator_bits: of the two's complement register.
        weight_bits: 3 to 8.
        centred: A2Q+: weights are centred, which allows twice their sum.
    """

    edge_bits: int = 0
    act_bits: int = 4
    accumulator_bits: int = 12
    weight_bits: int = 6
    centred: bool = False
    name: ClassVar[str] = "a2q"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bits("weights", self.weight_bits, 3)
        check_bits("accumulators", self.accumulator_bits, 4, 32)

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return bound_layer(part, self.accumulator_bits, self.weight_bits, self.centred, last)

    def after(self, module: fx.GraphModule) -> None:
        bind_inputs(module)
