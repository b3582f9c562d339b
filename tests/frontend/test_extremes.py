"""Wide types: exact, in seconds and in bounded memory, or refused."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_float64
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.region import StepFunction, evaluate_region, fit_region
from hwcompress.frontend.rescale import fit_rescale
from hwcompress.ir import IntType, Range, Rescale, trace
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_legal_forms import refused, weights

Pair = tuple[np.ndarray, np.ndarray]


def region(
    gain: np.ndarray, offset: np.ndarray, dtype: IntType, reach: int, hint: Pair | None
) -> StepFunction:
    def levels(real: np.ndarray, channel: np.ndarray) -> np.ndarray:
        return np.rint(np.clip(real, dtype.lo, dtype.hi)).astype(np.int64)

    bounds = Range(np.full(gain.size, -reach), np.full(gain.size, reach))
    return evaluate_region(affine_function(gain, offset), levels, dtype, bounds, "here", hint)


@pytest.mark.parametrize("reach", [1 << 30, 1 << 44, (1 << 53) - 1])
@pytest.mark.parametrize("hinted", [None, "right", "wrong"])
def test_boundaries_of_wide_sums(reach: int, hinted: str | None) -> None:
    """A guess saves time and decides nothing."""
    random = np.random.default_rng(reach % 97)
    gain = random.uniform(0.2, 3, 6) * random.choice([-1, 1], 6) * 5000 / reach
    offset = random.normal(0, 100, 6)
    hint = {None: None, "right": (gain, offset), "wrong": (gain * 1.5, offset - 90)}[hinted]
    dtype = IntType.signed_bits(12)
    steps = region(gain, offset, dtype, reach, hint)
    for channel in range(6):
        row, sign = steps.thresholds[channel], steps.sign[channel]
        for index in random.integers(0, row.size, 300):
            level = dtype.lo + 1 + index
            inside = [p for p in (row[index], row[index] - 1) if -reach <= p <= reach]
            for p in inside:
                real = gain[channel] * float(sign * p) + offset[channel]
                found = np.rint(np.clip(real, dtype.lo, dtype.hi))
                assert (found >= level) == (p >= row[index])


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("shift", [-31, -3.7, 0, 5])
def test_fitted_multipliers_do_not_overflow(bits: int, shift: float) -> None:
    """Levels far from zero, times a large power of two, must not wrap in int64."""
    dtype = IntType(2 ** (bits - 1), 2 ** (bits - 1) + 40)
    gain = np.array([2.0**shift, 2.0**shift / 3])
    offset = np.full(2, 2.0 ** (bits - 1) + 3.3)
    reach = 1 << 20
    steps = region(gain, offset, dtype, reach, None)
    fit = fit_region(steps, gain, offset)
    if fit is None:
        return
    q = np.concatenate([np.arange(-500, 500), [-reach, reach], steps.thresholds.reshape(-1)])
    q = np.clip(np.stack([q, q, q - 1]).reshape(-1), -reach, reach)
    op = Rescale("r", ("x",), ("y",), fit.mul, fit.add, fit.shift, fit.rounding, dtype)
    (found,) = op.evaluate([np.repeat(q[:, None], 2, axis=1)])
    counted = dtype.lo + (q[:, None, None] >= steps.thresholds[None]).sum(axis=2)
    assert np.array_equal(found, counted)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_gain_that_is_no_number_fits_nothing(odd: float) -> None:
    thresholds = np.array([[1, 5, 9]])
    fit = fit_rescale(
        thresholds, 0, np.array([-20]), np.array([20]), np.array([odd]), np.array([0.0])
    )
    assert fit is None or np.all(fit.shift >= 0)


def conv(channels: int, bits: int, activation: str | None, input_bits: int = 8) -> ModelBuilder:
    model = ModelBuilder((1, 4, 3, 3))
    model.act(0.1, input_bits)
    model.conv(weights(channels, 4, 3, 3), 0.003, 8)
    model.batch_norm(np.random.default_rng(2), channels, 2.0)
    if activation:
        model.node(activation, model.last)
    model.act(1.7e-4 if bits > 8 else 0.03, bits, signed=activation is None)
    return model


@pytest.mark.parametrize("activation", [None, "Relu"])
def test_sixteen_bits_and_many_channels(activation: str | None, tmp_path: Path) -> None:
    """A memory of (channels, 65535) boundaries once, not ten times; seconds, not minutes."""
    path = conv(96, 16, activation).save(tmp_path / "model.onnx")
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    imported = import_model(path)
    assert time.process_time() - start < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB
    x = np.random.default_rng(3).normal(0, 6, (20, 4, 3, 3)).astype(np.float32)
    integers = trace(imported.graph, imported.graph.inputs[0].encode(x))
    for result in check_float64(imported, x, integers):
        assert result.exact, result


def test_more_boundaries_than_memory(tmp_path: Path) -> None:
    message = refused(conv(2048, 16, "Relu"), tmp_path)
    assert "levels in 2048 channels" in message
    assert "use fewer activation bits" in message


def test_wide_types_that_reach_few_levels(tmp_path: Path) -> None:
    """32 bits of which an accumulator reaches a few thousand are no obstacle."""
    model = ModelBuilder((1, 6))
    model.act(0.125, 4)
    model.dense(weights(5, 6), 0.125, 4)
    model.node("Relu", model.last)
    model.act(0.0625, 32)
    model.dense(weights(3, 5), 0.25, 4)
    imported = import_model(model.save(tmp_path / "model.onnx"))
    x = np.random.default_rng(3).normal(0, 2, (50, 6))
    integers = trace(imported.graph, imported.graph.inputs[0].encode(x))
    for result in check_float64(imported, x, integers):
        assert result.mismatches == 0, result


@pytest.mark.parametrize("bits", [4, 8])
def test_wide_input(bits: int, tmp_path: Path) -> None:
    """fixed<32,4> into 8-bit weights: sums beyond 2^40."""
    model = ModelBuilder((1, 16))
    model.dense(weights(5, 16), 0.01, 8)
    model.node("Relu", model.last)
    model.act(0.03, bits, signed=False)
    model.dense(weights(3, 5), 0.25, 4)
    imported = import_model(model.save(tmp_path / "model.onnx"), input_type="fixed<32,4>")
    x = np.random.default_rng(4).normal(0, 2, (200, 16))
    integers = trace(imported.graph, imported.graph.inputs[0].encode(x))
    assert imported.graph.tensors["gemm_1"].dtype.hi > 1 << 38
    for result in check_float64(imported, x, integers):
        assert result.mismatches == 0, result
