"""Brevitas layers: activation quantizers, and the twins of layers with weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from hwcompress.compress.kinds import WEIGHTED
from hwcompress.errors import UnsupportedError

__all__ = ["activation_quantizer", "quantized_layer", "twin_of"]


def activation_quantizer(positive: bool, bits: int, scale: float | None) -> nn.Module:
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


def quantized_layer(part: nn.Module, bits: int, per_channel: bool = False) -> nn.Module:
    """The Brevitas twin of a convolution or linear layer, with its parameters.

    Args:
        part: the float layer.
        bits: of a weight.
        per_channel: a scale for each output channel; binary weights have one for all.
    """
    from brevitas.quant import Int8WeightPerTensorFixedPoint, SignedBinaryWeightPerTensorConst
    from brevitas.quant.fixed_point import Int8WeightPerChannelFixedPoint

    if bits == 1:
        return twin_of(
            part, {"weight_quant": SignedBinaryWeightPerTensorConst, "weight_scaling_const": 1.0}
        )
    kind = Int8WeightPerChannelFixedPoint if per_channel else Int8WeightPerTensorFixedPoint
    return twin_of(part, {"weight_quant": kind, "weight_bit_width": bits})


def twin_of(part: nn.Module, weight_options: Mapping[str, object]) -> nn.Module:
    """The Brevitas twin of a convolution or linear layer, with its parameters.

    Args:
        part: the float layer.
        weight_options: Brevitas's arguments for the weight quantizer.
    """
    import brevitas.nn as qnn

    options: dict[str, object] = {"bias": part.bias is not None, **weight_options}
    if isinstance(part, nn.Linear):
        twin: nn.Module = qnn.QuantLinear(part.in_features, part.out_features, **options)
    else:
        assert isinstance(part, WEIGHTED)
        padding = _padding(part)
        if isinstance(part, nn.ConvTranspose1d | nn.ConvTranspose2d):
            options["output_padding"] = part.output_padding
        twin = getattr(qnn, f"Quant{_plain_name(part)}")(
            part.in_channels,
            part.out_channels,
            part.kernel_size,
            stride=part.stride,
            padding=padding,
            dilation=part.dilation,
            groups=part.groups,
            **options,
        )
    with torch.no_grad():
        twin.weight.copy_(part.weight)
        if part.bias is not None:
            twin.bias.copy_(part.bias)
    return twin


def _padding(part: nn.Module) -> tuple[int, ...]:
    """Zeros at each border; torch's words for them as numbers."""
    padding = part.padding
    if padding == "valid":
        padding = (0,) * len(part.kernel_size)
    elif padding == "same":
        totals = [d * (k - 1) for d, k in zip(part.dilation, part.kernel_size, strict=True)]
        if not any(total % 2 for total in totals):
            padding = tuple(total // 2 for total in totals)
    if part.padding_mode != "zeros" or isinstance(padding, str):
        raise UnsupportedError(
            f"a convolution with padding {padding!r}, mode {part.padding_mode!r}, of a kernel"
            f" {part.kernel_size}",
            remedy="pad with zeros, alike at both borders",
        )
    return tuple(padding)


def _plain_name(part: nn.Module) -> str:
    """Name of torch's class that a layer is of, or derives from."""
    return next(kind.__name__ for kind in WEIGHTED if isinstance(part, kind))
