"""From what the user names to an ONNX file that can be inspected and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.data import Dataset, load_dataset
from hwcompress.errors import InputError
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.sources import MODEL_FILE, OUTPUTS_FILE, prepare_source

__all__ = ["ModelRequest", "Opened", "load_samples", "open_model"]

Say = Callable[[str], None]

_CALIBRATION = 256  # random samples where a module is to be looked at without data


@dataclass(frozen=True)
class ModelRequest:
    """What the user typed.

    Attributes:
        model: ``FILE.onnx``, or ``FILE.py:FUNCTION``.
        data: data file, or empty.
        input_type, input_scale: as for a build.
        weight_bits, act_bits: of a float model, which is quantized after training.
        shape: of a sample, for a module without data.
        seed: of random samples.
    """

    model: str
    data: str = ""
    input_type: str = ""
    input_scale: float | None = None
    weight_bits: int = 8
    act_bits: int = 8
    shape: tuple[int, ...] = ()
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Opened:
    """A model as an ONNX file.

    Attributes:
        path: the file: the user's own, or one that was exported.
        label: how the user names the model.
        kind: what it was before the export; empty for a file of the user's.
        notes: how the file came to be.
        framework: who ran the source on the samples, with version, or empty.
        real: what it gave, ``(samples, ...)`` float64.
        samples: what it was given, ``(samples, *shape)``.
    """

    path: Path
    label: str
    kind: str = ""
    notes: tuple[str, ...] = ()
    framework: str = ""
    real: np.ndarray | None = None
    samples: np.ndarray | None = None


def load_samples(request: ModelRequest) -> Dataset:
    """The samples of ``--data``."""
    return load_dataset(request.data, scale=request.input_scale)


def open_model(
    request: ModelRequest, folder: Path, say: Say, *, random: int = _CALIBRATION
) -> Opened:
    """The file to import: the user's, or what a module becomes when it is exported.

    Args:
        request: what the user typed.
        folder: takes what is made; empty.
        say: tells how it goes.
        random: samples to be drawn where a module has no data.

    Raises:
        InputError: there is no such model, or a module without data and shape.
    """
    settings = BuildSettings(
        board="pynq-z2",
        model=request.model,
        data=request.data,
        weight_bits=request.weight_bits,
        act_bits=request.act_bits,
        epochs=0,
        seed=request.seed,
        input_type=request.input_type,
        input_scale=request.input_scale,
    )
    file = settings.model_file
    if file is None or not file.is_file():
        raise InputError(
            f"there is no model file {str(file or request.model)!r}",
            remedy="correct the path; a build folder is given without a file name",
        )
    if settings.model_kind == "onnx":
        return Opened(file, request.model)
    data = load_samples(request) if request.data else _drawn(request, random)
    facts = prepare_source(settings, data, folder, say)
    outputs = folder / OUTPUTS_FILE
    real = None
    if outputs.is_file():
        with np.load(outputs, allow_pickle=False) as archive:
            real = archive["y"]
    return Opened(
        folder / MODEL_FILE,
        request.model,
        facts.kind,
        (*facts.notes, *data.notes),
        facts.framework,
        real,
        data.real_test(),
    )


def _drawn(request: ModelRequest, count: int) -> Dataset:
    """Standard normal samples: no other distribution is known before the module is."""
    if not request.shape:
        raise InputError(
            f"model {request.model!r} does not say what a sample looks like",
            why="a PyTorch module has no input shape",
            remedy="give --shape, for example --shape 1,28,28, or --data FILE",
        )
    random = np.random.default_rng(request.seed)
    x = random.normal(0, 1, (count, *request.shape)).astype(np.float32)
    note = f"{count} standard normal samples, seed {request.seed}"
    return Dataset("random", x[:0], None, x, None, 1.0, (note,))
