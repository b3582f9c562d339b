"""The reference of each operation against an independent, straightforward implementation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from hwcompress.ir import (
    ArgMax,
    Conv,
    Dense,
    Graph,
    Input,
    IntType,
    MaxPool,
    Op,
    Output,
    Rescale,
    Reshape,
    SumPool,
    TensorType,
    Threshold,
    trace,
)
from tests.conformance.generators import KINDS, random_inputs, random_op_graph

_SEEDS = range(30)


def _case(kind: str, seed: int) -> tuple[Op, np.ndarray, np.ndarray]:
    """The operation, its input and what the reference makes of it."""
    graph = random_op_graph(kind, seed)
    values = trace(graph, random_inputs(graph, 6, seed))
    return graph.layers[0], values["x"], values["y"]


def _torch_image(values: np.ndarray, padding: tuple[int, ...], fill: float) -> torch.Tensor:
    """(n, H, W, C) to padded float64 (n, C, H, W)."""
    top, left, bottom, right = padding
    image = torch.tensor(values, dtype=torch.float64).permute(0, 3, 1, 2)
    return torch.nn.functional.pad(image, (left, right, top, bottom), value=fill)


def _channels_last(result: torch.Tensor) -> np.ndarray:
    return result.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("seed", _SEEDS)
def test_dense(seed: int) -> None:
    op, x, y = _case("Dense", seed)
    assert isinstance(op, Dense)
    for sample, result in zip(x.tolist(), y.tolist(), strict=True):
        for m, row in enumerate(op.weight.tolist()):
            total = 0 if op.bias is None else int(op.bias[m])
            assert result[m] == total + sum(w * v for w, v in zip(row, sample, strict=True))


@pytest.mark.parametrize("seed", _SEEDS)
def test_conv(seed: int) -> None:
    op, x, y = _case("Conv", seed)
    assert isinstance(op, Conv)
    result = torch.nn.functional.conv2d(
        _torch_image(x, op.padding, op.pad_value),
        torch.tensor(op.weight, dtype=torch.float64).permute(0, 3, 1, 2),
        None if op.bias is None else torch.tensor(op.bias, dtype=torch.float64),
        stride=op.stride,
        dilation=op.dilation,
        groups=op.groups,
    )
    assert np.array_equal(_channels_last(result), y)


@pytest.mark.parametrize("seed", _SEEDS)
def test_max_pool(seed: int) -> None:
    op, x, y = _case("MaxPool", seed)
    assert isinstance(op, MaxPool)
    image = _torch_image(x, op.padding, float("-inf"))
    result = torch.nn.functional.max_pool2d(image, op.kernel, op.stride)
    assert np.array_equal(_channels_last(result), y)


@pytest.mark.parametrize("seed", _SEEDS)
def test_sum_pool(seed: int) -> None:
    op, x, y = _case("SumPool", seed)
    assert isinstance(op, SumPool)
    image = _torch_image(x, op.padding, op.pad_value)
    result = torch.nn.functional.avg_pool2d(image, op.kernel, op.stride, divisor_override=1)
    assert np.array_equal(_channels_last(result), y)


@pytest.mark.parametrize("seed", _SEEDS)
def test_threshold(seed: int) -> None:
    op, x, y = _case("Threshold", seed)
    assert isinstance(op, Threshold)
    channels = x.shape[-1]
    for index in np.ndindex(*x.shape):
        row = index[-1] if len(op.thresholds) == channels else 0
        sign = int(op.sign[index[-1] if len(op.sign) == channels else 0])
        level = sum(sign * int(x[index]) >= t for t in op.thresholds[row].tolist())
        assert y[index] == op.otype.lo + op.otype.step * level


def _rescale(op: Rescale, value: int, channel: int) -> int:
    """With exact fractions; Python's round takes ties to even."""
    mul, add, shift = (int(v[channel if len(v) > 1 else 0]) for v in (op.mul, op.add, op.shift))
    exact = Fraction(mul * value + add, 1 << shift)
    steps = round(exact) if op.rounding == "half_even" else exact.__floor__()
    return min(max(steps, op.otype.lo), op.otype.hi)


@pytest.mark.parametrize("seed", _SEEDS)
def test_rescale(seed: int) -> None:
    op, x, y = _case("Rescale", seed)
    assert isinstance(op, Rescale)
    for index in np.ndindex(*x.shape):
        assert y[index] == _rescale(op, int(x[index]), index[-1])


@pytest.mark.parametrize("rounding", ["floor", "half_even"])
@pytest.mark.parametrize("shift", [0, 1, 2, 5, 48])
def test_rescale_at_ties(rounding: str, shift: int) -> None:
    """Every value on, below and above a tie, of both signs."""
    half = (1 << shift) >> 1
    points = sorted({k * half + d for k in range(-9, 10) for d in (-1, 0, 1)})
    op = Rescale(
        "r", ("x",), ("y",), np.array([1]), np.array([0]), np.array([shift]), rounding,
        IntType(-1000, 1000),
    )  # fmt: skip
    (result,) = op.evaluate([np.array(points)[:, None]])
    assert result[:, 0].tolist() == [_rescale(op, value, 0) for value in points]


def test_half_even_by_hand() -> None:
    op = Rescale(
        "r", ("x",), ("y",), np.array([1]), np.array([0]), np.array([1]), "half_even",
        IntType(-2, 2),
    )  # fmt: skip
    (result,) = op.evaluate([np.arange(-7, 8)[:, None]])
    assert result[:, 0].tolist() == [-2, -2, -2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("seed", _SEEDS)
def test_reshape(seed: int) -> None:
    op, x, y = _case("Reshape", seed)
    assert isinstance(op, Reshape)
    assert y.shape[1:] == op.shape
    assert [s.ravel().tolist() for s in y] == [s.ravel().tolist() for s in x]


@pytest.mark.parametrize("seed", _SEEDS)
def test_arg_max(seed: int) -> None:
    op, x, y = _case("ArgMax", seed)
    assert isinstance(op, ArgMax)
    for sample, (result,) in zip(x.tolist(), y.tolist(), strict=True):
        assert sample[result] == max(sample)
        assert max(sample) not in sample[:result]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_batch(kind: str) -> None:
    for seed in range(5):
        graph = random_op_graph(kind, seed)
        values = trace(graph, random_inputs(graph, 0, seed))
        assert values["y"].shape == (0, *graph.tensors["y"].shape)


def test_grouped_convolution_by_hand() -> None:
    """Output channel m reads the inputs of group m // (M / groups)."""
    weight = np.array([1, 10, 100, 1000])[:, None, None, None] * np.array([1, 2])
    op = Conv("c", ("x",), ("y",), weight, IntType(0, 2000), groups=2)
    (result,) = op.evaluate([np.array([1, 2, 3, 4])[None, None, None]])
    assert result.ravel().tolist() == [1 + 4, 10 + 40, 300 + 800, 3000 + 8000]


def test_asymmetric_padding_by_hand() -> None:
    """(top, left, bottom, right); the fill is an integer that the type does not hold."""
    op = Conv(
        "c", ("x",), ("y",), np.ones((1, 1, 2, 1), np.int64), IntType(0, 1),
        padding=(0, 1, 1, 0), pad_value=100,
    )  # fmt: skip
    (kind,) = op.infer([TensorType((1, 2, 1), IntType(0, 9))])
    assert kind == TensorType((2, 2, 1), IntType(0, 200))
    (result,) = op.evaluate([np.array([3, 4]).reshape(1, 1, 2, 1)])
    assert result[0, ..., 0].tolist() == [[103, 7], [200, 200]]


def test_output_on_an_input() -> None:
    graph = Graph.build(
        "wire",
        [
            Input("in", (), ("x",), (2,), (0,), (2,), IntType(0, 3), 1.0),
            Output("out", ("x",), ()),
        ],
    )
    assert trace(graph, np.array([[1, 2]]))["x"].tolist() == [[1, 2]]
