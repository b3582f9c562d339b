"""XNOR-Net: binary weights and activations, with and without the K map.

Source: Rastegari et al. 2016, "XNOR-Net", equations 7 to 11: a convolution of I
with W is estimated by ``(sign(I) * sign(W)) K a``, where a is the mean magnitude of
a filter and K, by position, the mean over channels of |I|, averaged over the
window. The blocks of the paper are batch norm, sign, convolution, pooling, in this
order; the module is taken as it is written.

a is free in hardware: it goes into the thresholds. K is not: it needs the real
activations that the signs were made of, a box filter and a multiplication at every
position. So the hardware form is the one without K, and :class:`MappedLayer` is for
measuring what K is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from hwcompress.compress.layers import activation_quantizer
from hwcompress.compress.schemes.binary import ScaledSignQuantizer, best_scale, clip_real_weights
from hwcompress.compress.schemes.levels import quantized_twin, reduce_output
from hwcompress.compress.schemes.relu import without_relus
from hwcompress.compress.schemes.scheme import Scheme
from hwcompress.compress.schemes.ste import sign_of
from hwcompress.errors import UnsupportedError

__all__ = [
    "MappedLayer",
    "Xnor",
    "mapped_layer",
    "xnor_layer",
]

NO_HARDWARE = (
    "the K map scales every position by the mean magnitude of the real activations around it:"
    " a box filter over numbers of full precision and a multiplication per output, which is"
    " what binary layers are there to avoid"
)


class MappedLayer(nn.Module):  # type: ignore[misc]
    """A convolution or linear layer of XNOR-Net with its K map, on real inputs.

    Args:
        part: nn.Conv2d or nn.Linear.
    """

    no_hardware = NO_HARDWARE
    remedy = "train without it (k_map = false); the scales by filter stay, they are free"

    def __init__(self, part: nn.Conv2d | nn.Linear) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(sign(x) * sign(w)) K a``, plus the bias."""
        part = self.part
        clip_real_weights(part.weight, self.training)
        weight = sign_of(part.weight) * best_scale(part.weight, reduce_output(part))
        bits = sign_of(x.clamp(-1.0, 1.0))
        if isinstance(part, nn.Linear):
            map_ = x.abs().mean(dim=-1, keepdim=True)
            result = functional.linear(bits, weight) * map_
            return result if part.bias is None else result + part.bias
        box = torch.full((1, 1, *part.kernel_size), 1.0 / weight[0, 0].numel())
        geometry = {"stride": part.stride, "padding": part.padding, "dilation": part.dilation}
        map_ = functional.conv2d(x.abs().mean(dim=1, keepdim=True), box, **geometry)
        result = functional.conv2d(bits, weight, groups=part.groups, **geometry) * map_
        return result if part.bias is None else result + part.bias.reshape(1, -1, 1, 1)


def xnor_layer(part: nn.Module, per_channel: bool) -> nn.Module:
    """The layer without K."""
    return quantized_twin(part, ScaledSignQuantizer(reduce_output(part) if per_channel else ()))


def mapped_layer(part: nn.Module) -> nn.Module:
    """The layer with K, for training and measuring.

    Raises:
        UnsupportedError: it is neither nn.Conv2d nor nn.Linear.
    """
    if not isinstance(part, nn.Conv2d | nn.Linear) or getattr(part, "padding_mode", "") not in (
        "",
        "zeros",
    ):
        raise UnsupportedError(
            f"a K map for {type(part).__name__}",
            remedy="use nn.Conv2d with zero padding or nn.Linear, or xnor without the map",
        )
    return MappedLayer(part)


@dataclass(frozen=True)
class Xnor(Scheme):
    """XNOR-Net: binary weights with a scale by filter, binary activations.

    First and last layer: kept in float in the paper, here ``edge_bits``.

    Attributes:
        k_map: with the K map, for training and measuring alone: hardware has no use for it.
    """

    k_map: bool = False
    name: ClassVar[str] = "xnor"

    @property
    def activation_bits(self) -> int:
        return 1

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return mapped_layer(part) if self.k_map else xnor_layer(part, not last)

    def activation(self, positive: bool, bits: int) -> nn.Module:
        # With K the layer reads real numbers and makes the signs itself.
        return nn.Identity() if self.k_map else activation_quantizer(positive, bits, None)

    def before(self, module: nn.Module) -> nn.Module:
        return without_relus(module)
