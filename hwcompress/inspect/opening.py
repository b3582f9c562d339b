"""From what the user names to an ONNX file that can be inspected and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.data import Dataset, adapt_samples, load_dataset
from hwcompress.errors import InputError
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.sources import MODEL_FILE, OUTPUTS_FILE, prepare_source
from hwcompress.frontend.float_models import is_float_model
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.inspect.inputs import sample_shapes

__all__ = ["ModelRequest", "Opened", "load_samples", "open_model"]

Say = Callable[[str], None]

_CALIBRATION = 256  # random samples where a module is to be looked at without data


@dataclass(frozen=True)
class ModelRequest:
    """What the user typed.

    Attributes:
        model: ``FILE.onnx``, ``FILE.pt2``, or ``FILE.py:FUNCTION``.
        weights: state dict for a function's module, or empty.
        data: data file, or empty.
        input_type, input_scale: as for a build.
        weight_bits, act_bits: of a float model, which is quantized after training;
            ``None`` for the usual ones.
        shape: of a sample, for a module without data.
        seed: of random samples.
    """

    model: str
    data: str = ""
    weights: str = ""
    input_type: str = ""
    input_scale: float | None = None
    weight_bits: int | None = None
    act_bits: int | None = None
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
        weights=request.weights,
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
    shape = request.shape
    if settings.model_kind == "onnx":
        model = read_onnx(file)
        if not is_float_model(model):
            return Opened(file, request.model)
        shape = shape or next(iter(sample_shapes(file).values()), ())
    data = load_samples(request) if request.data else _drawn(request, shape, random)
    facts = prepare_source(settings, data, folder, say)
    outputs = folder / OUTPUTS_FILE
    real = None
    if outputs.is_file():
        with np.load(outputs, allow_pickle=False) as archive:
            real = archive["y"]
    path = folder / MODEL_FILE
    (exported,) = sample_shapes(path).values()
    return Opened(
        path,
        request.model,
        facts.kind,
        (*facts.notes, *data.notes),
        facts.framework,
        real,
        adapt_samples(data.real_test(), exported, data.name)[0],
    )


def _drawn(request: ModelRequest, shape: tuple[int, ...], count: int) -> Dataset:
    """Standard normal samples: no other distribution is known before the module is."""
    if not shape:
        raise InputError(
            f"model {request.model!r} does not say what a sample looks like",
            why="a PyTorch module has no input shape",
            remedy="give --shape, for example --shape 1,28,28, or --data FILE",
        )
    random = np.random.default_rng(request.seed)
    x = random.normal(0, 1, (count, *shape)).astype(np.float32)
    note = (
        f"quantized for {count} standard normal samples, seed {request.seed}: its scales mean"
        " little, its structure is right; --data FILE calibrates it"
    )
    return Dataset("random", x[:0], None, x, None, 1.0, (note,))
