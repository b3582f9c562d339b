"""Integer-arithmetic-only: what is trained is the folded, quantized layer that is built.

Source: Jacob et al. 2018, section 3.2 and figure C.8: in training a batch norm's
gain is multiplied into the weights before they are quantized, with the statistics
of the batch, and with the running ones later on (Krishnamoorthi 2018, section 3.2,
freezes them for that). Weights are symmetric, activations behind a ReLU unsigned,
so no zero point but 0 occurs; biases are whole steps of the accumulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, cast

import torch
from torch import fx, nn
from torch.nn import functional

from hwcompress.compress.calibration.trackers import Strategy
from hwcompress.compress.kinds import Traced
from hwcompress.compress.layers import activation_quantizer
from hwcompress.compress.schemes.levels import (
    per_output,
    quantized_activation,
    quantized_twin,
    reduce_output,
)
from hwcompress.compress.schemes.ranges import MaxWeights, RangeActivations
from hwcompress.compress.schemes.scheme import Scheme, check_bits
from hwcompress.errors import InputError

__all__ = ["IntegerOnly", "fold_norms"]

_FOLDED = (nn.Conv1d, nn.Conv2d, nn.Linear)


class _Folded:
    """What makes a Brevitas layer one with a batch norm folded into it.

    Attributes:
        folded_norm: the batch norm.
        freeze_after: steps of training with the statistics of the batch; then the running ones.
        folded_steps: how many there were.
    """

    folded_norm: nn.BatchNorm1d | nn.BatchNorm2d
    freeze_after: int

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The normalized sums."""
        layer = cast(nn.Conv2d, self)
        norm = self.folded_norm
        mean, variance = norm.running_mean, norm.running_var
        if layer.training and int(layer.folded_steps) < self.freeze_after:
            layer.folded_steps += 1
            y = _run(layer, x, layer.weight, layer.bias)
            axes = [axis for axis in range(y.ndim) if axis != 1]
            mean, variance = y.mean(dim=axes), y.var(dim=axes, unbiased=False)
            with torch.no_grad():
                count = y.numel() / y.shape[1]
                share = norm.momentum
                norm.running_mean.lerp_(mean.detach(), share)
                norm.running_var.lerp_(variance.detach() * count / max(count - 1, 1), share)
        weight, bias = self.folded(mean, variance)
        quantized = layer.weight_quant(weight)  # while activations are calibrated: as they are
        return _run(layer, x, getattr(quantized, "value", quantized), bias)

    def folded(
        self, mean: torch.Tensor, variance: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights and bias with the batch norm in them."""
        layer, norm = cast(nn.Conv2d, self), self.folded_norm
        gain = norm.weight / torch.sqrt(variance + norm.eps)
        before = 0.0 if layer.bias is None else layer.bias
        return layer.weight * per_output(layer, gain), norm.bias + (before - mean) * gain

    def settled(self) -> nn.Module:
        """The layer alone, with a bias."""
        layer, norm = cast(nn.Conv2d, self), self.folded_norm
        weight, bias = self.folded(norm.running_mean, norm.running_var)
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias = nn.Parameter(bias.detach().clone())
        del layer.folded_norm, layer.folded_steps
        layer.__class__ = type(self).__bases__[1]
        return layer


def _run(
    layer: nn.Module, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    if isinstance(layer, nn.Linear):
        return functional.linear(x, weight, bias)
    run = functional.conv2d if isinstance(layer, nn.Conv2d) else functional.conv1d
    return run(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)


@cache
def _folded_kind(kind: type) -> type:
    """A layer's class with a batch norm in it: it stays a convolution, or a linear layer."""
    return type(f"Folded{kind.__name__}", (_Folded, kind), {})


def fold_norms(module: fx.GraphModule, freeze_after: int) -> None:
    """Fold every batch norm that alone reads a layer into it, for training, in place.

    Args:
        module: its layers with :class:`MaxWeights` are looked at.
        freeze_after: steps of training after which the running statistics are used.
    """
    traced = Traced(module)
    uses = [str(node.target) for node in traced.nodes if node.op == "call_module"]
    for node in traced.nodes:
        norm = traced.part(node)
        if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d) or not norm.affine:
            continue
        source = traced.operands(node)[0]
        layer = traced.part(source)
        once = uses.count(str(node.target)) == 1 == uses.count(str(source.target))
        flat = isinstance(layer, nn.Linear) and isinstance(norm, nn.BatchNorm2d)
        proxy = getattr(layer, "weight_quant", None)
        # Another layer's quantizer would not follow the folded weights.
        follows = isinstance(getattr(proxy, "tensor_quant", None), MaxWeights)
        if not isinstance(layer, _FOLDED) or not follows or flat:
            continue
        if len(source.users) != 1 or not once:
            continue
        if norm.running_mean is None or norm.momentum is None:
            continue
        layer.__class__ = _folded_kind(type(layer))  # type: ignore[arg-type]
        layer.folded_norm = norm
        layer.freeze_after = freeze_after
        layer.register_buffer("folded_steps", torch.tensor(0))
        node.replace_all_uses_with(source)
        module.graph.erase_node(node)
    module.delete_all_unused_submodules()
    module.recompile()


@dataclass(frozen=True)
class IntegerOnly(Scheme):
    """Jacob et al.: batch norms folded while training, ranges watched; integers throughout.

    First and last layer: as all others, as in the paper.

    Attributes:
        weight_bits: 2 to 8.
        act_bits: 2 to 8.
        per_channel: weights have a scale for each output channel (not in the last layer).
        power_of_two: scales are powers of two: rescaling is a shift, and float32 exact.
        strategy: how ranges of activations are watched.
        momentum: of the moving average.
        window: steps of the strategy ``window_max``.
        delay: steps before activations are quantized.
        frozen_ranges: activations keep the ranges of calibration: fine-tuning (QAFT) of a
            trained network.
        freeze_after: steps after which batch norms use their running statistics.
    """

    edge_bits: int = 0
    weight_bits: int = 8
    act_bits: int = 8
    per_channel: bool = False
    power_of_two: bool = True
    strategy: Strategy = "moving_average"
    momentum: float = 0.9
    window: int = 10
    delay: int = 20
    freeze_after: int = 100
    frozen_ranges: bool = False
    name: ClassVar[str] = "integer-only"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bits("weights", self.weight_bits, 2)
        check_bits("activations", self.act_bits, 2)
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum is {self.momentum:g}", remedy="give 0 <= momentum < 1")
        for name, least in (("window", 1), ("delay", 0), ("freeze_after", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}", remedy=f"give {least} or more")

    @property
    def activation_bits(self) -> int:
        return self.act_bits

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        axes = reduce_output(part) if self.per_channel and not last else ()
        return quantized_twin(part, MaxWeights(self.weight_bits, axes, self.power_of_two))

    def activation(self, positive: bool, bits: int) -> nn.Module:
        if bits == 1:
            return activation_quantizer(positive, bits, None)
        return quantized_activation(
            RangeActivations(
                bits,
                not positive,
                strategy=self.strategy,
                momentum=self.momentum,
                window=self.window,
                delay=self.delay,
                power_of_two=self.power_of_two,
                calibrated=self.frozen_ranges,
            )
        )

    def after(self, module: fx.GraphModule) -> None:
        fold_norms(module, self.freeze_after)
