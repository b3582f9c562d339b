"""GPTQ, GPFQ, learned rounding and bias correction beside rounding to nearest (D8)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.calibration.learned_rounding import learn_rounding
from hwcompress.compress.calibration.post_training import post_training
from hwcompress.compress.calibration.repair import correct_bias, gpfq, gptq
from hwcompress.compress.calibration.weights import WeightRange
from hwcompress.compress.schemes import weight_levels
from hwcompress.compress.train import logits
from hwcompress.errors import InputError
from tests.compress.calibration.digits import d8, points, trained
from tests.compress.calibration.exact import beside

REPAIRS: dict[str, Callable[[nn.Module, np.ndarray], nn.Module]] = {
    "to nearest": lambda module, x: module,
    "bias correction": correct_bias,
    "GPTQ": gptq,
    "GPTQ, ordered": lambda module, x: gptq(module, x, act_order=True),
    "GPFQ": gpfq,
    "learned rounding": lambda module, x: learn_rounding(module, x, iterations=120),
}


def check(
    names: tuple[str, ...],
    seeds: range,
    bits: int,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for seed in seeds:
        data, module = d8(seed), trained(seed)
        wanted = logits(module, data.test)
        given = post_training(
            module, data.x[:128], WeightRange(bits, per_channel=False, method="mse")
        )
        steps = {
            name: part.quant_weight().scale.clone()
            for name, part in given.named_modules()
            if hasattr(part, "weight_quant")
        }
        for name in names:
            result = REPAIRS[name](given, data.x[:128])
            for layer, scale in steps.items():
                assert torch.equal(result.get_submodule(layer).quant_weight().scale, scale)
            error = float(np.mean((logits(result, data.test) - wanted) ** 2))
            rows[name].append((error, points(result, data)))
            assert beside(result, data.test[:50], folder).mismatches == 0
    found = {name: np.mean(values, axis=0) for name, values in rows.items()}
    with capsys.disabled():
        print(f"\nD8, weights of {bits} bits per tensor, powers of two: logits' error, accuracy")
        for name, (error, share) in found.items():
            print(f"  {name}: {error:.3f}, {share:.1f} %")
    nearest = found["to nearest"][0]
    for name, factor in (("GPTQ", 0.85), ("GPFQ", 0.4), ("learned rounding", 0.4)):
        if name in found:
            assert found[name][0] < factor * nearest
    if "bias correction" in found and bits > 3:
        assert found["bias correction"][0] < 0.8 * nearest


def test_errors_of_three_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(("to nearest", "GPTQ", "GPFQ"), range(1), 3, tmp_path, capsys)


def test_bias_correction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(("to nearest", "bias correction"), range(1), 4, tmp_path, capsys)


@pytest.mark.long
@pytest.mark.parametrize("bits", [2, 3, 4])
def test_errors_for_every_seed(
    bits: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(tuple(REPAIRS), range(3), bits, tmp_path, capsys)


def test_rounding_moves_by_less_than_a_step() -> None:
    """Learned rounding goes up or down; it makes no other change."""
    data = d8(0)
    given = post_training(trained(0), data.x[:64], WeightRange(4, method="mse"))
    result = learn_rounding(given, data.x[:64], iterations=30)
    changed = 0
    for name, part in given.named_modules():
        if not hasattr(part, "weight_quant"):
            continue
        exact = part.weight.detach().double() / part.quant_weight().scale.double()
        levels, _ = weight_levels(result.get_submodule(name))
        inside = exact.abs() <= 7
        assert float((levels - exact)[inside].abs().max()) < 1
        changed += int((levels != weight_levels(part)[0]).sum())
    assert changed > 20


def test_depthwise_and_bias_free_layers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3, bias=False),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.ReLU(),
        nn.Conv2d(8, 4, 1, bias=False),
        nn.Flatten(),
        nn.Linear(64, 3),
    )
    x = np.random.default_rng(0).random((60, 1, 8, 8)).astype(np.float32)
    given = post_training(module, x, WeightRange(4, method="mse"))
    for name, repair in REPAIRS.items():
        learned = name == "learned rounding"
        result = learn_rounding(given, x, iterations=10) if learned else repair(given, x)
        assert beside(result, x, tmp_path).mismatches == 0, name
    corrected = correct_bias(given, x)
    assert corrected.get_submodule("0").bias is not None


def test_refusals() -> None:
    data = d8(0)
    with pytest.raises(InputError, match="no layer has quantized weights"):
        gptq(trained(0), data.x[:20])
    given = post_training(trained(0), data.x[:20])
    for repair, said in ((gptq, "GPTQ"), (gpfq, "GPFQ"), (correct_bias, "bias correction")):
        with pytest.raises(InputError, match=f"no samples for {said}"):
            repair(given, data.x[:0])
    with pytest.raises(InputError, match="no samples for learned rounding"):
        learn_rounding(given, data.x[:0])
    with pytest.raises(InputError, match="0 iterations"):
        learn_rounding(given, data.x[:20], iterations=0)
    rounded = gptq(given, data.x[:20])
    with pytest.raises(InputError, match="bias correction of weights that are rounded already"):
        correct_bias(rounded, data.x[:20])
