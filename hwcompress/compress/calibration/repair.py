"""Weights rounded one column after another, the error of each made good by those that follow.

GPTQ (Frantar et al. 2022) weighs errors by the second moments of what a layer reads; GPFQ
(Lybrand and Saab 2021) follows the path of the float network's outputs while it reads what the
quantized one gives. Both by Brevitas, on scales that stay as they are.
"""

from __future__ import annotations

import copy
import warnings
from typing import Literal

import torch
from torch import fx, nn

from hwcompress.compress.calibration.observe import BATCH, batch_within, run_through
from hwcompress.compress.freeze import freeze_bias
from hwcompress.compress.kinds import WEIGHTED
from hwcompress.errors import InputError
from hwcompress.samples import Samples, sample_count

__all__ = ["bake", "correct_bias", "gpfq", "gptq", "quantized_layers", "refuse_baked"]


def quantized_layers(module: nn.Module) -> dict[str, nn.Module]:
    """Layers whose weights Brevitas quantizes, by name.

    Raises:
        InputError: there is none.
    """
    found = {
        name: part
        for name, part in module.named_modules()
        if isinstance(part, WEIGHTED)
        and getattr(part, "weight_quant", None) is not None
        and part.weight_quant.is_quant_enabled
    }
    if not found:
        raise InputError(
            "no layer has quantized weights",
            remedy="put the step behind the one that quantizes, such as post-training",
        )
    return found


def refuse_baked(module: nn.Module, who: str) -> None:
    """Raise if every weight lies on its grid already: there is nothing left to round.

    Raises:
        InputError: it does; or no layer has quantized weights.
    """
    layers = quantized_layers(module).values()
    with torch.no_grad():
        if all(torch.equal(layer.weight, layer.quant_weight().value) for layer in layers):
            raise InputError(
                f"{who} of weights that are rounded already",
                why="it needs the float weights to compare with",
                remedy="put one of gptq, gpfq, learned-rounding behind bias-correction",
            )


def bake(module: nn.Module) -> None:
    """Make the weights of every layer what their quantizer gives, in place."""
    with torch.no_grad():
        for layer in quantized_layers(module).values():
            layer.weight.copy_(layer.quant_weight().value)


def gptq(
    module: nn.Module, samples: Samples, *, act_order: bool = False, batch: int = BATCH
) -> nn.Module:
    """A copy with GPTQ's weights.

    Args:
        module: quantized, all scales constants.
        samples: ``(n, *input shape)``; a few hundred.
        act_order: columns with the largest inputs first.
        batch: samples of a batch.

    Raises:
        InputError: no layer has quantized weights, they are rounded already, or there are no
            samples.
    """
    return _repaired(module, samples, "gptq", act_order, batch)


def gpfq(
    module: nn.Module, samples: Samples, *, act_order: bool = False, batch: int = BATCH
) -> nn.Module:
    """A copy with GPFQ's weights; arguments and errors as :func:`gptq`."""
    return _repaired(module, samples, "gpfq", act_order, batch)


def _repaired(
    module: nn.Module,
    samples: Samples,
    way: Literal["gptq", "gpfq"],
    act_order: bool,
    batch: int,
) -> nn.Module:
    from brevitas.graph.gpfq import gpfq_mode
    from brevitas.graph.gptq import gptq_mode

    if not sample_count(samples):
        raise InputError(f"no samples for {way.upper()}", remedy="give a few hundred typical ones")
    result = copy.deepcopy(module).eval()
    refuse_baked(result, way.upper())
    batch = batch_within(result, samples, batch)
    mode = gptq_mode if way == "gptq" else gpfq_mode
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # transposed convolutions keep their weights
        # GPFQ looks the float weights up as it goes on; GPTQ needs no copy of them.
        with mode(result, create_weight_orig=way == "gpfq", act_order=act_order) as running:
            for _ in range(running.num_layers):
                run_through(running.model, samples, batch)
                running.update()
    if isinstance(result, fx.GraphModule):
        result.recompile()  # Brevitas leaves a forward that is bound to this instance
    for layer in quantized_layers(result).values():
        if hasattr(layer, "weight_orig"):
            del layer.weight_orig
    bake(result)
    return result


def correct_bias(module: nn.Module, samples: Samples, *, batch: int = BATCH) -> nn.Module:
    """A copy whose biases take back the mean error that rounded weights make (Nagel et al. 2019,
    section 4.2); layers without a bias get one. Biases are whole steps of their accumulators.

    Args:
        module: quantized; its weights are the float ones still.
        samples: ``(n, *input shape)``.
        batch: samples of a batch.

    Raises:
        InputError: no layer has quantized weights, they are rounded already, or there are no
            samples.
    """
    from brevitas.graph.calibrate import bias_correction_mode

    if not sample_count(samples):
        raise InputError("no samples for bias correction", remedy="give a few hundred")
    result = copy.deepcopy(module).eval()
    refuse_baked(result, "bias correction")
    batch = batch_within(result, samples, batch)
    with bias_correction_mode(result):
        run_through(result, samples, batch)
    freeze_bias(result)
    return result.eval()
