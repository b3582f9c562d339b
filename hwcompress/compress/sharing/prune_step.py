"""Weights of small magnitude become zero and stay so."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from hwcompress.compress.recipe.registry import Step, step
from hwcompress.compress.recipe.schedule import Schedule
from hwcompress.compress.recipe.state import State
from hwcompress.errors import InputError

__all__ = ["Prune"]

_GRADUAL = Schedule(0.0, 0.8, "cubic", 0.0, 0.7)


@step("prune", layer_options=("sparsity",))
@dataclass(frozen=True, kw_only=True)
class Prune(Step):
    """Set the smallest weights of each layer to zero, more and more of them while it trains.

    Han et al. (2015); with the default schedule gradual pruning of Zhu and Gupta (2017). A
    weight that is zero stays zero. Without a ``train`` step after it all are cut at once.

    Attributes:
        sparsity: share of a layer's weights that is zero; a schedule.
    """

    sparsity: Schedule = _GRADUAL

    def __post_init__(self) -> None:
        if not (0 <= self.sparsity.start < 1 and 0 <= self.sparsity.end < 1):
            raise InputError(
                f"sparsity from {self.sparsity.start:g} to {self.sparsity.end:g}",
                where=self.where,
                remedy="give shares from 0 to less than 1",
            )

    def prepare(self, state: State) -> None:
        memory = state.memory(self)
        for name in state.layer_names:
            memory[name] = torch.ones(state.layer(name).weight.shape, dtype=torch.bool)
        self._cut(state, 0.0 if state.training_follows else 1.0)

    def after_step(self, state: State, progress: float) -> None:
        self._cut(state, progress)

    def finish(self, state: State) -> None:
        zeros = sum(int((state.layer(name).weight == 0).sum()) for name in state.layer_names)
        total = sum(state.layer(name).weight.numel() for name in state.layer_names)
        state.notes.append(f"{zeros} of {total} weights are zero ({100 * zeros / total:.1f} %)")

    def _cut(self, state: State, progress: float) -> None:
        memory = state.memory(self)
        for name in state.layer_names:
            weight, mask = state.layer(name).weight, memory[name]
            assert isinstance(mask, torch.Tensor)
            share = self.for_layer(state, name).sparsity.at(progress)
            count = round(share * weight.numel())
            with torch.no_grad():
                if count > mask.numel() - int(mask.sum()):
                    # Those that are cut come first, then the smallest.
                    rank = torch.where(mask, weight.abs(), -1.0).reshape(-1)
                    mask.reshape(-1)[_lowest(rank, count)] = False
                weight.mul_(mask)


def _lowest(values: torch.Tensor, count: int) -> torch.Tensor:
    """Where the ``count`` lowest values are, the first of equal ones; without sorting them all."""
    limit = values.kthvalue(count).values
    found = values < limit
    equal = (values == limit).nonzero().reshape(-1)
    found[equal[: count - int(found.sum())]] = True
    return found
