"""A network small enough to be built, verified and synthesized in a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.frontend.onnx_builder import ModelBuilder

__all__ = ["SAMPLES", "tiny_data", "tiny_model"]

SAMPLES = 40


def tiny_model(folder: Path) -> Path:
    """Six inputs of 4 bits, four hidden neurons, three classes; as a QONNX file."""
    random = np.random.default_rng(11)
    model = ModelBuilder((1, 6))
    model.act(1.0, 4)
    model.dense(random.integers(-3, 4, (4, 6)), 1.0, 3)
    model.node("Relu", model.last)
    model.act(4.0, 3, signed=False)
    model.dense(random.integers(-3, 4, (3, 4)), 1.0, 3)
    return model.save(folder / "tiny.onnx")


def tiny_data(folder: Path, name: str = "tiny.npz", **arrays: np.ndarray) -> Path:
    """Labelled random samples, or the given arrays."""
    random = np.random.default_rng(12)
    samples = {
        "x": random.integers(-8, 8, (SAMPLES, 6)).astype(np.float32),
        "y": random.integers(0, 3, SAMPLES),
    }
    np.savez(folder / name, allow_pickle=False, **(arrays or samples))
    return folder / name
