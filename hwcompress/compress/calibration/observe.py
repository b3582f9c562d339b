"""What passes through the activation quantizers of a module, while nothing is quantized."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from hwcompress.compress.calibration.histogram import Ends, Histogram, empty
from hwcompress.compress.feeding import tensors
from hwcompress.compress.memory import batch_within
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = [
    "BATCH",
    "activation_quantizers",
    "batch_within",
    "in_float",
    "observe",
    "run_through",
    "watching",
]

BATCH = 32
"""Samples of a batch; ``moving_average`` counts in batches."""

See = Callable[[str, np.ndarray], None]


def activation_quantizers(module: nn.Module) -> dict[str, nn.Module]:
    """The Brevitas activation layers that are on, by name."""
    found = {}
    for name, part in module.named_modules():
        proxy = getattr(part, "act_quant", None)
        if proxy is not None and getattr(proxy, "is_quant_enabled", False):
            found[name] = part
    return found


@contextmanager
def in_float(module: nn.Module) -> Iterator[None]:
    """The module without any quantization, in eval mode; as it was afterwards."""
    from brevitas.graph.calibrate import quantization_status_manager

    module.eval()
    with quantization_status_manager(
        module,
        disable_act_quant=True,
        disable_weight_quant=True,
        disable_bias_quant=True,
        is_training=False,
    ):
        yield
    module.eval()


@contextmanager
def watching(parts: Mapping[str, nn.Module], see: See) -> Iterator[None]:
    """Call ``see`` with the name of a part, and what it reads."""

    def hook(name: str) -> Callable[[nn.Module, tuple[object, ...]], None]:
        def before(part: nn.Module, given: tuple[object, ...]) -> None:
            value = getattr(given[0], "value", given[0])
            assert isinstance(value, torch.Tensor)
            see(name, value.detach().numpy())

        return before

    handles = [part.register_forward_pre_hook(hook(name)) for name, part in parts.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def run_through(module: nn.Module, samples: Samples, batch: int = BATCH) -> None:
    """Call the module for all samples, without gradients, and for nothing else."""
    with torch.no_grad():
        for start in range(0, sample_count(samples), batch):
            module(*tensors(sample_rows(samples, slice(start, start + batch))))


def observe(module: nn.Module, samples: Samples, *, batch: int = BATCH) -> dict[str, Histogram]:
    """Histograms of what every activation quantizer reads in the float network, by name.

    Args:
        module: with Brevitas quantizers; in eval mode afterwards.
        samples: ``(n, *input shape)``; of several inputs by name.
        batch: samples of a batch, fewer if an activation is very large.
    """
    parts = activation_quantizers(module)
    ends = {name: Ends() for name in parts}
    with in_float(module):
        batch = batch_within(module, samples, batch)
        with watching(parts, lambda name, values: ends[name].add(values)):
            run_through(module, samples, batch)
        found = {name: empty(item) for name, item in ends.items()}
        with watching(parts, lambda name, values: found[name].add(values)):
            run_through(module, samples, batch)
    return found
