"""Which weights pruning takes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hwcompress.compress.recipe.recipe import parse_recipe
from hwcompress.compress.recipe.run import run_recipe
from hwcompress.compress.recipe.state import Data


@pytest.mark.parametrize("share", [0.0, 0.01, 0.37, 0.5, 0.99])
@pytest.mark.parametrize("ties", [False, True])
def test_the_smallest_weights_are_cut_and_the_first_of_equal_ones(share: float, ties: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(20, 10, bias=False)
    with torch.no_grad():
        weight = torch.randn(10, 20)
        layer.weight.copy_(torch.round(weight) + 0.5 if ties else weight)
    recipe = parse_recipe(f'[[step]]\nname = "prune"\nsparsity = {share}\n', "cut")
    data = Data(torch.rand(4, 20).numpy())
    module = run_recipe(nn.Sequential(layer), data, recipe).module
    count = round(share * 200)
    wanted = layer.weight.detach().clone().reshape(-1)
    wanted[torch.argsort(wanted.abs(), stable=True)[:count]] = 0.0
    (found,) = (part.weight.detach() for part in module.modules() if isinstance(part, nn.Linear))
    assert torch.equal(found.reshape(-1), wanted)
