"""Modules and data that do not fit are refused before any training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.data import Dataset
from hwcompress.errors import InputError
from hwcompress.flow.request import make_settings
from hwcompress.flow.sources import prepare_source

NETS = """
from torch import nn

def four():
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 4))

def features():
    return nn.Conv2d(1, 2, 3, padding=1)
"""


def prepare(folder: Path, function: str, labels: np.ndarray) -> None:
    (folder / "net.py").write_text(NETS)
    x = np.random.default_rng(0).random((labels.size, 1, 3, 3)).astype(np.float32)
    data = Dataset("samples", x, labels, x[:4], labels[:4])
    out = folder / "out"
    out.mkdir()
    settings = make_settings(
        board="pynq", model=f"{folder / 'net.py'}:{function}", epochs=1, data=str(folder / "net.py")
    )
    prepare_source(settings, data, out, lambda line: None)


def test_label_without_an_output(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="label 7, but the module has 4 outputs"):
        prepare(tmp_path, "four", np.array([0, 1, 2, 3, 7, 0]))


def test_outputs_that_are_no_classes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"outputs of shape \(2, 3, 3\), not one row of classes"):
        prepare(tmp_path, "features", np.array([0, 1, 0, 1]))
