"""Small float modules of many shapes, for samples of shape (1, 6, 6), three classes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CASES", "Branch", "Functional", "Residual", "with_activation"]


class Functional(nn.Module):
    """Functions instead of modules, and ``view``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.norm(self.conv(x))), 2)
        return self.head(x.view(x.shape[0], -1))


class Pooled(nn.Module):
    """A global average, as a function of pooling or as a mean over two axes."""

    def __init__(self, mean: bool) -> None:
        super().__init__()
        self.mean, self.conv, self.head = mean, nn.Conv2d(1, 4, 3, bias=False), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.conv(x))
        if self.mean:
            return self.head(x.mean((2, 3)))
        return self.head(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class Reused(nn.Module):
    """One layer and one activation used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.relu, self.head = nn.Linear(36, 36), nn.ReLU(), nn.Linear(36, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.layer(x.flatten(1)))
        return self.head(self.relu(self.layer(x)))


class Keywords(nn.Module):
    """Arguments by name."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(36, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(input=self.layer(input=x.flatten(start_dim=1)))


class Residual(nn.Module):
    """A sum of two branches."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first(x))
        return functional.relu(y + self.second(y)).flatten(1)


class Branch(nn.Module):
    """Control flow on a value."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(36, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.flatten(1)) if x.sum() > 0 else self.head(-x.flatten(1))


def with_activation(make: Callable[[], nn.Module]) -> nn.Module:
    """Two linear layers with this activation between them."""
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), make(), nn.Linear(8, 3))


def _nested() -> nn.Module:
    inner = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
    head = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(16, 3))
    return nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3), inner), nn.AvgPool2d(2), head)


def _depthwise() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, groups=4, padding=1),
        nn.BatchNorm2d(4, affine=False),
        nn.ReLU(),
        nn.Conv2d(4, 8, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    )


def _odd_windows() -> nn.Module:
    conv = nn.Conv2d(1, 4, 3, padding=(2, 1), dilation=2, stride=(2, 1))
    return nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(48, 3))


def _norm_after_linear() -> nn.Module:
    body = (nn.Linear(36, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3))
    return nn.Sequential(nn.Flatten(), *body)


def _norm_first() -> nn.Module:
    body = (nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    return nn.Sequential(nn.BatchNorm2d(1), *body)


CASES: dict[str, Callable[[], nn.Module]] = {
    "functional": Functional,
    "pooled": lambda: Pooled(mean=False),
    "mean": lambda: Pooled(mean=True),
    "reused": Reused,
    "keywords": Keywords,
    "nested": _nested,
    "depthwise": _depthwise,
    "odd windows": _odd_windows,
    "norm after linear": _norm_after_linear,
    "norm first": _norm_first,
    "relu6": lambda: with_activation(nn.ReLU6),
    "hardtanh": lambda: with_activation(nn.Hardtanh),
    "tanh": lambda: with_activation(nn.Tanh),
    "sigmoid": lambda: with_activation(nn.Sigmoid),
    "leaky": lambda: with_activation(lambda: nn.LeakyReLU(0.125)),
    "two linear": lambda: with_activation(nn.Identity),
}
