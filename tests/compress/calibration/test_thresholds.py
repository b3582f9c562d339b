"""Ranges from histograms, and the divergence beside onnxruntime's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from onnxruntime.quantization.calibrate import HistogramCollector

from hwcompress.compress.calibration.grid import Grid
from hwcompress.compress.calibration.histogram import BINS, Ends, Histogram, empty
from hwcompress.compress.calibration.kl import best_bins, best_bins_two_sided, divergence
from hwcompress.compress.calibration.thresholds import (
    ActivationRange,
    Method,
    activation_grid,
    threshold,
)
from hwcompress.errors import InputError


def histogram(values: np.ndarray, batch: int = 1000) -> Histogram:
    ends = Ends()
    parts = [values[i : i + batch] for i in range(0, len(values), batch)]
    for part in parts:
        ends.add(part)
    made = empty(ends)
    for part in parts:
        made.add(part)
    return made


DRAWS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda r: r.normal(size=20_000),
    "laplace": lambda r: r.laplace(size=20_000),
    "after a ReLU": lambda r: np.maximum(r.normal(size=20_000), 0),
    "with outliers": lambda r: np.where(r.random(20_000) < 1e-3, 30.0, r.normal(size=20_000)),
    "uniform": lambda r: r.uniform(-1, 1, 3_000),
    "heavy tails": lambda r: r.standard_t(2, size=5_000),
    "few values": lambda r: r.integers(-5, 6, 4_000).astype(float),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("bins", [pytest.param(512, marks=pytest.mark.long), 2048])
def test_onnxruntime_finds_the_same_threshold(name: str, bins: int) -> None:
    x = DRAWS[name](np.random.default_rng(7)).astype(np.float32)
    reach = np.abs(x).max()
    counts, edges = np.histogram(x, bins, range=(-reach, reach))
    collector = HistogramCollector("entropy", True, bins, 128, 99.9, "same")
    _, theirs = collector.get_entropy_threshold((counts, edges, x.min(), x.max(), reach), 128)
    kept = best_bins_two_sided(counts, 128)
    ours = min(edges[min(bins // 2 + kept.bins + 1, bins)], x.max())
    width = edges[1] - edges[0]
    print(f"\n{name}: {float(ours):.4f}, onnxruntime {float(theirs):.4f}; a bin is {width:.4f}")
    assert abs(float(theirs) - float(ours)) <= width


def test_the_divergence_leaves_outliers_out(capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        x = random.normal(size=100_000)
        out = random.random(x.size) < 1e-3
        x = np.where(out, 30.0 * np.sign(x), x)
        made = histogram(x)
        kept = threshold(made, ActivationRange(8, method="kl"), True)
        most = threshold(made, ActivationRange(8, method="max"), True)
        assert 2.5 <= kept <= 6
        assert most > 20
        lines.append(f"{kept:.2f} (max {most:.1f})")
    with capsys.disabled():
        print(f"\nnormal with 0.1 % outliers of 30 sigma, T by divergence: {', '.join(lines)}")


def test_ties_and_nothing_at_all() -> None:
    assert best_bins(np.zeros(300, int), 128).bins == 128  # nothing anywhere: the first
    assert np.all(np.isinf(best_bins(np.zeros(300, int), 128).curve))
    flat = best_bins(np.full(256, 4), 128)
    assert flat.bins == 128 + int(np.argmin(flat.curve))
    alone = np.zeros(2048, int)
    alone[3] = 50  # whatever is kept holds it: all are equal but for empty bins
    assert best_bins(alone, 128).bins == 128
    assert divergence(np.full(128, 5), 0, 0, 128) == pytest.approx(0, abs=1e-12)
    assert divergence(np.full(128, 5), 0, 500, 128) > 0.1
    with pytest.raises(InputError, match="100 bins of a histogram for 128 levels"):
        best_bins(np.zeros(100, int), 128)


def test_a_dead_channel_among_others_and_a_dead_tensor() -> None:
    dead = histogram(np.zeros(500))
    for method in ("max", "moving_average", "percentile", "mse", "kl"):
        assert threshold(dead, ActivationRange(method=method), False) == 0
        with pytest.raises(InputError, match="zero for all calibration samples"):
            activation_grid(dead, ActivationRange(method=method), False)


@pytest.mark.parametrize("method", ["max", "percentile", "mse", "kl"])
def test_batches_do_not_matter(method: Method) -> None:
    x = np.random.default_rng(2).normal(size=5000) ** 3
    wanted = ActivationRange(6, method=method)
    grids = [activation_grid(histogram(x, batch), wanted, True) for batch in (1, 77, 5000)]
    assert len(set(grids)) == 1


def test_counts_are_numpys() -> None:
    x = np.random.default_rng(8).normal(size=4000)
    made = histogram(x, 100)
    reach = np.abs(x).max()
    counts, _ = np.histogram(x, 2 * BINS, range=(-reach, reach))
    ours = np.concatenate([made.negative[::-1], made.positive])
    assert made.count == 4000
    # numpy puts a value on an edge to its right, and so do we, but outwards.
    assert np.abs(ours - counts).sum() <= 2


def test_methods_by_hand() -> None:
    x = np.concatenate([np.linspace(0, 1, 999), [16.0]])
    made = histogram(x, 100)

    def reach(method: Method, **options: float) -> float:
        return threshold(made, ActivationRange(8, method=method, **options), False)  # type: ignore[arg-type]

    assert reach("max") == 16
    assert reach("percentile", percentile=99.9) == pytest.approx(1.0, abs=2 * made.width)
    assert reach("percentile", percentile=100) == 16
    average = 0.0
    for batch in range(10):
        average = 0.9 * average + 0.1 * x[batch * 100 : batch * 100 + 100].max()
    assert reach("moving_average") == pytest.approx(average / (1 - 0.9**10))
    errors = {
        scale: float(((Grid(scale, 3, False).fake(x) - x) ** 2).sum())
        for scale in np.linspace(0.01, 3, 600)
    }
    best = threshold(made, ActivationRange(3, method="mse"), False) / 7
    assert float(((Grid(best, 3, False).fake(x) - x) ** 2).sum()) < min(errors.values()) * 1.02


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("method", ["max", "moving_average", "percentile"])
def test_powers_of_two_cover_the_range(method: Method, signed: bool) -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        x = random.normal(size=2000) * np.exp(random.uniform(-5, 5))
        made = histogram(x if signed else np.abs(x), 100)
        wanted = ActivationRange(5, method=method)
        grid = activation_grid(made, wanted, signed)
        reach = threshold(made, wanted, signed)
        assert grid.is_power_of_two
        assert grid.high * grid.scale >= reach > grid.high * grid.scale / 2


@pytest.mark.parametrize("signed", [False, True])
def test_divergence_with_powers_of_two(signed: bool) -> None:
    """One of the two powers beside the threshold, also with outliers."""
    for seed in range(3):
        random = np.random.default_rng(seed)
        x = random.normal(size=4000) * np.exp(random.uniform(-3, 3))
        x = np.where(random.random(x.size) < 1e-3, 20 * x, x)
        made = histogram(x if signed else np.abs(x))
        wanted = ActivationRange(8, method="kl")
        grid, reach = activation_grid(made, wanted, signed), threshold(made, wanted, signed)
        assert grid.is_power_of_two
        ratio = grid.high * grid.scale / reach
        assert 0.5 <= ratio < 2


def test_asymmetric_ranges() -> None:
    x = np.random.default_rng(4).normal(2.0, 1.0, 5000)
    made = histogram(x)

    def error(symmetric: bool) -> float:
        wanted = ActivationRange(6, symmetric, power_of_two=False, method="max")
        return float(((activation_grid(made, wanted, True).fake(x) - x) ** 2).mean())

    assert error(symmetric=False) < 0.6 * error(symmetric=True)
    for method in ("max", "moving_average", "percentile", "mse", "kl"):
        for power in (False, True):
            wanted = ActivationRange(6, False, power, method)
            grid = activation_grid(made, wanted, True)
            assert grid.fake(np.zeros(1))[0] == 0
            assert not grid.signed
            assert grid.is_power_of_two or not power
    # After a ReLU there is nothing for a zero point to do.
    positive = histogram(np.maximum(x, 0))
    assert activation_grid(positive, ActivationRange(6, False), False).zero == 0


def test_refusals() -> None:
    with pytest.raises(InputError, match="no calibration method 'median'"):
        ActivationRange(method="median")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the percentile 0"):
        ActivationRange(percentile=0)
    made = histogram(np.linspace(-1, 1, 50))
    with pytest.raises(InputError, match="signed activation of 1 bit"):
        activation_grid(made, ActivationRange(1), True)
