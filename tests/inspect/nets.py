"""Small models for the inspection, each with what is known about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.frontend.onnx_builder import ModelBuilder

__all__ = ["image_net", "raw_mlp", "refused_net", "two_outputs"]


def image_net(folder: Path) -> Path:
    """4-bit input 2x6x6, 3x3 convolution to 3 channels, Relu, 3-bit quantizer, dense to 5.

    The quantizer's scale is 3, so that thresholds come out, and no integer is a tie.
    """
    random = np.random.default_rng(3)
    model = ModelBuilder((1, 2, 6, 6))
    model.act(1.0, 4)
    model.conv(random.integers(-3, 4, (3, 2, 3, 3)), 1.0, 3)
    model.node("Relu", model.last)
    model.act(3.0, 3, signed=False)
    model.node("Flatten", model.last)
    model.dense(random.integers(-3, 4, (5, 48)), 1.0, 3)
    return model.save(folder / "image.onnx")


def raw_mlp(folder: Path) -> Path:
    """Four real inputs without a quantizer, dense, 4-bit quantizer of scale 0.3, dense."""
    random = np.random.default_rng(4)
    model = ModelBuilder((1, 4))
    model.dense(random.integers(-3, 4, (6, 4)), 0.1, 3)
    model.act(0.3, 4)
    model.dense(random.integers(-3, 4, (2, 6)), 0.7, 3)
    model.node("Softmax", model.last, name="tail", axis=-1)
    return model.save(folder / "raw.onnx")


def refused_net(folder: Path) -> Path:
    """Two operators that nobody can express, and one behind them that could be."""
    model = ModelBuilder((1, 6))
    model.act(1.0, 4)
    model.node("LSTM", model.last, name="memory")
    model.node("Relu", model.last, name="innocent")
    model.node("Einsum", model.last, name="sum", equation="ij->ji")
    model.act(1.0, 4)
    return model.save(folder / "refused.onnx")


def two_outputs(folder: Path) -> Path:
    """A quantized layer that is an output, and a second layer behind it."""
    random = np.random.default_rng(5)
    model = ModelBuilder((1, 5))
    model.act(0.5, 4)
    model.dense(random.integers(-3, 4, (4, 5)), 0.25, 3)
    model.outputs.append(model.act(1.0, 4))
    model.dense(random.integers(-3, 4, (3, 4)), 0.5, 3)
    return model.save(folder / "two.onnx")
