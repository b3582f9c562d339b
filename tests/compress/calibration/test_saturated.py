"""One outlier image among 300 (D8): the whole range against smaller ones; what saturates."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.compress.calibration.observe import observe
from hwcompress.compress.calibration.post_training import post_training
from hwcompress.compress.calibration.saturation import saturation
from hwcompress.compress.calibration.thresholds import ActivationRange, Method, threshold
from hwcompress.compress.calibration.weights import WeightRange
from tests.compress.calibration.digits import d8, points, trained

WEIGHTS = WeightRange(power_of_two=False)


def _with_outlier(x: np.ndarray) -> np.ndarray:
    some = x[:300].copy()
    some[123] *= 40
    return some


def _accuracy(seed: int, samples: np.ndarray, bits: int, method: Method, share: float) -> float:
    wanted = ActivationRange(bits, power_of_two=False, method=method, percentile=share)
    return points(post_training(trained(seed), samples, WEIGHTS, wanted), d8(seed))


Columns = tuple[tuple[str, Method, float], ...]
COLUMNS: Columns = (
    ("max", "max", 100),
    ("moving average", "moving_average", 100),
    ("divergence", "kl", 100),
    ("99 percentile", "percentile", 99),
    ("least squares", "mse", 100),
)


def check(
    seeds: range, margins: dict[int, float], columns: Columns, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["", "activations with one x40 image in 300  (clean max)"]
    for bits, margin in margins.items():
        clean = [_accuracy(s, d8(s).x[:300], bits, "max", 100) for s in seeds]
        found = {
            name: np.mean(
                [_accuracy(s, _with_outlier(d8(s).x), bits, method, share) for s in seeds]
            )
            for name, method, share in columns
        }
        said = ", ".join(f"{name} {value:.1f}" for name, value in found.items())
        lines.append(f"{bits} bits: {said}  ({np.mean(clean):.1f})")
        assert found["divergence"] >= found["max"] + margin
        assert found["99 percentile"] >= found["max"] + margin
    with capsys.disabled():
        print("\n".join(lines))


def test_smaller_ranges_win(capsys: pytest.CaptureFixture[str]) -> None:
    few = tuple(item for item in COLUMNS if item[0] in ("max", "divergence", "99 percentile"))
    check(range(1), {6: 5, 4: 50}, few, capsys)


@pytest.mark.long
def test_smaller_ranges_win_for_every_seed(capsys: pytest.CaptureFixture[str]) -> None:
    check(range(3), {8: -0.5, 6: 5, 4: 50}, COLUMNS, capsys)


def test_thresholds_fall_back_to_the_clean_range(capsys: pytest.CaptureFixture[str]) -> None:
    """The divergence finds a range near the clean one, though the largest value is 30 times it."""
    data = d8(0)
    module = post_training(trained(0), data.x[:300], WEIGHTS)
    clean = observe(module, data.x[:300])
    dirty = observe(module, _with_outlier(data.x))
    wanted = ActivationRange(8, method="kl")
    with capsys.disabled():
        print("\nrange of an activation, by the clean one: max, divergence")
        for name, item in dirty.items():
            most, kept = item.ends.reach, threshold(item, wanted, False)
            whole = clean[name].ends.reach
            print(f"  {name}: {most / whole:.1f}, {kept / whole:.2f}")
            assert most > 10 * whole
            assert kept < most / 3


def test_saturation_is_counted() -> None:
    data = d8(0)
    small = ActivationRange(4, power_of_two=False, method="percentile", percentile=95)
    module = post_training(trained(0), data.x[:300], WeightRange(), small)
    found = {item.name: item for item in saturation(module, data.x[:300])}
    assert [item.kind for item in found.values()] == ["activation"] * 4 + ["weight"] * 4
    first = found["act_quant_0"]
    scale = float(module.get_submodule("act_quant_0").act_quant.scale())
    steps = np.rint(data.x[:300].astype(np.float64) / scale)
    assert first.values == data.x[:300].size
    assert first.saturated == np.count_nonzero(steps > 15)
    assert first.high == pytest.approx(15 * scale)
    assert first.largest == 1.0
    for name in ("act_quant_1", "act_quant_2", "act_quant_3"):
        assert 0.01 < found[name].share < 0.08  # 95 of a hundred are within
    every = ActivationRange(method="max")
    unsaturated = post_training(trained(0), data.x[:300], WeightRange(), every)
    whole = saturation(unsaturated, data.x[:300])
    assert all(item.saturated == 0 for item in whole if item.kind == "weight")
    assert sum(item.saturated for item in whole) <= 5  # rounded weights may reach a little further


def test_weights_that_saturate_are_counted() -> None:
    data = d8(0)
    cut = WeightRange(4, power_of_two=False, method="percentile", percentile=90)
    module = post_training(trained(0), data.x[:100], cut)
    found = {item.name: item for item in saturation(module, data.x[:20])}
    layer = module.get_submodule("12")
    made = layer.quant_weight()
    steps = np.rint(layer.weight.detach().double().numpy() / float(made.scale))
    assert found["12"].saturated == np.count_nonzero(np.abs(steps) > 7) > 0
    assert 0.02 < found["12"].share < 0.1
