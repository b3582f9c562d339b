"""How many samples a module takes at once without filling the machine's memory."""

from __future__ import annotations

import torch
from torch import nn

from hwcompress.compress.feeding import tensors
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = ["batch_within"]

_BYTES = 2 << 30
# A quantizer holds its input, the integers, the result and what it compares them with.
_COPIES = 16


def batch_within(module: nn.Module, x: Samples, most: int, *, memory: int = _BYTES) -> int:
    """Samples of a batch: ``most`` unless the largest activation is too large for that.

    Args:
        module: in the mode in which it will run; it sees one sample.
        x: real samples ``(n, *input shape)``, by name for several inputs.
        most: samples at most.
        memory: bytes that the copies of one activation may take, of all samples together.
    """
    if not sample_count(x):
        return most
    sizes = [0]

    def note(part: nn.Module, given: object, result: object) -> None:
        value = getattr(result, "value", result)
        if isinstance(value, torch.Tensor):
            sizes.append(value.numel() * value.element_size())

    hooks = [part.register_forward_hook(note) for part in module.modules()]
    try:
        with torch.no_grad():
            module(*tensors(sample_rows(x, slice(1))))
    finally:
        for hook in hooks:
            hook.remove()
    return max(1, min(most, memory // max(_COPIES * max(sizes), 1)))
