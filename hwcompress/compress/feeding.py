"""Samples as the arguments of a module's ``forward``."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from torch import nn

from hwcompress.samples import Samples, named

__all__ = ["Batch", "call", "tensors"]

Batch: TypeAlias = torch.Tensor | tuple[torch.Tensor, ...]
"""A batch of the only input, or of each of several."""


def tensors(samples: Samples) -> tuple[torch.Tensor, ...]:
    """A float32 tensor for each input, in the order of ``forward``'s arguments."""
    arrays = named(samples, ("",)).values()
    return tuple(torch.as_tensor(np.asarray(item), dtype=torch.float32) for item in arrays)


def call(module: nn.Module, data: Batch) -> object:
    """What a module gives for a batch."""
    result: object = module(*data) if isinstance(data, tuple) else module(data)
    return result
