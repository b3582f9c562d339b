"""The schemes by name: what each does with layers and activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from hwcompress.compress.layers import activation_quantizer
from hwcompress.compress.schemes.binary import binary_layer, scaled_binary_layer
from hwcompress.compress.schemes.dorefa import dorefa_activation, dorefa_layer
from hwcompress.compress.schemes.lsq import step_activation, step_layer
from hwcompress.compress.schemes.relu import without_relus
from hwcompress.compress.schemes.scheme import Scheme
from hwcompress.compress.schemes.ternary import ternary_layer
from hwcompress.errors import InputError

__all__ = [
    "BinaryNetwork",
    "BinaryWeights",
    "Dorefa",
    "FixedPoint",
    "LearnedStep",
    "Ternary",
]


def check_bits(what: str, bits: int, low: int, high: int = 8) -> None:
    """Raise if a number of bits is out of range."""
    if not low <= bits <= high:
        raise InputError(f"{what} of {bits} bits", remedy=f"give {low} to {high} bits")


@dataclass(frozen=True)
class _WithActivations(Scheme):
    """Activations as in the toolkit's own recipes: a learned power of two.

    Attributes:
        act_bits: of an activation.
    """

    act_bits: int = 8

    @property
    def activation_bits(self) -> int:
        return self.act_bits

    def activation(self, positive: bool, bits: int) -> nn.Module:
        return activation_quantizer(positive, bits, None)


@dataclass(frozen=True)
class Ternary(_WithActivations):
    """TWN: weights {-a, 0, a}, a and the threshold by output channel.

    First and last layer: ``edge_bits`` (0: ternary, the last one with one scale).
    """

    name: ClassVar[str] = "ternary"

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return ternary_layer(part, per_channel=not last)


@dataclass(frozen=True)
class BinaryWeights(_WithActivations):
    """Binary-Weight-Network: weights {-a, a} by filter, activations of ``act_bits`` bits.

    First and last layer: ``edge_bits`` (0: binary, the last one with one scale).
    """

    name: ClassVar[str] = "bwn"

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return scaled_binary_layer(part, per_channel=not last)


@dataclass(frozen=True)
class BinaryNetwork(Scheme):
    """BNN: weights and activations {-1, +1}; ReLUs are taken out, the sign is the activation.

    First layer: its input has ``input_bits`` bits. Its weights and those of the last layer are
    binary too, as in the paper, unless ``edge_bits`` says otherwise.
    """

    edge_bits: int = 0
    name: ClassVar[str] = "bnn"

    @property
    def activation_bits(self) -> int:
        return 1

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return binary_layer(part)

    def activation(self, positive: bool, bits: int) -> nn.Module:
        return activation_quantizer(positive, bits, None)

    def before(self, module: nn.Module) -> nn.Module:
        return without_relus(module)


@dataclass(frozen=True)
class Dorefa(Scheme):
    """DoReFa-Net: W bits, A bits and G bits.

    First and last layer: kept in float in the paper, here ``edge_bits``.

    Attributes:
        weight_bits: 1 to 7 (the odd integers of k bits take k + 1).
        act_bits: 1 to 8.
        gradient_bits: 1 to 8; 0: gradients are not quantized.
    """

    weight_bits: int = 2
    act_bits: int = 2
    gradient_bits: int = 0
    name: ClassVar[str] = "dorefa"

    def __post_init__(self) -> None:
        check_bits("weights", self.weight_bits, 1, 7)
        check_bits("activations", self.act_bits, 1)
        check_bits("gradients", self.gradient_bits, 0)

    @property
    def activation_bits(self) -> int:
        return self.act_bits

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return dorefa_layer(part, self.weight_bits)

    def activation(self, positive: bool, bits: int) -> nn.Module:
        if not positive:
            return activation_quantizer(positive, bits, None)
        return dorefa_activation(bits, self.gradient_bits)


@dataclass(frozen=True)
class LearnedStep(Scheme):
    """LSQ: the step of weights and of activations is learned.

    First and last layer: ``edge_bits``, as in the paper.

    Attributes:
        weight_bits: 2 to 8.
        act_bits: 1 to 8 (2 or more where values may be negative).
    """

    weight_bits: int = 2
    act_bits: int = 2
    name: ClassVar[str] = "lsq"
    power_of_two: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_bits("weights", self.weight_bits, 2)
        check_bits("activations", self.act_bits, 1)

    @property
    def activation_bits(self) -> int:
        return self.act_bits

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return step_layer(part, self.weight_bits, self.power_of_two)

    def activation(self, positive: bool, bits: int) -> nn.Module:
        if bits == 1 and not positive:
            return activation_quantizer(positive, bits, None)
        return step_activation(bits, positive, self.power_of_two)


@dataclass(frozen=True)
class FixedPoint(LearnedStep):
    """Fixed point: as LSQ, and every step is a power of two (TQT), learned by its exponent."""

    name: ClassVar[str] = "fixed_point"
    power_of_two: ClassVar[bool] = True
