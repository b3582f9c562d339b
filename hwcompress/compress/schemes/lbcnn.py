"""Local binary convolutions: fixed sparse anchors, and learned sums of their responses.

Source: Juefei-Xu, Boddeti, Savvides 2017, "Local Binary Convolutional Neural
Networks": a convolution becomes ``sum_i v_i * relu(anchor_i * x)`` with anchors of
{-1, 0, +1} that are drawn once and never trained, and v learned as a 1 x 1
convolution. The anchors come from a seed by the raw output of the PCG64
generator, which is the same on every machine and in every version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from hwcompress.compress.layers import quantized_layer
from hwcompress.compress.schemes.levels import Fixed, quantized_twin
from hwcompress.compress.schemes.scheme import WithActivations, check_bits, edge_layers
from hwcompress.errors import InputError

__all__ = [
    "LocalBinary",
    "anchor_layer",
    "anchors",
    "is_anchor",
    "learned_state",
    "load_learned_state",
    "with_local_binary_layers",
]

_SEED = "anchor_seed"
_DENSITY = "anchor_density"


def anchors(seed: int, shape: tuple[int, ...], density: float) -> np.ndarray:
    """Sparse random signs, int64.

    Each element takes one word of the generator: its upper 53 bits decide whether the
    element is zero, its lowest bit the sign.

    Args:
        seed: not negative.
        shape: of the anchors.
        density: share of elements that are not zero, in expectation; above 0, at most 1.

    Raises:
        InputError: the density is out of range.
    """
    _check_density(density)
    words = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    there = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53 < density
    sign = 2 * (words & np.uint64(1)).astype(np.int64) - 1
    return (there * sign).reshape(shape)


def _check_density(density: float) -> None:
    if not 0 < density <= 1:
        raise InputError(f"anchors of density {density:g}", remedy="give a number above 0, up to 1")


def with_local_binary_layers(
    module: nn.Module, *, share: float, density: float, seed: int
) -> nn.Module:
    """The module, its inner convolutions replaced in place by anchors, ReLU and a 1 x 1 layer.

    First and last layer stay, and so do convolutions of groups or of 1 x 1.

    Args:
        module: traceable.
        share: of the replaced weights that are learned; it fixes the number of anchors.
        density: of the anchors.
        seed: of the first layer's anchors; the following layers count on.
    """
    first, last = edge_layers(module)
    for name, part in list(module.named_modules()):
        wanted = type(part) is nn.Conv2d and part.groups == 1 and max(part.kernel_size) > 1
        if not wanted or name in first | last:
            continue
        count = max(1, round(share * part.weight[0].numel()))
        anchor = nn.Conv2d(
            part.in_channels,
            count,
            part.kernel_size,
            stride=part.stride,
            padding=part.padding,
            dilation=part.dilation,
            bias=False,
            padding_mode=part.padding_mode,
        )
        values = anchors(seed, tuple(anchor.weight.shape), density)
        with torch.no_grad():
            anchor.weight.copy_(torch.from_numpy(values))
        anchor.weight.requires_grad_(False)
        setattr(anchor, _SEED, seed)
        setattr(anchor, _DENSITY, density)
        learned = nn.Conv2d(count, part.out_channels, 1, bias=part.bias is not None)
        parent, _, leaf = name.rpartition(".")
        setattr(module.get_submodule(parent), leaf, nn.Sequential(anchor, nn.ReLU(), learned))
        seed += 1
    return module


def is_anchor(part: nn.Module) -> bool:
    """Whether a layer's weights are anchors."""
    return hasattr(part, _SEED)


def anchor_layer(part: nn.Module) -> nn.Module:
    """The Brevitas twin of a layer of anchors; its weights are not trained."""
    twin = quantized_twin(part, Fixed(2, torch.tensor(1.0)))
    twin.weight.requires_grad_(False)
    setattr(twin, _SEED, getattr(part, _SEED))
    setattr(twin, _DENSITY, getattr(part, _DENSITY))
    return twin


def learned_state(module: nn.Module) -> dict[str, torch.Tensor]:
    """What has to be stored of a module: everything but anchors, and their seeds instead.

    A layer of anchors ``name`` is stored as ``name.anchor_seed`` (int64) and
    ``name.anchor_density`` (float64).
    """
    layers = {name: part for name, part in module.named_modules() if is_anchor(part)}
    gone = {f"{name}.weight" for name in layers}
    state = {name: value for name, value in module.state_dict().items() if name not in gone}
    for name, part in layers.items():
        state[f"{name}.{_SEED}"] = torch.tensor(getattr(part, _SEED))
        density = getattr(part, _DENSITY)
        state[f"{name}.{_DENSITY}"] = torch.tensor(density, dtype=torch.float64)
    return state


def load_learned_state(module: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Load what :func:`learned_state` gave into a module of the same form, in place."""
    values = dict(state)
    for name, part in module.named_modules():
        if not is_anchor(part):
            continue
        seed = int(values.pop(f"{name}.{_SEED}"))
        density = float(values.pop(f"{name}.{_DENSITY}"))
        found = anchors(seed, tuple(part.weight.shape), density)
        setattr(part, _SEED, seed)
        setattr(part, _DENSITY, density)
        values[f"{name}.weight"] = torch.from_numpy(found).to(part.weight.dtype)
    module.load_state_dict(values)


@dataclass(frozen=True)
class LocalBinary(WithActivations):
    """LBCNN: inner convolutions become fixed sparse anchors and a learned 1 x 1 layer.

    First and last layer: kept, with weights of ``edge_bits`` bits.

    Attributes:
        weight_bits: of the learned weights, 2 to 8.
        share: of the replaced layers' weights that are learned.
        density: of the anchors.
        anchor_seed: what they are drawn from.
    """

    weight_bits: int = 8
    share: float = 0.3
    density: float = 0.5
    anchor_seed: int = 0
    name: ClassVar[str] = "lbcnn"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bits("weights", self.weight_bits, 2)
        _check_density(self.density)
        if not self.share > 0:
            raise InputError(f"a share of {self.share:g}", remedy="give a number above 0")
        if self.anchor_seed < 0:
            raise InputError(f"anchor_seed is {self.anchor_seed}", remedy="give 0 or more")

    def before(self, module: nn.Module) -> nn.Module:
        return with_local_binary_layers(
            module, share=self.share, density=self.density, seed=self.anchor_seed
        )

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return anchor_layer(part) if is_anchor(part) else quantized_layer(part, self.weight_bits)
