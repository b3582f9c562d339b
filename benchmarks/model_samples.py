"""What each model of a folder is fed: real data where its description names them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.data.idx import read_idx

__all__ = ["Recipe", "recipe_for"]

_MEAN = np.array([0.485, 0.456, 0.406])
_DEVIATION = np.array([0.229, 0.224, 0.225])


@dataclass(frozen=True)
class Recipe:
    """Real samples of a model.

    Attributes:
        title: for the page.
        make: ``(data folder, count) -> (samples, labels)``.
    """

    title: str
    make: Callable[[Path, int], tuple[np.ndarray, np.ndarray]]


def _mnist(data: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Test images ``(n, 28, 28)`` as 0..255, and their labels."""
    folder = data / "mnist"
    images = read_idx(folder / "t10k-images-idx3-ubyte.gz")[:count]
    with gzip.open(folder / "t10k-labels-idx1-ubyte.gz") as stream:
        labels = np.frombuffer(stream.read(), np.uint8, offset=8)[:count]
    return images.astype(np.float32), labels.astype(np.int64)


def _cifar(data: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Test images ``(n, 3, 32, 32)`` as 0..255, and their labels."""
    with np.load(data / "cifar10" / "cifar10_subset.npz", allow_pickle=False) as archive:
        images, labels = archive["x_test"][:count], archive["y_test"][:count]
    return images.astype(np.float32), labels.astype(np.int64)


def _mapped(
    load: Callable[[Path, int], tuple[np.ndarray, np.ndarray]],
    change: Callable[[np.ndarray], np.ndarray],
) -> Callable[[Path, int], tuple[np.ndarray, np.ndarray]]:
    def make(data: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
        images, labels = load(data, count)
        return np.ascontiguousarray(change(images), np.float32), labels

    return make


def _normalized(x: np.ndarray) -> np.ndarray:
    return (x / 255 - _MEAN[:, None, None]) / _DEVIATION[:, None, None]


def _last(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 3, 1)


_PIXELS = "MNIST test images, 0..255"
_SCALED = "MNIST test images, 0..1"

# The first pattern that occurs in the path within the folder decides.
_RECIPES: tuple[tuple[str, Recipe], ...] = (
    (r"finn_onnx/.*(tfc|mnist|lfc)", Recipe(_PIXELS, _mnist)),
    (r"mnist.*cntk|cntk.*mnist", Recipe(_PIXELS, _mnist)),
    (r"qonnx/.*(tfc|lfc|mnist)", Recipe(_SCALED, _mapped(_mnist, lambda x: x / 255))),
    (
        r"resnet8.*int8",
        Recipe("CIFAR-10 test images, pixel - 128", _mapped(_cifar, lambda x: _last(x - 128))),
    ),
    (r"mlperf.*resnet8.*float", Recipe("CIFAR-10 test images, 0..255", _mapped(_cifar, _last))),
    (
        r"float/resnet\d+_cifar10",
        Recipe("CIFAR-10 test images, ImageNet mean and deviation", _mapped(_cifar, _normalized)),
    ),
    (
        r"qonnx/cifar10",
        Recipe("CIFAR-10 test images, -1..1", _mapped(_cifar, lambda x: (x / 255 - 0.5) / 0.5)),
    ),
)


def recipe_for(name: str) -> Recipe | None:
    """The recipe of a model by its path within the folder; ``None``: random samples."""
    for pattern, recipe in _RECIPES:
        if re.search(pattern, name):
            return recipe
    return None
