"""Real samples for the networks of the zoo, from the data folder.

Their weights stay random: the samples set the statistics of batch norms and
the scales of quantizers, and are what the simulations run on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from hwcompress.data.idx import read_idx

__all__ = ["SOURCES", "samples"]

_COUNT = 64


def _file(name: str) -> Path:
    root = os.environ.get("HWCOMPRESS_DATA") or Path(__file__).resolve().parents[2] / "shared"
    return Path(root) / "data" / name


def _array(name: str, key: str, count: int) -> np.ndarray:
    with np.load(_file(name)) as data:
        return data[key][:count].astype(np.float32)


def _cifar(size: int) -> np.ndarray:
    """Images of CIFAR-10, ``(n, 3, size, size)`` in 0..1."""
    images = torch.as_tensor(_array("cifar10/cifar10_subset.npz", "x_test", _COUNT) / 255)
    if size == 32:
        return images.numpy()
    return functional.interpolate(images, (size, size), mode="bilinear", antialias=True).numpy()


def _fashion() -> np.ndarray:
    """Fashion-MNIST with a border, ``(n, 1, 32, 32)`` in 0..1."""
    images = read_idx(_file("fashion_mnist/t10k-images-idx3-ubyte.gz"))[:_COUNT]
    return np.pad(images, ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32) / 255


def _speech() -> np.ndarray:
    """Spoken digits: 49 frames of ten bands, each the mean of three, ``(n, 1, 49, 10)`` in 0..1."""
    frames = _array("fsdd_speech/fsdd_logmel.npz", "x_test", _COUNT)[:, 8:57, :30] / 255
    return frames.reshape(-1, 1, 49, 10, 3).mean(-1)


def _heart() -> np.ndarray:
    """Heartbeats and their slope, ``(n, 2, 128)``, each with mean 0 and deviation 1."""
    beats = _array("mitbih_ecg/mitbih_beats.npz", "x_test", _COUNT)
    both = np.stack([beats, np.gradient(beats, axis=1)], axis=1)
    both -= both.mean(2, keepdims=True)
    return both / both.std(2, keepdims=True)


def _machine() -> np.ndarray:
    """Spectra of ToyADMOS, 64 bands, ``(n, 64)``, each band with mean 0 and deviation 1."""
    rows = _array("toyadmos_sample/toyadmos_logmel_309x640.npz", "x", _COUNT)[:, :128]
    rows = rows.reshape(-1, 64, 2).mean(2)
    return (rows - rows.mean(0)) / rows.std(0)


_IMAGES = "CIFAR-10"
SOURCES: dict[str, tuple[str, Callable[[], np.ndarray]]] = {
    "resnet8": (_IMAGES, lambda: _cifar(32)),
    "mobilenet_v1_025": (f"{_IMAGES}, enlarged", lambda: _cifar(48)),
    "mobilenet_v2_blocks": (_IMAGES, lambda: _cifar(32)),
    "ds_cnn": ("FSDD", _speech),
    "shufflenet_v2_unit": (_IMAGES, lambda: _cifar(32)),
    "squeeze_excite": (f"{_IMAGES}, reduced", lambda: _cifar(16)),
    "squeeze_excite_hard": (f"{_IMAGES}, reduced", lambda: _cifar(16)),
    "tiny_unet": ("Fashion-MNIST", _fashion),
    "conv1d_net": ("MIT-BIH", _heart),
    "autoencoder_64": ("ToyADMOS", _machine),
}
"""By network: what the samples are, and a function that loads them."""


def samples(name: str) -> np.ndarray:
    """Samples ``(64, *shape)`` for a network, float32."""
    return np.ascontiguousarray(SOURCES[name][1](), np.float32)
