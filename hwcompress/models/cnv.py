"""CNV, the convolutional network of BNN-PYNQ, FINN and Brevitas, at one and two bits.

Six 3x3 convolutions without padding (64, 64, pool, 128, 128, pool, 256, 256)
and three dense layers (512, 512, classes), each but the last followed by batch
norm and a quantizer. One bit is {-1, +1}; two bits, narrow as published, are
{-1, 0, +1}. Source: Umuroglu et al., FINN (FPGA 2017), section 5, and the
Brevitas example `bnn_pynq`, whose input convention is kept: images in 0..1
become ``2 x - 1`` with 8 bits, 7 of them behind the point.

The weights are random, and so are the batch norms, around the spread that
random weights give, so that every threshold lies where a trained one might.
Train with ``hwcompress build FILE:cnv_w1a1 --epochs N``, or load a state.
"""

from __future__ import annotations

from math import sqrt

import torch
from brevitas.core.bit_width import BitWidthImplType
from brevitas.core.quant import QuantType
from brevitas.core.restrict_val import FloatToIntImplType, RestrictValueType
from brevitas.core.scaling import ScalingImplType
from brevitas.core.zero_point import ZeroZeroPoint
from brevitas.inject import ExtendedInjector, value
from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear
from brevitas.quant.solver import ActQuantSolver, WeightQuantSolver
from torch import nn

__all__ = ["CNV_SHAPE", "cnv", "cnv_w1a1", "cnv_w1a2", "cnv_w2a2"]

CNV_SHAPE = (3, 32, 32)
"""Shape of a sample, channels first."""

_CONVOLUTIONS = ((64, False), (64, True), (128, False), (128, True), (256, False), (256, False))
_DENSE = (512, 512)
_INPUT_BITS = 8


class _Quantizer(ExtendedInjector):  # type: ignore[misc]
    """Constant scale, symmetric; one bit has two levels, more are narrow."""

    bit_width_impl_type = BitWidthImplType.CONST
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    zero_point_impl = ZeroZeroPoint
    float_to_int_impl_type = FloatToIntImplType.ROUND
    scaling_per_output_channel = False
    narrow_range = True
    signed = True

    @value  # type: ignore[untyped-decorator]
    def quant_type(bit_width: int) -> QuantType:  # noqa: N805 - an injector, not a method
        return QuantType.BINARY if bit_width == 1 else QuantType.INT


class _Weights(_Quantizer, WeightQuantSolver):  # type: ignore[misc]
    scaling_const = 1.0


class _Activations(_Quantizer, ActQuantSolver):  # type: ignore[misc]
    min_val = -1.0
    max_val = 1.0


class _Pixels(_Activations):
    """Eight bits from -1 to 1 - 2**-7."""

    max_val = 1.0 - 2.0 ** (1 - _INPUT_BITS)
    narrow_range = False
    restrict_scaling_type = RestrictValueType.POWER_OF_TWO


class _Centred(nn.Module):  # type: ignore[misc]
    """Images in 0..1 as -1..1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``2 x - 1``."""
        return 2.0 * x - 1.0


class _TensorNorm(nn.Module):  # type: ignore[misc]
    """One batch norm for the whole vector: it keeps the order of the classes."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1, eps=1e-4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalized logits ``(n, classes)``."""
        norm = self.norm
        if self.training:
            return norm(x.reshape(-1, 1)).reshape(x.shape)
        # The same, without reshapes in the exported graph.
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        return (x - norm.running_mean) * gain + norm.bias


def cnv(weight_bits: int, act_bits: int, *, classes: int = 10, seed: int = 0) -> nn.Module:
    """The network with random weights and batch norms.

    Args:
        weight_bits: 1 or 2.
        act_bits: 1 or 2, of every activation but the 8-bit input.
        classes: width of the output.
        seed: of the weights and batch norms; the global generator is not touched.

    Returns:
        A module from ``(n, 3, 32, 32)`` in 0..1 to ``(n, classes)``, in eval mode.
    """
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = [_Centred(), QuantIdentity(_Pixels, bit_width=_INPUT_BITS)]
    power = 1 / 3  # mean square of what comes in
    channels = CNV_SHAPE[0]
    for width, pooled in _CONVOLUTIONS:
        convolution = QuantConv2d(
            channels, width, 3, bias=False, weight_quant=_Weights, weight_bit_width=weight_bits
        )
        norm = nn.BatchNorm2d(width, eps=1e-4)
        _randomize(convolution, norm, 9 * channels * power, weight_bits, generator)
        layers += [convolution, norm, QuantIdentity(_Activations, bit_width=act_bits)]
        layers += [nn.MaxPool2d(2)] if pooled else []
        channels, power = width, 1.0
    layers.append(nn.Flatten())
    for width in _DENSE:
        dense = QuantLinear(
            channels, width, bias=False, weight_quant=_Weights, weight_bit_width=weight_bits
        )
        norm = nn.BatchNorm1d(width, eps=1e-4)
        _randomize(dense, norm, float(channels), weight_bits, generator)
        layers += [dense, norm, QuantIdentity(_Activations, bit_width=act_bits)]
        channels = width
    last = QuantLinear(
        channels, classes, bias=False, weight_quant=_Weights, weight_bit_width=weight_bits
    )
    head = _TensorNorm()
    _randomize(last, head.norm, float(channels), weight_bits, generator)
    return nn.Sequential(*layers, last, head).eval()


def _randomize(
    layer: nn.Module,
    norm: nn.BatchNorm1d | nn.BatchNorm2d,
    power: float,
    weight_bits: int,
    generator: torch.Generator,
) -> None:
    """Uniform weights; statistics around those of sums of ``power``, gains of either sign."""
    shape = (norm.num_features,)

    def normal() -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    spread = sqrt(power if weight_bits == 1 else power / 2)  # half of the ternary weights are 0
    with torch.no_grad():
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        weight.copy_(2 * torch.rand(weight.shape, generator=generator) - 1)
        norm.running_mean.copy_(0.5 * spread * normal())
        norm.running_var.copy_((spread * torch.exp(0.2 * normal())) ** 2)
        flip = torch.rand(shape, generator=generator) < 0.1
        gain = torch.exp(0.2 * normal())
        # A single gain orders the classes and stays positive.
        norm.weight.copy_(torch.where(flip, -gain, gain) if shape[0] > 1 else gain)
        norm.bias.copy_(0.3 * normal())


def cnv_w1a1() -> nn.Module:
    """Bipolar weights and activations."""
    return cnv(1, 1)


def cnv_w1a2() -> nn.Module:
    """Bipolar weights, activations of two bits."""
    return cnv(1, 2)


def cnv_w2a2() -> nn.Module:
    """Weights and activations of two bits."""
    return cnv(2, 2)
