"""Small float modules of many shapes, for samples of shape (1, 6, 6), three classes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CASES", "Branch", "Functional", "with_activation"]


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
        self.head = nn.Linear(144, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first(x))
        return self.head(functional.relu(y + self.second(y)).flatten(1))


class Gated(nn.Module):
    """A product of two branches, a product with itself, and constants."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Conv2d(1, 4, 3), nn.Conv2d(1, 4, 3), nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.one(x) * torch.sigmoid(self.two(x))
        y = y * functional.relu6(y + 3.0) / 6.0  # hard-swish, by hand
        return self.head(y.flatten(1))


class Parts(nn.Module):
    """Channels cut, worked on, and put together again; a size in between."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.side = nn.Conv2d(1, 4, 3, bias=False), nn.Conv2d(2, 2, 1)
        self.last, self.head = nn.Conv2d(8, 2, 1), nn.Linear(2 * 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.first(x))
        left, right = x[:, :2], x[:, 2:]
        x = torch.cat([x, left - self.side(right), functional.relu(self.side(left))], dim=1)
        return self.head(self.last(x).view(x.size(0), -1))


class Enlarged(nn.Module):
    """Down and up again, by repetition and by a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.up = nn.Conv2d(1, 4, 3, padding=1), nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.norm, self.last = nn.BatchNorm2d(2), nn.Conv2d(6, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.max_pool2d(functional.relu(self.first(x)), 2)
        repeated = functional.interpolate(y, scale_factor=2.0, mode="nearest")
        y = torch.cat([repeated, functional.relu(self.norm(self.up(y)))], dim=1)
        return self.last(y).mean((2, 3))


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


def _signal() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(2),
        nn.Conv1d(1, 4, 5, stride=2, padding=2),
        nn.BatchNorm1d(4),
        nn.ReLU(),
        nn.AvgPool1d(3),
        nn.ConvTranspose1d(4, 2, 3, stride=2, padding=1, output_padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24, 3),
    )


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
    "silu": lambda: with_activation(nn.SiLU),
    "gelu": lambda: with_activation(nn.GELU),
    "hard-swish": lambda: with_activation(nn.Hardswish),
    "mish": lambda: with_activation(nn.Mish),
    "softplus": lambda: with_activation(nn.Softplus),
    "residual": Residual,
    "gated": Gated,
    "parts": Parts,
    "enlarged": Enlarged,
    "signal": _signal,
}
