"""Random quantized chains: the integer graph equals the source on every quantized tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_float64, check_qonnx
from hwcompress.ir import trace
from tests.frontend.onnx_builder import ModelBuilder

SAMPLES = 60


def scale_of(random: np.random.Generator, power: bool, low: int = -6, high: int = 0) -> float:
    exponent = float(random.integers(low, high))
    return 2.0**exponent if power else float(2.0 ** (exponent + random.uniform(0, 1)))


def activation(random: np.random.Generator, model: ModelBuilder) -> bool:
    """A random monotone activation; returns whether its result is never negative."""
    kind = random.integers(0, 8)
    if kind == 0:
        model.node("Relu", model.last)
        return True
    if kind == 1:
        model.node("Sigmoid", model.last)
        return True
    if kind == 2:
        model.node("Tanh", model.last)
    elif kind == 3:
        model.node("LeakyRelu", model.last, alpha=0.125)
    elif kind == 4:
        model.node("Clip", model.last, model.constant(0.0), model.constant(2.0))
        return True
    elif kind == 5:
        model.node("Mul", model.last, model.constant(np.float32(random.uniform(-2, 2))))
    elif kind == 6:
        model.node("Div", model.last, model.constant(np.float32(3.0)))
        model.node("Sub", model.last, model.constant(np.float32(0.3)))
    return False


def quantize(random: np.random.Generator, model: ModelBuilder, power: bool, positive: bool) -> None:
    bits = int(random.integers(1, 9))
    if not positive and bits == 1:
        model.bipolar(model.last)
        return
    zero = float(random.integers(0, 4)) if random.random() < 0.2 else 0.0
    model.act(
        scale_of(random, power),
        max(bits, 2),
        signed=not positive,
        zero=zero,
        narrow=bool(random.integers(0, 2)),
        rounding=str(random.choice(["ROUND", "ROUND", "FLOOR", "CEIL", "HALF_UP", "DOWN"])),
    )


def random_dense_chain(seed: int) -> ModelBuilder:
    random = np.random.default_rng(seed)
    power = bool(random.integers(0, 2))
    features = int(random.integers(3, 20))
    model = ModelBuilder((1, features))
    model.act(scale_of(random, power), int(random.integers(2, 7)))
    for _ in range(int(random.integers(1, 4))):
        width = int(random.integers(1, 12))
        per_channel = random.random() < 0.4
        scale = (
            np.array([[scale_of(random, power)] for _ in range(width)])
            if per_channel
            else scale_of(random, power)
        )
        weight = random.normal(0, 1, (width, features))
        bias = random.normal(0, 1, width) if random.random() < 0.5 else None
        model.dense(weight, scale, int(random.integers(2, 9)), bias)
        if random.random() < 0.7:
            model.batch_norm(random, width, 2.0)
        quantize(random, model, power, activation(random, model))
        features = width
    model.dense(random.normal(0, 1, (5, features)), scale_of(random, power), 4)
    return model


def random_conv_chain(seed: int) -> ModelBuilder:
    random = np.random.default_rng(seed)
    power = bool(random.integers(0, 2))
    channels, height, width = (
        int(random.integers(1, 4)),
        int(random.integers(5, 9)),
        int(random.integers(5, 9)),
    )
    model = ModelBuilder((1, channels, height, width))
    model.act(scale_of(random, power), 4, signed=bool(random.integers(0, 2)))
    groups = channels if random.random() < 0.3 else 1
    rows = channels * 2 if groups > 1 else int(random.integers(1, 6))
    pads = [int(item) for item in random.integers(0, 2, 4)]
    model.conv(
        random.normal(0, 1, (rows, channels // groups, 3, 2)),
        scale_of(random, power),
        4,
        random.normal(0, 1, rows) if random.random() < 0.5 else None,
        strides=[int(random.integers(1, 3)), 1],
        pads=pads,
        group=groups,
    )
    model.batch_norm(random, rows, 2.0)
    if random.random() < 0.5:  # pooling before the quantizer must mind falling channels
        model.node("MaxPool", model.last, kernel_shape=[2, 2], strides=[1, 1])
        model.node("Relu", model.last)
        model.act(scale_of(random, power), 3, signed=False)
    else:
        quantize(random, model, power, activation(random, model))
        kind = "MaxPool" if random.random() < 0.5 else "AveragePool"
        model.node(kind, model.last, kernel_shape=[2, 2], strides=[1, 1])
        model.act(scale_of(random, power), 4)
    model.node("Flatten", model.last)
    if random.random() < 0.3:
        model.node("GlobalAveragePool", model.nodes[-1].input[0])
        model.node("Flatten", model.last)
        model.act(scale_of(random, power), 5)
    return model


def finish(model: ModelBuilder, seed: int, path: Path) -> Path:
    """Append a dense layer of whatever width the chain has, found by running it."""
    import onnx
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    model.save(path)
    wrapped = cleanup_model(ModelWrapper(onnx.load(str(path))))
    size = int(np.prod(wrapped.get_tensor_shape(wrapped.graph.output[0].name)))
    random = np.random.default_rng(seed + 1)
    model.dense(random.normal(0, 1, (4, size)), 0.25, 3)
    return model.save(path)


def check(path: Path, seed: int) -> None:
    random = np.random.default_rng(seed + 2)
    imported = import_model(path)
    op = imported.graph.inputs[0]
    samples = random.normal(0, 1.5, (SAMPLES, *op.source_shape)).astype(np.float32)
    integers = trace(imported.graph, op.encode(samples))
    ranges = imported.graph.ranges()
    for tensor, values in integers.items():
        assert np.all(values.reshape(-1, values.shape[-1]).min(axis=0) >= ranges[tensor].lo), tensor
        assert np.all(values.reshape(-1, values.shape[-1]).max(axis=0) <= ranges[tensor].hi), tensor
    for result in [
        *check_float64(imported, samples, integers),
        *check_qonnx(imported, samples, integers),
    ]:
        assert result.exact, f"seed {seed}: {result}"
        assert result.samples == SAMPLES


@pytest.mark.parametrize("seed", range(25))
def test_dense_chain(seed: int, tmp_path: Path) -> None:
    check(random_dense_chain(seed).save(tmp_path / "model.onnx"), seed)


@pytest.mark.parametrize("seed", range(25))
def test_conv_chain(seed: int, tmp_path: Path) -> None:
    check(finish(random_conv_chain(seed), seed, tmp_path / "model.onnx"), seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_many_chains(seed: int, tmp_path: Path) -> None:
    check(random_dense_chain(seed).save(tmp_path / "dense.onnx"), seed)
    check(finish(random_conv_chain(seed), seed, tmp_path / "conv.onnx"), seed)
