"""The quantizers' formulas: levels, gradients, optimality, what is the same on every machine."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.schemes.binary import (
    ScaledSignQuantizer,
    SignQuantizer,
    best_scale,
)
from hwcompress.compress.schemes.dorefa import DorefaActivations, DorefaWeights, noisy_gradient
from hwcompress.compress.schemes.lbcnn import anchors
from hwcompress.compress.schemes.log2 import GridWeights, LogWeights
from hwcompress.compress.schemes.lsq import StepQuantizer
from hwcompress.compress.schemes.ranges import MaxWeights, RangeActivations
from hwcompress.compress.schemes.separable import SeparableQuantizer, split_kernels
from hwcompress.compress.schemes.ternary import TernaryQuantizer
from hwcompress.errors import InputError


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bits", range(1, 8))
def test_dorefa_weights_have_all_levels_and_are_symmetric(bits: int) -> None:
    x = torch.linspace(-4, 4, 20001)
    value, scale, _, stored = DorefaWeights(bits)(x)
    levels = torch.round(value / scale)
    assert torch.equal(levels * scale, value)
    steps = 2**bits - 1
    assert sorted(set(levels.tolist())) == list(range(-steps, steps + 1, 2))
    assert levels.abs().max() < 2 ** max(int(stored) - 1, 1)
    assert torch.all(torch.diff(value) >= 0)
    # Symmetric, but where float32 rounds on the other side of a tie.
    mirrored = torch.round(-DorefaWeights(bits)(-x)[0] / scale)
    assert int((mirrored != levels).sum()) <= 3
    print(f"\nDoReFa {bits} bits: {len(set(levels.tolist()))} levels, twin 2**k = {2**bits}")
    if bits > 1:
        assert float(value.min()) == -1.0 and float(value.max()) == 1.0
    else:
        assert float(scale) == pytest.approx(float(x.abs().mean()))


@pytest.mark.parametrize("bits", range(1, 9))
def test_dorefa_activations(bits: int) -> None:
    x = torch.linspace(-1, 2, 30001)
    value, scale, _, _ = DorefaActivations(bits)(x)
    levels = torch.round(value / scale)
    assert sorted(set(levels.tolist())) == list(range(2**bits))
    inside = (x >= 0) & (x <= 1)
    assert float((value - x)[inside].abs().max()) <= 0.5 * float(scale) + 1e-6


def test_dorefa_gradients_keep_their_mean_and_have_few_levels() -> None:
    torch.manual_seed(1)
    gradient = normal(4, 500)
    total = torch.zeros_like(gradient)
    for _ in range(200):
        x = torch.zeros(4, 500, requires_grad=True)
        noisy_gradient(x, 4).backward(gradient)
        assert x.grad is not None
        assert len(set(x.grad[0].tolist())) <= 16
        total += x.grad
    step = 2 * gradient.abs().amax(dim=1) / 15
    off = (total / 200 - gradient).abs().amax(dim=1)
    assert torch.all(off < 0.25 * step)  # 200 draws; one draw may be half a step off


def test_binary_scale_has_the_least_squared_error() -> None:
    x = normal(16, 9, 3, 3)
    scale = best_scale(x, (1, 2, 3))
    signs = torch.where(x >= 0, 1.0, -1.0)

    def error(factor: float) -> torch.Tensor:
        return ((x - factor * scale * signs) ** 2).sum(dim=(1, 2, 3))

    least = error(1.0)
    factors = [item for item in np.linspace(0.5, 1.5, 100) if abs(item - 1) > 1e-9]
    assert len(factors) == 100
    for factor in factors:
        assert torch.all(error(float(factor)) > least)
    nearest = min(float((error(float(factor)) / least).min()) for factor in factors)
    print(
        f"\nthe mean magnitude has the least error in 16 filters;"
        f" the best of 100 other scales {nearest:.6f} times it"
    )


def test_binary_gradient_and_clipping() -> None:
    x = nn.Parameter(torch.tensor([-3.0, -0.5, 0.0, 2.0]))
    value, *_ = SignQuantizer().train()(x)
    assert value.tolist() == [-1.0, -1.0, 1.0, 1.0]
    assert x.tolist() == [-1.0, -0.5, 0.0, 1.0]  # real weights are clipped
    value.backward(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert x.grad is not None and x.grad.tolist() == [1.0, 2.0, 3.0, 4.0]
    # With a scale, equation 10: the gradient of the scale comes on top.
    x = nn.Parameter(torch.tensor([[0.2, -0.4]]))
    value, *_ = ScaledSignQuantizer((1,)).train()(x)
    value.backward(torch.tensor([[1.0, 1.0]]))
    assert x.grad is not None
    # d value_i / d x_i = a = 0.3, and a = mean |x| adds sign(x_i) / 2 * (1 - 1).
    assert torch.allclose(x.grad, torch.tensor([[0.3, 0.3]]))


def test_ternary_threshold_scale_and_zeros() -> None:
    x = normal(32, 400)
    value, scale, _, bits = TernaryQuantizer((1,))(x)
    assert int(bits) == 2
    zeros = float((value == 0).float().mean())
    print(f"\nternary: {100 * zeros:.0f} % zeros; twin of signs alone: 0 %")
    assert 0.25 <= zeros <= 0.60
    for row in range(32):
        cut = 0.7 * float(x[row].abs().mean())
        kept = x[row].abs() > cut
        assert torch.equal(value[row] != 0, kept)
        assert float(scale[row]) == pytest.approx(float(x[row].abs()[kept].mean()), rel=1e-5)


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_log_weights_are_powers_of_two(bits: int) -> None:
    x = normal(1000)
    quantizer = LogWeights(bits, x)
    value, step, _, _ = quantizer(x)
    size = value[value != 0].abs().double()
    assert torch.equal(torch.exp2(torch.round(torch.log2(size))), size)
    levels = set((value / step).tolist())
    magnitudes = {0.0} | {2.0**e for e in range(2 ** (bits - 1) - 1)}
    assert {abs(item) for item in levels} <= magnitudes
    assert max(map(abs, levels)) == max(magnitudes)
    assert len(levels) <= 2**bits
    grid = torch.round(x / step.max()).abs()
    twin = float(
        torch.isin(grid[grid > 0], torch.tensor([2.0**e for e in range(12)])).double().mean()
    )
    print(
        f"\nlog2, {bits} bits: 100 % of the weights powers of two; uniform twin {100 * twin:.0f} %"
    )


def test_grid_weights_are_clipped_to_the_grid() -> None:
    x = torch.tensor([-1.0, -0.9, -0.06, 0.05, 0.07, 0.99])
    value, step, _, _ = GridWeights(4, x)(x)
    assert float(step) == 0.125
    assert value.tolist() == [-0.875, -0.875, -0.0, 0.0, 0.125, 0.875]


def test_learned_step_gradient_is_that_of_the_paper() -> None:
    x = torch.tensor([-9.0, -0.7, 0.2, 0.9, 1.4, 9.0], requires_grad=True)
    quantizer = StepQuantizer(3, True).eval()  # in training it would begin with x
    value, step, _, _ = quantizer(x)
    assert value.tolist() == [-3.0, -1.0, 0.0, 1.0, 1.0, 3.0]
    value.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    # Equation 3: -Q, Q beyond the ends, round(x/s) - x/s within; by ds/dlog2 s = s ln 2.
    inside = (-1 + 0.7) + (0 - 0.2) + (1 - 0.9) + (1 - 1.4)
    wanted = (-3 + 3 + inside) * np.log(2) / np.sqrt(6 * 3)
    grad = quantizer.log_step.grad
    assert grad is not None and float(grad) == pytest.approx(wanted, rel=1e-5)
    assert float(step.detach()) == 1.0


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_learned_steps_may_be_powers_of_two(bits: int) -> None:
    for seed in range(5):
        quantizer = StepQuantizer(bits, True, power_of_two=True, start=normal(100, seed=seed))
        _, step, _, _ = quantizer(normal(100))
        assert float(torch.log2(step.detach())) == round(float(torch.log2(step.detach())))


def test_separable_kernels() -> None:
    value, *_ = SeparableQuantizer()(normal(64, 40, 3, 3))
    kernels = value.numpy().astype(np.int64)
    different = {item.tobytes() for item in kernels.reshape(-1, 9)}
    assert len(different) == 32  # of 2560 random kernels each of the 32 occurs
    plain = torch.where(normal(64, 40, 3, 3) >= 0, 1, -1).numpy().reshape(-1, 9)
    print(f"\nseparable: 32 different kernels of 2560; plain twin {len(np.unique(plain, axis=0))}")
    column, row = split_kernels(kernels)
    assert np.array_equal(column * row, kernels)
    with pytest.raises(InputError, match="no column of signs"):
        split_kernels(np.array([[1, 1], [1, -1]]))


def test_separable_layers_are_two_short_convolutions() -> None:
    """k x 1, then 1 x k, of each input channel: the same integers as the whole kernel."""
    value, *_ = SeparableQuantizer()(normal(6, 5, 3, 3))
    x = torch.randint(-1, 2, (2, 5, 9, 9), generator=torch.Generator().manual_seed(3)).double()
    whole = nn.functional.conv2d(x, value.double())
    column, row = split_kernels(value.numpy().astype(np.int64))
    total = torch.zeros_like(whole)
    for output, channel in itertools.product(range(6), range(5)):
        plane = x[:, channel : channel + 1]
        tall = torch.from_numpy(column[output, channel])[None, None].double()
        wide = torch.from_numpy(row[output, channel])[None, None].double()
        total[:, output] += nn.functional.conv2d(nn.functional.conv2d(plane, tall), wide)[:, 0]
    assert torch.equal(total, whole)
    print("\ncolumn, then row: 6 products a place and the same integers; whole kernels 9")


def test_anchors_are_the_same_everywhere() -> None:
    found = anchors(7, (3, 2, 3, 3), 0.5)
    assert np.array_equal(found, anchors(7, (3, 2, 3, 3), 0.5))
    assert not np.array_equal(found, anchors(8, (3, 2, 3, 3), 0.5))
    assert set(np.unique(found)) == {-1, 0, 1}
    # Pinned: a later version must draw the same ones.
    assert found[0, 0].reshape(-1).tolist() == PINNED
    many = anchors(1, (100000,), 0.3)
    print(
        f"\nanchors of seed 7 as pinned; density 0.3 gives {np.mean(many != 0):.4f};"
        f" twin of seed 8: {100 * np.mean(found != anchors(8, found.shape, 0.5)):.0f} % others"
    )
    assert abs(float(np.mean(many != 0)) - 0.3) < 0.01
    assert abs(float(np.mean(many))) < 0.01
    with pytest.raises(InputError, match="density 0"):
        anchors(1, (2,), 0.0)


PINNED = [0, 0, 0, -1, 1, 0, -1, 0, 0]


def fed(strategy: str, values: list[float], **options: object) -> list[float]:
    """The range after each step of a largest magnitude."""
    quantizer = RangeActivations(8, False, strategy=strategy, **options)  # type: ignore[arg-type]
    found = []
    for value in values:
        quantizer.watch(torch.tensor([0.0, value]))
        found.append(float(quantizer.reach))
    return found


def test_ranges_follow_a_step() -> None:
    low, high = [1.0] * 200, [10.0] * 60
    average = fed("moving_average", low + high, momentum=0.9)[200:]
    assert 21 <= next(i for i, item in enumerate(average, 1) if item >= 9.0) <= 23
    window = fed("window_max", [*low, *high, *low[:20]], window=10)
    assert window[200] == 10.0
    assert window[260 + 8] == 10.0 and window[260 + 9] == 1.0  # forgotten after ten steps
    mean = fed("mean", [1.0, 2.0, 3.0])
    assert mean == pytest.approx([1.0, 1.5, 2.0])
    assert fed("abs_max", [1.0, 5.0, 2.0]) == [1.0, 5.0, 2.0]


def test_an_outlier_moves_ranges() -> None:
    calm = [1.0] * 100
    average = fed("moving_average", [*calm, 40.0], momentum=0.9)[-1]
    assert (average - 1) / 39 <= 0.1001  # debiased: 1 / (1 - 0.9**101)
    assert fed("window_max", [*calm, 40.0])[-1] == 40.0
    assert fed("moving_average", [3.0])[0] == pytest.approx(3.0)  # not biased at its start


def test_a_frozen_range_does_not_depend_on_the_batch() -> None:
    quantizer = RangeActivations(4, True, power_of_two=False)
    for step in range(20):
        quantizer(normal(50, seed=step))
    quantizer.eval()
    x = normal(256, 7)
    whole = quantizer(x)[0]
    assert torch.equal(whole, torch.cat([quantizer(x[i : i + 1])[0] for i in range(256)]))
    assert float(quantizer.reach) > 1.0


@pytest.mark.parametrize("power_of_two", [False, True])
def test_weights_by_their_largest(power_of_two: bool) -> None:
    x = normal(8, 20)
    value, scale, _, _ = MaxWeights(4, (1,), power_of_two)(x)
    levels = value / scale
    assert torch.allclose(levels, torch.round(levels), atol=1e-5)
    top = torch.round(levels).abs().amax(dim=1)
    assert torch.all(top <= 7) and torch.all(top >= (4 if power_of_two else 7))
