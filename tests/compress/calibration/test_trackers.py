"""How a range follows a step and an outlier, and that a frozen one follows nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.calibration.tracked import (
    Strategy,
    freeze_tracked,
    track_scales,
    tracked_activation,
)
from hwcompress.compress.calibration.trackers import MovingAverage, WindowMax, tracker
from hwcompress.compress.quantize import quantize_module
from hwcompress.compress.train import train_classifier
from hwcompress.errors import InputError
from tests.compress.calibration.digits import cnn8, d8, points

STRATEGIES = ("abs_max", "window_max", "moving_average", "mean")


def test_step_response() -> None:
    average, window = MovingAverage(0.9), WindowMax(30)
    for _ in range(300):
        average.add(1.0)
        window.add(1.0)
    steps = 0
    while average.value < 9.0:
        average.add(10.0)
        steps += 1
    assert abs(steps - 22) <= 1
    print(f"\nafter a step from 1 to 10 the average reaches 9 in {steps} batches; window twin in 1")
    assert window.add(10.0) == 10.0  # at once
    back = 0
    while window.value > 1.0:
        window.add(1.0)
        back += 1
    assert back == 30  # forgotten after the window


def test_outlier() -> None:
    average, window = MovingAverage(0.9), WindowMax(30)
    for _ in range(300):
        average.add(1.0)
        window.add(1.0)
    moved, twin = average.add(41.0) - 1.0, window.add(41.0) - 1.0
    print(
        f"\nan outlier moves the average by {100 * moved / 40:.1f} %,"
        f" the window by {twin / 0.4:.0f} %"
    )
    assert moved <= 0.1 * 40.0 + 1e-9
    assert twin == 40.0


def test_the_average_is_not_biased_towards_zero() -> None:
    assert MovingAverage(0.9).add(5.0) == pytest.approx(5.0)
    assert MovingAverage(0.9).over([3.0, 3.0]) == pytest.approx(3.0)
    assert MovingAverage(0.9).value == 0.0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_records_go_on(strategy: str) -> None:
    random = np.random.default_rng(3)
    values = random.random(25).tolist()
    whole = tracker(strategy, window=7)
    first, second = tracker(strategy, window=7), tracker(strategy, window=7)
    first.over(values[:11])
    assert len(first.record()) == len(second.record())
    second.restore(first.record())
    assert second.over(values[11:]) == whole.over(values)


def test_trained_and_frozen(capsys: pytest.CaptureFixture[str]) -> None:
    _trained("moving_average", 2, capsys)


@pytest.mark.long
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_trained_and_frozen_by_every_strategy(
    strategy: Strategy, capsys: pytest.CaptureFixture[str]
) -> None:
    _trained(strategy, 12, capsys)


def _trained(strategy: Strategy, epochs: int, capsys: pytest.CaptureFixture[str]) -> None:
    data = d8(0)
    torch.manual_seed(0)
    module = quantize_module(
        cnn8(), weight_bits=4, act_bits=4, input_scale=2.0**-4, signed_input=False
    )
    assert track_scales(module, strategy, window=20) == 3  # the input's scale is a constant
    train_classifier(module, data.x, data.y, epochs=epochs, batch=64)
    before = points(module, data)
    assert freeze_tracked(module) == 3
    after = points(module, data)
    module.eval()
    x = torch.tensor(data.test[:256])
    with torch.no_grad():
        together = module(x)
        apart = torch.cat([module(row[None]) for row in x])
    assert torch.equal(together, apart)
    scales = [
        float(part.act_quant.scale()) for part in module.modules() if hasattr(part, "act_quant")
    ]
    assert all(np.log2(scale) % 1 == 0 for scale in scales)
    with capsys.disabled():
        print(f"\n{strategy}: {before:.1f} % tracked, {after:.1f} % frozen at powers of two")
    assert after > 90


def test_the_record_is_in_the_state() -> None:
    torch.manual_seed(1)
    first, second = (tracked_activation(4, False, "window_max", window=5) for _ in range(2))
    first.train()
    for _ in range(3):
        first(torch.rand(10))
    second.load_state_dict(first.state_dict())
    x = torch.rand(10)
    assert torch.equal(first.eval()(x), second.eval()(x))


def test_refusals() -> None:
    with pytest.raises(InputError, match="there is no scale strategy 'median'"):
        tracker("median")
    with pytest.raises(InputError, match="a window of 0 steps"):
        WindowMax(0)
    with pytest.raises(InputError, match="a momentum of 1"):
        MovingAverage(1.0)
    with pytest.raises(InputError, match="was zero for every batch, or never computed"):
        freeze_tracked(nn.Sequential(tracked_activation(4, False)))
    with pytest.raises(InputError, match="no activation scale is learned"):
        track_scales(nn.Sequential(nn.Linear(2, 2)), "mean")
