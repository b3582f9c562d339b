"""Channels of very different ranges (Krishnamoorthi), and batch norms folded."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn

from hwcompress.compress.calibration.equalize import equalize, fold_batch_norm
from hwcompress.compress.calibration.observe import activation_quantizers
from hwcompress.compress.calibration.post_training import post_training
from hwcompress.compress.calibration.weights import WeightRange
from hwcompress.compress.train import logits
from hwcompress.errors import InputError
from tests.compress.calibration.digits import d8, points, trained
from tests.compress.calibration.exact import beside


def imbalanced(module: nn.Module, seed: int) -> fx.GraphModule:
    """The same function; channels multiplied by random ``e**-4`` to ``e**4``."""
    folded = fold_batch_norm(module)
    generator = torch.Generator().manual_seed(seed)
    layers = [part for part in folded.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        for first, second in pairwise(layers):
            count = first.weight.shape[0]
            factor = torch.exp(torch.rand(count, generator=generator) * 8 - 4)
            first.weight *= factor.view(-1, 1, 1, 1)
            first.bias *= factor
            if isinstance(second, nn.Conv2d):
                second.weight /= factor.view(1, -1, 1, 1)
            else:
                second.weight /= factor.repeat_interleave(second.in_features // count)
    return folded


def _weights_only(module: nn.Module, per_channel: bool, samples: np.ndarray) -> nn.Module:
    wanted = WeightRange(per_channel=per_channel, power_of_two=False)
    result = post_training(module, samples, wanted)
    for part in activation_quantizers(result).values():
        part.act_quant.disable_quant = True
    return result


def check(seeds: range, capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for seed in seeds:
        data = d8(seed)
        given = imbalanced(trained(seed), seed)
        level, groups = equalize(given)
        assert groups == 3
        assert np.abs(logits(level, data.test) - logits(given, data.test)).max() < 1e-4
        rows.append(
            [
                points(given, data),
                points(_weights_only(given, False, data.x[:100]), data),
                points(_weights_only(given, True, data.x[:100]), data),
                points(_weights_only(level, False, data.x[:100]), data),
                points(post_training(level, data.x[:300], WeightRange(per_channel=False)), data),
            ]
        )
    floats, tensor, channel, equal, all_integers = np.mean(rows, axis=0)
    with capsys.disabled():
        print(
            f"\nchannels times e^-4..e^4: float {floats:.1f}, W8 per tensor {tensor:.1f}, per"
            f" channel {channel:.1f}, equalized per tensor {equal:.1f}; W8A8 with powers of two,"
            f" equalized, per tensor {all_integers:.1f}"
        )
    assert tensor < 30
    assert tensor + 30 < channel < floats
    assert equal > floats - 0.5
    assert all_integers > floats - 1


def test_imbalance(capsys: pytest.CaptureFixture[str]) -> None:
    check(range(1), capsys)


@pytest.mark.long
def test_imbalance_for_every_seed(capsys: pytest.CaptureFixture[str]) -> None:
    check(range(3), capsys)


def test_equalized_in_integers(tmp_path: Path) -> None:
    data = d8(0)
    level, _ = equalize(imbalanced(trained(0), 0))
    module = post_training(level, data.x[:300], WeightRange(per_channel=False))
    found = beside(module, data.test, tmp_path)
    assert found.mismatches == 0


def test_branches_are_equalized_as_one(tmp_path: Path) -> None:
    """A sum's branches and its readers have one factor a channel, or none."""

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
            self.last = nn.Linear(6 * 64, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.one(x))
            x = torch.relu(x + self.two(x))
            return self.last(torch.flatten(x, 1))

    torch.manual_seed(0)
    module = Residual().eval()
    with torch.no_grad():
        module.one.weight *= torch.logspace(-2, 2, 6).view(-1, 1, 1, 1)
    x = np.random.default_rng(1).random((60, 1, 8, 8)).astype(np.float32)
    level, _ = equalize(module)
    wanted = logits(module, x)
    assert np.abs(logits(level, x) - wanted).max() < 1e-4 * np.abs(wanted).max()
    assert beside(post_training(level, x), x, tmp_path).mismatches == 0


@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)]
)
def test_folding_keeps_the_logits(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    data, module = d8(seed), trained(seed)
    folded = fold_batch_norm(module)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    worst = np.abs(logits(folded, data.test) - logits(module, data.test)).max()
    fused = torch.nn.utils.fuse_conv_bn_eval(module[0], module[1])
    twin = folded.get_submodule("0")
    assert torch.allclose(fused.weight, twin.weight, rtol=1e-6, atol=0)
    assert torch.allclose(fused.bias, twin.bias, rtol=1e-5, atol=1e-7)
    with capsys.disabled():
        print(f"\nfolded batch norms: logits move by {worst:.1e} at most")
    assert worst < 1e-5
    assert points(folded, data) == points(module, data)


def test_refusals() -> None:
    module = trained(0)
    with pytest.raises(InputError, match="0 iterations of equalization"):
        equalize(module, iterations=0)
    quantized = post_training(module, d8(0).x[:50])
    with pytest.raises(InputError, match="equalization of a module that is quantized already"):
        equalize(quantized)
    with pytest.raises(InputError, match="the module has quantizers already"):
        post_training(quantized, d8(0).x[:50])
