"""Activation scales from samples alone, without training."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

__all__ = ["calibrate"]


def calibrate(module: nn.Module, x: np.ndarray, *, batch: int = 100) -> None:
    """Let every Brevitas activation quantizer see the samples and set its scale.

    Brevitas collects the percentile that each quantizer asks for while the
    activations themselves pass unquantized; batch norm stays in eval mode.

    Args:
        x: samples ``(n, *input shape)``, the more typical the better.
    """
    from brevitas.graph.calibrate import calibration_mode

    module.eval()
    with torch.no_grad(), calibration_mode(module):
        for start in range(0, x.shape[0], batch):
            module(torch.as_tensor(np.asarray(x[start : start + batch]), dtype=torch.float32))
    module.eval()
