"""A trained float module quantized with samples alone, with a choice of ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from torch import fx, nn

from hwcompress.compress.calibration.constant import constant_activation, constant_weight
from hwcompress.compress.calibration.observe import BATCH, activation_quantizers, observe
from hwcompress.compress.calibration.thresholds import ActivationRange, activation_grid
from hwcompress.compress.calibration.weights import WeightRange, weight_grid
from hwcompress.compress.freeze import freeze_bias
from hwcompress.compress.kinds import WEIGHTED, Traced
from hwcompress.compress.parts import refuse_quantizers
from hwcompress.compress.quantize import input_scale_for, quantize_module
from hwcompress.errors import InputError
from hwcompress.samples import Samples, named

__all__ = ["post_training", "readers"]

_MOST_BITS = 8

WeightChoice = WeightRange | Callable[[str], WeightRange]
ActivationChoice = ActivationRange | Callable[[str], ActivationRange]
_WEIGHTS, _ACTIVATIONS = WeightRange(), ActivationRange()


def post_training(
    module: nn.Module,
    samples: Samples,
    weights: WeightChoice = _WEIGHTS,
    activations: ActivationChoice = _ACTIVATIONS,
    *,
    batch: int = BATCH,
) -> fx.GraphModule:
    """A quantized copy, all scales constants, ready to be exported or repaired.

    Batch norms are folded; activations are watched in the float network, and their ranges
    chosen from histograms; biases become whole steps of their accumulators.

    Args:
        module: float, traceable by ``torch.fx``; it is not changed.
        samples: real ones ``(n, *input shape)``, of several inputs by name in the order of
            ``forward``'s arguments.
        weights: how weights are quantized, or of each layer by its name.
        activations: how activations are, or what a layer reads by the layer's name; of several
            readers of one activation the one with most bits decides, the first of equals.
        batch: samples of a batch.

    Raises:
        InputError: the module has quantizers, there are no samples, or an activation is
            always zero.
        UnsupportedError: the module cannot be traced, or a part of it not quantized.
    """
    refuse_quantizers(
        module, "post-training", "give the float module, and one quantizing step in a recipe"
    )
    arrays = list(named(samples, ("",)).values())
    if any(not len(item) for item in arrays):
        raise InputError("no calibration samples", remedy="give a hundred typical ones")
    signed = [bool(np.min(item) < 0) for item in arrays]
    quantized = quantize_module(
        module,
        weight_bits=_MOST_BITS,
        act_bits=_MOST_BITS,
        input_scale=[
            input_scale_for(item, _MOST_BITS, negative)
            for item, negative in zip(arrays, signed, strict=True)
        ],
        signed_input=signed,
        calibrated_only=True,
    )
    assert isinstance(quantized, fx.GraphModule)
    _activations(quantized, samples, activations, batch)
    for name, part in list(quantized.named_modules()):
        if isinstance(part, WEIGHTED):
            _weights(part, weights(name) if callable(weights) else weights)
    freeze_bias(quantized)
    return quantized.eval()


def readers(module: fx.GraphModule) -> dict[str, list[str]]:
    """Activation quantizer -> the layers with weights that read it, maybe through what only
    moves values."""
    traced = Traced(module)
    found: dict[str, list[str]] = {name: [] for name in activation_quantizers(module)}
    for node in traced.nodes:
        if not traced.is_weighted(node):
            continue
        waiting = traced.operands(node)
        while waiting:
            source = waiting.pop()
            if str(source.target) in found and source.op == "call_module":
                found[str(source.target)].append(str(node.target))
            elif traced.is_moving(source) or traced.is_concatenation(source):
                waiting.extend(traced.operands(source))
    return found


def _activations(
    module: fx.GraphModule, samples: Samples, wanted: ActivationChoice, batch: int
) -> None:
    """Put constant quantizers in the places of those that are there."""
    seen = observe(module, samples, batch=batch)
    layers: Mapping[str, list[str]] = readers(module) if callable(wanted) else {}
    default = ActivationRange() if callable(wanted) else wanted
    for name, histogram in seen.items():
        part = module.get_submodule(name)
        choices = [wanted(item) for item in layers.get(name, [])] if callable(wanted) else []
        chosen = max(choices, key=lambda item: item.bits) if choices else default
        if not choices and callable(wanted):
            chosen = wanted("")
        bits = int(part.act_quant.bit_width().item())
        if bits > _MOST_BITS:  # a table reads it: as exact as it was meant to be
            chosen = replace(chosen, bits=bits)
        try:
            grid = activation_grid(histogram, chosen, bool(part.act_quant.is_signed))
        except InputError as error:
            raise InputError(error.what, where=name, remedy=error.remedy) from error
        module.add_submodule(name, constant_activation(grid))


def _weights(layer: nn.Module, wanted: WeightRange) -> None:
    """Give a Brevitas layer a constant quantizer, in place."""
    from brevitas.proxy import WeightQuantProxyFromInjector

    if layer.weight_quant.scale().numel() == 1 and layer.weight.shape[0] > 1:
        wanted = replace(wanted, per_channel=False)  # it gives the model's outputs
    scale, zero = weight_grid(layer, wanted)
    kind = constant_weight(scale, zero, wanted.bits)
    layer.weight_quant = WeightQuantProxyFromInjector(layer, kind)
