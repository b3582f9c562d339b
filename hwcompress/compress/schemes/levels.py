"""Quantizers of weights and activations that a Brevitas layer takes.

Brevitas calls a quantizer with a tensor and wants its quantized values, their
scale, zero point and bits. A :class:`LevelQuantizer` gives whole numbers times
a scale; which ones, and what passes back through the rounding, is the scheme's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeAlias

import torch
from torch import nn

from hwcompress.compress.layers import twin_of

__all__ = [
    "Fixed",
    "LevelQuantizer",
    "Quantized",
    "per_output",
    "quantized_activation",
    "quantized_twin",
    "reduce_output",
    "replace_weight_quantizer",
]

Quantized: TypeAlias = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Values, scale, zero point, bits: what Brevitas wants of a quantizer."""


class LevelQuantizer(nn.Module, ABC):  # type: ignore[misc]
    """Whole numbers times a scale.

    Args:
        bits: of a number, two's complement and narrow if signed; 1: {-1, +1}.
        signed: whether there are negative ones.
    """

    def __init__(self, bits: int, signed: bool = True) -> None:
        super().__init__()
        self.register_buffer("bits", torch.tensor(float(bits)), persistent=False)
        self.register_buffer("zero", torch.tensor(0.0), persistent=False)
        self.signed = signed

    @abstractmethod
    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized values, whose gradient reaches ``x``, and their scale (one or by channel)."""

    def forward(self, x: torch.Tensor) -> Quantized:
        """As Brevitas wants it."""
        value, scale = self.quantize(x)
        return value, scale, self.zero, self.bits


class Fixed(LevelQuantizer):
    """Weights that are whole numbers times the scale already, and stay so."""

    def __init__(self, bits: int, scale: torch.Tensor) -> None:
        super().__init__(bits)
        self.register_buffer("scale", scale)

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The weights as they are."""
        return x, self.scale


def quantized_twin(part: nn.Module, quantizer: nn.Module) -> nn.Module:
    """A layer with weights as its Brevitas twin, with a quantizer of its weights.

    Args:
        part: of :data:`hwcompress.compress.kinds.WEIGHTED`; a Brevitas layer stays its kind.
        quantizer: of the weights, in the layer's own layout.
    """
    from brevitas.inject import ExtendedInjector
    from brevitas.inject.enum import FloatToIntImplType
    from brevitas.proxy import WeightQuantProxyFromInjector

    class Weights(ExtendedInjector):  # type: ignore[misc]
        proxy_class = WeightQuantProxyFromInjector
        tensor_quant = quantizer
        signed = True
        narrow_range = True
        float_to_int_impl_type = FloatToIntImplType.ROUND

    return twin_of(part, {"weight_quant": Weights})


def replace_weight_quantizer(layer: nn.Module, quantizer: nn.Module, weight: torch.Tensor) -> None:
    """Another quantizer for a Brevitas layer, in place, and what its weights are from now on."""
    proxy = quantized_twin(layer, quantizer).weight_quant
    proxy.tracked_module_list.clear()
    proxy.add_tracked_module(layer)
    layer.weight_quant = proxy
    with torch.no_grad():
        layer.weight.copy_(weight)


def quantized_activation(quantizer: LevelQuantizer) -> nn.Module:
    """A Brevitas activation with a quantizer of ours."""
    import brevitas.nn as qnn
    from brevitas.inject import ExtendedInjector
    from brevitas.inject.enum import FloatToIntImplType
    from brevitas.proxy import ActQuantProxyFromInjector

    class Activations(ExtendedInjector):  # type: ignore[misc]
        proxy_class = ActQuantProxyFromInjector
        tensor_quant = quantizer
        signed = quantizer.signed
        narrow_range = False
        float_to_int_impl_type = FloatToIntImplType.ROUND

    return qnn.QuantIdentity(act_quant=Activations)


def _output_axis(part: nn.Module) -> int:
    """Axis of the weights that counts output channels; a transposed convolution's is second."""
    return 1 if isinstance(part, nn.ConvTranspose1d | nn.ConvTranspose2d) else 0


def reduce_output(part: nn.Module) -> tuple[int, ...]:
    """Axes of a layer's weights to reduce for one number per output channel.

    The output channels of a grouped transposed convolution share their rows, group by group.
    """
    axis = _output_axis(part)
    return tuple(index for index in range(part.weight.ndim) if index != axis)


def per_output(part: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """A number per output channel, shaped to broadcast against the layer's weights."""
    shape = [1] * part.weight.ndim
    shape[_output_axis(part)] = -1
    return values.reshape(shape)
