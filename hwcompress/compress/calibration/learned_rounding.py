"""Learned rounding: up or down for every weight, so that each layer's outputs stay.

AdaRound (Nagel et al. 2020): layer after layer, ``||f(x) - q(x')||^2`` is made small over the
rounding of the weights, where ``x'`` is what the quantized network gives the layer, and a
regulariser that sharpens drives each weight's choice to 0 or 1. The relaxed rounding is
Brevitas's; the loop is ours.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from hwcompress.compress.calibration.observe import BATCH, batch_within, in_float, run_through
from hwcompress.compress.calibration.repair import bake, quantized_layers, refuse_baked
from hwcompress.compress.kinds import WEIGHTED
from hwcompress.errors import InputError
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = ["learn_rounding"]

_ZETA, _GAMMA = 1.1, -0.1  # the sigmoid is stretched beyond 0 and 1, where it is cut
_SHARPEST, _SOFTEST = 2.0, 20.0
_MOST = 512  # samples: what a layer reads and gives is kept for all of them
_WARM_UP = 0.2  # share of the iterations without the regulariser


def learn_rounding(
    module: nn.Module,
    samples: Samples,
    *,
    iterations: int = 300,
    rate: float = 1e-2,
    weight: float = 0.01,
    batch: int = BATCH,
    seed: int = 0,
) -> nn.Module:
    """A copy whose weights are rounded up or down as was learned.

    Args:
        module: quantized, all scales constants; its weights are the float ones still.
        samples: ``(n, *input shape)``; a few hundred, the first 512 are used.
        iterations: of each layer.
        rate: of Adam.
        weight: of the regulariser.
        batch: samples of a step.
        seed: of the order of the samples.

    Raises:
        InputError: no layer has quantized weights, they are rounded already, there are no
            samples, or no iterations.
    """
    if not sample_count(samples):
        raise InputError("no samples for learned rounding", remedy="give a few hundred")
    if iterations < 1:
        raise InputError(f"{iterations} iterations of learned rounding", remedy="give 1 at least")
    refuse_baked(module, "learned rounding")
    samples = sample_rows(samples, slice(_MOST))
    reference = copy.deepcopy(module).eval()
    result = copy.deepcopy(module).eval()
    generator = torch.Generator().manual_seed(seed)
    for name in _in_order(result, samples):
        layer = result.get_submodule(name)
        with in_float(reference):
            _, wanted = _seen(reference, name, samples, batch)
        given, _ = _seen(result, name, samples, batch)
        _learn(layer, given, wanted, iterations, rate, weight, batch, generator)
    bake(result)
    return result


def _in_order(module: nn.Module, samples: Samples) -> list[str]:
    """Quantized layers in the order in which they run."""
    found: list[str] = []

    def note(name: str) -> Callable[[nn.Module, object], None]:
        return lambda part, given: found.append(name)

    handles = [
        part.register_forward_pre_hook(note(name))
        for name, part in quantized_layers(module).items()
    ]
    try:
        run_through(module, sample_rows(samples, slice(1)), 1)
    finally:
        for handle in handles:
            handle.remove()
    return list(dict.fromkeys(found))


def _seen(module: nn.Module, name: str, samples: Samples, batch: int) -> tuple[Tensor, Tensor]:
    """What a layer reads and what it gives, over all samples."""
    batch = batch_within(module, samples, batch)
    given: list[Tensor] = []
    made: list[Tensor] = []

    def note(part: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        for store, item in ((given, inputs[0]), (made, output)):
            value = getattr(item, "value", item)
            assert isinstance(value, Tensor)
            store.append(value.detach())

    handle = module.get_submodule(name).register_forward_hook(note)
    try:
        run_through(module, samples, batch)
    finally:
        handle.remove()
    return torch.cat(given), torch.cat(made)


def _learn(
    layer: nn.Module,
    given: Tensor,
    wanted: Tensor,
    iterations: int,
    rate: float,
    weight: float,
    batch: int,
    generator: torch.Generator,
) -> None:
    """Learn one layer's rounding, in place: its weights move onto the chosen side."""
    from brevitas.core.function_wrapper import Identity
    from brevitas.core.function_wrapper.learned_round import (
        LearnedRoundHardSigmoid,
        LearnedRoundSte,
    )

    assert isinstance(layer, WEIGHTED)
    scale = layer.quant_weight().scale.detach()
    steps = layer.weight.detach() / scale
    share = (steps - torch.floor(steps)).clamp(0.0, 1.0)
    start = -torch.log((_ZETA - _GAMMA) / (share - _GAMMA) - 1)
    learned = LearnedRoundSte(LearnedRoundHardSigmoid(_ZETA, _GAMMA), start, Identity())
    quantizer = layer.weight_quant.tensor_quant.int_quant
    plain = quantizer.float_to_int_impl
    quantizer.float_to_int_impl = learned
    learned.train()
    optimizer = torch.optim.Adam([learned.value], lr=rate)
    for step in range(iterations):
        rows = torch.randint(len(given), (min(batch, len(given)),), generator=generator)
        optimizer.zero_grad()
        output = layer(given[rows])
        difference = (getattr(output, "value", output) - wanted[rows]) ** 2
        loss = difference.sum(1).mean()
        progress = step / iterations
        if progress >= _WARM_UP:
            left = 1 - (progress - _WARM_UP) / (1 - _WARM_UP)
            sharpness = _SHARPEST + (_SOFTEST - _SHARPEST) * left
            chosen = learned.learned_round_impl(learned.value)
            loss = loss + weight * (1 - (2 * chosen - 1).abs() ** sharpness).sum()
        loss.backward()
        optimizer.step()
    learned.eval()
    with torch.no_grad():
        layer.weight.copy_(layer.quant_weight().value)
    quantizer.float_to_int_impl = plain
