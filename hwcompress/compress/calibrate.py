"""Activation scales from samples alone, without training."""

from __future__ import annotations

import torch
from torch import nn

from hwcompress.compress.feeding import tensors
from hwcompress.compress.memory import batch_within
from hwcompress.errors import InputError
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = ["calibrate"]

_NOTHING = 1e-8  # Brevitas gives 1e-10 where it has seen only zeros


def calibrate(module: nn.Module, x: Samples, *, batch: int = 100) -> None:
    """Let every Brevitas activation quantizer see the samples and set its scale.

    Brevitas collects the percentile that each quantizer asks for while the
    activations themselves pass unquantized; batch norm stays in eval mode.

    Args:
        x: samples ``(n, *input shape)``, the more typical the better; of several inputs by
            name in the order of ``forward``'s arguments.
        batch: samples at once, fewer if an activation is very large.

    Raises:
        InputError: an activation is zero for every sample, so that no scale
            fits it (and the layers behind it see nothing).
    """
    from brevitas.graph.calibrate import calibration_mode

    module.eval()
    batch = batch_within(module, x, batch)
    with torch.no_grad(), calibration_mode(module):
        for start in range(0, sample_count(x), batch):
            module(*tensors(sample_rows(x, slice(start, start + batch))))
    module.eval()
    for name, part in module.named_modules():
        quantizer = getattr(part, "act_quant", None)
        if quantizer is None or not getattr(quantizer, "is_quant_enabled", False):
            continue
        scale = quantizer.scale()
        if isinstance(scale, torch.Tensor) and float(scale.detach().max()) < _NOTHING:
            raise InputError(
                f"the activation {name!r} is zero for all {sample_count(x)} calibration samples",
                remedy="check how the samples are scaled, or give a trained model",
            )
