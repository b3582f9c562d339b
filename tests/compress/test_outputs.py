"""What a module gives before the functions that are left to the host."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hwcompress.compress.outputs import before_host, ends_in_softmax, results_before_host
from hwcompress.errors import UnsupportedError


class Functional(nn.Module):
    """A softmax as a function, and another inside that must not be mistaken for it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = torch.softmax(x, dim=1)
        return torch.softmax(self.linear(x * gate), dim=1)


def linear_part(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    if isinstance(module, Functional):
        return module.linear(x * torch.softmax(x, dim=1))
    return module[0](x)


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1)),
        nn.Sequential(nn.Linear(4, 3), nn.Sigmoid()),
        Functional(),
    ],
)
def test_the_last_function_is_left_out(module: nn.Module) -> None:
    x = torch.randn(5, 4)
    assert torch.equal(before_host(module, x, 1), linear_part(module, x))
    assert torch.equal(before_host(module, x, 0), module(x))


def test_several_functions_are_left_out() -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Softmax(dim=1))
    x = torch.randn(5, 4)
    assert torch.equal(before_host(module, x, 2), module[0](x))


@pytest.mark.parametrize(
    ("tail", "functions"),
    [
        (nn.LogSoftmax(dim=1), 1),
        (nn.Sequential(nn.Sigmoid(), nn.Dropout(), nn.Flatten()), 2),
        (nn.Sequential(nn.Softmax(dim=1), nn.Hardtanh(0.1, 0.5)), 2),
    ],
)
def test_other_ends(tail: nn.Module, functions: int) -> None:
    linear = nn.Linear(4, 3)
    module = nn.Sequential(linear, tail).eval()
    x = torch.randn(5, 4)
    assert torch.equal(before_host(module, x, functions), linear(x))


class TwoEnds(nn.Module):
    """Two inputs, and a result of each; the second one has a host function."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(5, 2)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.first(a), torch.sigmoid(self.second(b))


def test_each_result_before_its_own_functions() -> None:
    module, data = TwoEnds(), (torch.randn(6, 4), torch.randn(6, 5))
    found = results_before_host(module, data, {0: 0, 1: 1})
    assert torch.equal(found[0], module.first(data[0]))
    assert torch.equal(found[1], module.second(data[1]))
    plainly = results_before_host(module, data, {1: 0})
    assert list(plainly) == [1]
    assert torch.equal(plainly[1], torch.sigmoid(found[1]))


def test_functions_that_are_not_found() -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())
    with pytest.raises(UnsupportedError, match="cannot be told"):
        before_host(module, torch.randn(5, 4), 3)


def test_softmax_is_recognized() -> None:
    x = torch.randn(6, 4)
    assert ends_in_softmax(Functional(), x)
    assert not ends_in_softmax(nn.Linear(4, 3), x)
    assert not ends_in_softmax(nn.Sequential(nn.Linear(4, 3), nn.Sigmoid()), x)
