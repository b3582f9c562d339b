"""Functions whose gradient is not theirs: the straight-through estimator.

Source: Bengio et al. 2013, "Estimating or Propagating Gradients Through
Stochastic Neurons", section 4.
"""

from __future__ import annotations

import torch

__all__ = ["passing", "round_passing", "scaled_gradient", "sign_of"]


def passing(value: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """``value``, with the gradient of ``x``; exactly ``value``, to the last bit."""
    return _Passing.apply(value, x)


class _Passing(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(_: object, value: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return value.clone()

    @staticmethod
    def backward(_: object, gradient: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, gradient


def round_passing(x: torch.Tensor) -> torch.Tensor:
    """Nearest whole number, ties to even, with the gradient of ``x``."""
    return passing(torch.round(x.detach()), x)


def sign_of(x: torch.Tensor) -> torch.Tensor:
    """+1 where ``x >= 0``, otherwise -1, with the gradient of ``x``."""
    x_value = x.detach()
    return passing(torch.where(x_value >= 0, torch.ones_like(x), -torch.ones_like(x)), x)


def scaled_gradient(x: torch.Tensor, factor: float) -> torch.Tensor:
    """``x``, with ``factor`` times its gradient."""
    return passing(x.detach(), x * factor)
