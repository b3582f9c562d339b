"""Where models come from: the seam between the build and training, export and import.

A source folder holds

- ``model.onnx``: the model as QONNX;
- ``outputs.npz`` (only if a framework ran the model): ``y``, its real outputs
  on the test samples, float64 ``(samples, ...)``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from hwcompress.data import Dataset
from hwcompress.flow.settings import BuildSettings
from hwcompress.report.facts import SourceFacts

__all__ = ["MODEL_FILE", "OUTPUTS_FILE", "prepare_source"]

MODEL_FILE = "model.onnx"
OUTPUTS_FILE = "outputs.npz"


def prepare_source(
    settings: BuildSettings, data: Dataset, folder: Path, say: Callable[[str], None]
) -> SourceFacts:
    """Fill a source folder: copy a QONNX file, or train, evaluate and export a module.

    Args:
        settings: names the model, the bits, the epochs and the seed.
        data: training and test samples.
        folder: empty, filled here.
        say: tells how training goes.

    Raises:
        InputError: the file is unreadable, the function is missing, returns
            no module or does not fit the data.
    """
    if settings.model_kind == "onnx":
        file = settings.model_file
        assert file is not None
        shutil.copyfile(file, folder / MODEL_FILE)
        return SourceFacts("QONNX file", file.stem, "", ())
    raise NotImplementedError(f"{settings.model_kind} models")
