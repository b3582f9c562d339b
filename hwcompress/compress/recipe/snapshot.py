"""All numbers of a module, more than its ``state_dict`` has.

Brevitas's quantizers count the batches of which they collect statistics in a plain
attribute and hide the statistics from ``state_dict``; a training that goes on without
them takes another way. So parameters, buffers and plain numbers are taken as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from hwcompress.errors import InputError

__all__ = ["restore", "snapshot"]

Numbers = dict[str, torch.Tensor | float | int | bool]


def snapshot(module: nn.Module) -> Numbers:
    """Every parameter, buffer and plain number by its dotted name; tensors are not copied."""
    found: Numbers = {name: value.detach() for name, value in module.named_parameters()}
    found |= {name: value.detach() for name, value in module.named_buffers()}
    for name, part in module.named_modules():
        prefix = f"{name}." if name else ""
        for key, value in vars(part).items():
            if isinstance(value, bool | int | float):
                found[prefix + key] = value
    return found


def restore(module: nn.Module, numbers: Mapping[str, object], where: str) -> None:
    """Put the numbers of a snapshot back.

    Raises:
        InputError: the module has others; so a step did not make the same one again.
    """
    there = snapshot(module)
    strange = sorted(there.keys() ^ numbers.keys())
    if strange:
        raise InputError(
            f"the checkpoint does not fit the module: {strange[0]!r}",
            where=where,
            why=f"{len(strange)} numbers are on one side only",
            remedy="remove the checkpoint; the training then starts again",
        )
    tensors = dict(module.named_parameters()) | dict(module.named_buffers())
    for name, value in numbers.items():
        if name in tensors:
            assert isinstance(value, torch.Tensor)
            # The tensor itself stays: an optimizer may hold it.
            tensors[name].data = value.clone()
        else:
            parent, _, key = name.rpartition(".")
            setattr(module.get_submodule(parent), key, value)
