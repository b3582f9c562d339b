"""A trained scheme made plain: whole numbers, powers of two, exact batch norms.

What training had to learn is done with: weights become fixed whole numbers
times a power of two, and so do activations. A scale that is none is moved where
hardware has a gain anyway, into the batch norm behind the layer (and, for an
activation, in front of it), which changes nothing of what the module computes.
Only then are gains and biases rounded to few bits, so that float32 is exact.
"""

from __future__ import annotations

import math

import torch
from torch import fx, nn

from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
from hwcompress.compress.kinds import WEIGHTED, Traced
from hwcompress.compress.layers import activation_quantizer
from hwcompress.compress.parts import replace_part
from hwcompress.compress.schemes.levels import Fixed, replace_weight_quantizer
from hwcompress.errors import UnsupportedError

__all__ = ["settle", "weight_levels"]

_SCALE_BITS = 8  # of a scale that nothing takes in
_MAXIMA = (nn.MaxPool1d, nn.MaxPool2d, nn.Identity, nn.Dropout)
_RELUS = (nn.ReLU, nn.Identity, nn.Dropout)


def settle(module: nn.Module) -> None:
    """Make a trained module plain, in place; batch norms and biases are frozen as well.

    Args:
        module: as :func:`hwcompress.compress.schemes.scheme.apply_scheme` gives it.

    Raises:
        UnsupportedError: a layer of it has no form in hardware.
    """
    module.eval()
    assert isinstance(module, fx.GraphModule)
    for name, part in list(module.named_modules()):
        if reason := getattr(part, "no_hardware", None):
            raise UnsupportedError(
                f"the layer {name!r} has no form in hardware", why=reason, remedy=part.remedy
            )
        if callable(alone := getattr(part, "settled", None)):
            replace_part(module, name, alone())
    with torch.no_grad():
        _plain_norms(module)
        traced = Traced(module)
        factors = _activations(module, traced)
        _weights(module, traced, factors)
    module.recompile()
    freeze_batch_norm(module)
    freeze_bias(module)


def weight_levels(layer: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """The whole numbers of a Brevitas layer's weights (float64), and their scale, broadcast."""
    result = layer.quant_weight()
    scale = result.scale.detach().double()
    scale = scale.expand_as(result.value) if scale.ndim else scale.expand(result.value.shape)
    return torch.round(result.value.detach().double() / scale), scale


def _plain_norms(module: nn.Module) -> None:
    """Batch norms with mean 0, variance 1 and epsilon 0: a gain and an offset."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) and part.running_mean is not None:
            mean, variance = part.running_mean.double(), part.running_var.double()
            weight = torch.ones_like(mean) if part.weight is None else part.weight.double()
            bias = torch.zeros_like(mean) if part.bias is None else part.bias.double()
            gain = weight / torch.sqrt(variance + part.eps)
            part.affine = True
            part.weight = nn.Parameter(gain.float())
            part.bias = nn.Parameter((bias - mean * gain).float())
            part.running_mean.zero_()
            part.running_var.fill_(1.0)
            part.eps = 0.0


def _near_power(scale: torch.Tensor) -> torch.Tensor:
    return torch.exp2(torch.round(torch.log2(scale)))


def _few_bits(values: torch.Tensor) -> torch.Tensor:
    mantissa, exponent = torch.frexp(values)
    unit = 2.0**_SCALE_BITS
    return torch.ldexp(torch.round(mantissa * unit) / unit, exponent)


def _activations(module: fx.GraphModule, traced: Traced) -> dict[str, float]:
    """Give activations plain quantizers; layer -> what its weights have to make good."""
    factors: dict[str, float] = {}
    uses = [node.target for node in traced.nodes]
    for node in traced.nodes:
        part = traced.part(node)
        proxy = getattr(part, "act_quant", None)
        if proxy is None or not proxy.is_quant_enabled:
            continue
        bits = round(float(proxy.bit_width()))
        if bits == 1 and proxy.is_signed:
            continue  # {-1, +1}
        scale = float(proxy.scale().detach())
        plain = 2.0 ** round(math.log2(scale))
        if plain != scale:
            norm = _norm_before(traced, node)
            readers = _readers(traced, node)
            once = uses.count(node.target) == 1  # tensors that are joined share a quantizer
            if once and norm is not None and readers is not None:
                norm.weight.mul_(plain / scale)
                norm.bias.mul_(plain / scale)
                for name in readers:
                    factors[name] = scale / plain
                scale = plain
            else:
                scale = float(_few_bits(torch.tensor(scale, dtype=torch.float64)))
        replace_part(module, str(node.target), _plain_activation(part, proxy, bits, scale))
    return factors


def _plain_activation(part: nn.Module, proxy: nn.Module, bits: int, scale: float) -> nn.Module:
    """A quantizer of constant scale, with the same levels."""
    from brevitas.core.scaling import ScalingImplType

    if 2.0 ** round(math.log2(scale)) == scale:
        return activation_quantizer(not proxy.is_signed, bits, scale)
    import brevitas.nn as qnn
    from brevitas.quant import Int8ActPerTensorFloat, Uint8ActPerTensorFloat

    levels = 2 ** (bits - 1) if proxy.is_signed else 2**bits - 1
    return qnn.QuantIdentity(
        act_quant=Int8ActPerTensorFloat if proxy.is_signed else Uint8ActPerTensorFloat,
        bit_width=bits,
        scaling_impl_type=ScalingImplType.CONST,
        scaling_init=scale * levels,
    )


def _norm_before(traced: Traced, node: fx.Node) -> nn.Module | None:
    """The batch norm whose gain scales what a node reads, if nothing else reads it."""
    source = node.all_input_nodes[0]
    while len(source.users) == 1:
        part = traced.part(source)
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            uses = [item for item in traced.nodes if item.target == source.target]
            return part if len(uses) == 1 and part.weight is not None else None
        relu = isinstance(part, _RELUS) or source.target in (
            torch.relu,
            torch.nn.functional.relu,
            "relu",
        )
        if not relu and not traced.is_moving(source):
            return None
        source = traced.operands(source)[0]
    return None


def _readers(traced: Traced, node: fx.Node) -> list[str] | None:
    """Names of the layers that read a tensor, if nothing else does."""
    found: list[str] = []
    waiting = list(node.users)
    while waiting:
        item = waiting.pop()
        if traced.is_weighted(item):
            found.append(str(item.target))
        elif traced.is_moving(item) and len(traced.operands(item)) == 1:
            waiting.extend(item.users)
        else:
            return None
    uses = [str(item.target) for item in traced.nodes if item.op == "call_module"]
    return found if all(uses.count(name) == 1 for name in found) else None


def _weights(module: fx.GraphModule, traced: Traced, factors: dict[str, float]) -> None:
    for node in traced.nodes:
        layer = traced.part(node)
        if not isinstance(layer, WEIGHTED) or not hasattr(layer, "quant_weight"):
            continue
        levels, scale = weight_levels(layer)
        scale = scale * factors.get(str(node.target), 1.0)
        axis = 1 if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d) else 0
        other = tuple(index for index in range(scale.ndim) if index != axis)
        rows = scale.amax(dim=other)
        plain = _near_power(rows)
        if not torch.equal(plain, rows):
            norm = _norm_behind(traced, node)
            # The output channels of a grouped transposed convolution are not its rows.
            alike = bool((rows == rows[0]).all())
            if norm is not None and (norm.num_features == rows.numel() or alike):
                # The layer's bias passes the gain as well: it is given in units of the sum.
                ratio = rows / plain if norm.num_features == rows.numel() else rows[:1] / plain[:1]
                norm.weight.mul_(ratio.float())
                if layer.bias is not None:
                    layer.bias.div_(ratio.float())
            else:
                plain = _few_bits(rows)
        if bool((plain == plain[0]).all()):
            plain = plain[:1].reshape(())
        else:
            shape = [1] * scale.ndim
            shape[axis] = -1
            plain = plain.reshape(shape)
        top = float(levels.abs().max())
        bipolar = bool((levels.abs() == 1).all())
        bits = 1 if bipolar else max(2, math.ceil(math.log2(top + 1)) + 1)
        quantizer = Fixed(bits, plain.float())
        replace_weight_quantizer(layer, quantizer, (levels * plain).float())


def _norm_behind(traced: Traced, node: fx.Node) -> nn.Module | None:
    """The batch norm that alone reads a layer, or its largest values."""
    if len(node.users) != 1:
        return None
    reader = next(iter(node.users))
    # A positive scale passes through a maximum.
    while isinstance(traced.part(reader), _MAXIMA) and len(reader.users) == 1:
        reader = next(iter(reader.users))
    part = traced.part(reader)
    uses = [item.target for item in traced.nodes]
    if not isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) or uses.count(reader.target) != 1:
        return None
    return part if uses.count(node.target) == 1 else None
