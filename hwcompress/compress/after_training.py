"""A trained float module quantized with samples alone."""

from __future__ import annotations

import numpy as np
from torch import nn

from hwcompress.compress.calibrate import calibrate
from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
from hwcompress.compress.quantize import input_scale_for, quantize_module
from hwcompress.samples import Samples, named

__all__ = ["quantize_after_training"]


def quantize_after_training(
    module: nn.Module, samples: Samples, *, weight_bits: int = 8, act_bits: int = 8
) -> nn.Module:
    """A quantized copy, ready to be exported; every scale is a power of two.

    Batch norms are folded into the layers before them, weights get a scale for each
    output channel, activations one that covers all but a few of the values that the
    samples give, and biases become whole steps of their accumulators.

    Args:
        module: float, traceable by ``torch.fx``; it is not changed.
        samples: real samples ``(n, *input shape)``, the more typical the better; of several
            inputs by name in the order of ``forward``'s arguments.
        weight_bits: 1 to 8.
        act_bits: 1 to 8.

    Raises:
        InputError: a bit width is out of range, or an activation is always zero.
        UnsupportedError: the module cannot be traced, or a part of it not quantized.
    """
    arrays = named(samples, ("",)).values()
    signed = [bool(np.min(item) < 0) for item in arrays]
    quantized = quantize_module(
        module,
        weight_bits=weight_bits,
        act_bits=act_bits,
        input_scale=[
            input_scale_for(item, act_bits, negative)
            for item, negative in zip(arrays, signed, strict=True)
        ],
        signed_input=signed,
        calibrated_only=True,
    )
    calibrate(quantized, samples)
    freeze_batch_norm(quantized)
    freeze_bias(quantized)
    return quantized
