"""From what the user names to an ONNX file that can be inspected and compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwcompress.data import Dataset, Shapes, load_dataset
from hwcompress.errors import InputError
from hwcompress.flow.model_inputs import model_inputs, onnx_inputs
from hwcompress.flow.request import named_model, zoo_entry
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.sources import (
    MODEL_FILE,
    OUTPUTS_FILE,
    output_number,
    prepare_source,
)
from hwcompress.frontend.float_models import is_float_model
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.inspect.inputs import shaped
from hwcompress.limits import current_limits, limit_remedy
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = [
    "ModelRequest",
    "Opened",
    "Say",
    "is_quantized_onnx",
    "open_model",
    "request_settings",
]

Say = Callable[[str], None]

# Random samples where a module is to be looked at without data: so many, or fewer large ones.
_CALIBRATION = 256
_FEWEST, _NUMBERS = 16, 1 << 20


@dataclass(frozen=True)
class ModelRequest:
    """What the user typed.

    Attributes:
        model: ``FILE.onnx``, ``FILE.pt2``, ``FILE.py:FUNCTION`` or ``zoo:NAME``.
        weights: state dict for a function's module, or empty.
        data: data file, or empty.
        input_type, input_scale: as for a build.
        weight_bits, act_bits: of a float model, which is quantized after training;
            ``None`` for the usual ones.
        shapes: of a sample of each input by its name, for a module without data; the name
            of a single one may be empty.
        seed: of random samples.
    """

    model: str
    data: str = ""
    weights: str = ""
    input_type: str = ""
    input_scale: float | None = None
    weight_bits: int | None = None
    act_bits: int | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
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
        real: what it gave, ``(samples, ...)`` float64, by the number of the graph's output.
        samples: what it was given, ``(samples, *shape)``, of several inputs by name.
        labels: of these samples, or ``None``.
    """

    path: Path
    label: str
    kind: str = ""
    notes: tuple[str, ...] = ()
    framework: str = ""
    real: Mapping[int, np.ndarray] = field(default_factory=dict)
    samples: Samples | None = None
    labels: np.ndarray | None = None


def open_model(
    request: ModelRequest,
    folder: Path,
    say: Say,
    *,
    random: int | None = None,
    data: Dataset | None = None,
) -> Opened:
    """The file to import: the user's, or what a module becomes when it is exported.

    Args:
        request: what the user typed.
        folder: takes what is made; empty.
        say: tells how it goes.
        random: samples to be drawn where a module has no data; ``None`` for as many as
            calibrate it.
        data: samples that were read already, instead of those that the request names.

    Raises:
        InputError: there is no such model, or a module without data and shape.
    """
    settings = request_settings(request)
    if is_quantized_onnx(settings):
        return Opened(Path(settings.model), request.model)
    wanted = model_inputs(settings)
    made_up = data is None and not request.data
    if made_up:
        data = _drawn(request, wanted.shapes, random)
    elif data is None:
        data = load_dataset(
            request.data, inputs=wanted.shapes, unused=wanted.unused, scale=request.input_scale
        )
    assert data is not None
    facts = prepare_source(settings, data, folder, say)
    drawn: tuple[str, ...] = ()
    if made_up and "quantized" in facts.kind:  # what is, keeps its scales
        count = sample_count(data.real_test())
        drawn = (
            f"quantized for {count} standard normal samples, seed {request.seed}: its scales mean"
            " little, its structure is right; --data FILE calibrates it",
        )
    outputs = folder / OUTPUTS_FILE
    real = {}
    if outputs.is_file():
        with np.load(outputs, allow_pickle=False) as archive:
            real = {output_number(key): archive[key] for key in archive.files}
    path = folder / MODEL_FILE
    samples, _ = shaped(data.real_test(), onnx_inputs(path).shapes, data.name)
    return Opened(
        path,
        request.model,
        facts.kind,
        (*facts.notes, *data.notes, *drawn),
        facts.framework,
        real,
        samples,
        data.y_test,
    )


def request_settings(request: ModelRequest) -> BuildSettings:
    """The model and its options, as of a build.

    Raises:
        InputError: there is no such model.
    """
    settings = BuildSettings(
        board="pynq-z2",
        model=named_model(request.model),
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
    if settings.model_kind == "packed":
        raise InputError(
            "a packed graph is no source model",
            where=str(file),
            why="there is nothing to import, and nothing that it could be compared with",
            remedy="`hwcompress unpack` makes a folder of it that `hwcompress inspect` takes;"
            " build, simulate and requantize take the file",
        )
    return settings


def is_quantized_onnx(settings: BuildSettings) -> bool:
    """Whether the model is a file that is imported as it is."""
    if settings.model_kind != "onnx":
        return False
    assert settings.model_file is not None
    return not is_float_model(read_onnx(settings.model_file))


def _drawn(request: ModelRequest, inputs: Shapes, wanted: int | None) -> Dataset:
    """Standard normal samples: no other distribution is known before the module is."""
    shapes = _given_shapes(request, inputs or {"": None})
    most = _room(shapes, request.model)
    if wanted is None:
        size = sum(math.prod(shape) for shape in shapes.values())
        wanted = min(most, _CALIBRATION, max(_FEWEST, _NUMBERS // max(size, 1)))
    count = wanted
    if count > most:
        raise InputError(
            f"{count:,} samples of {shapes} do not fit the limit of {most:,}",
            where=request.model,
            remedy=f"give fewer, or {limit_remedy('data_mb')}",
        )
    random = np.random.default_rng(request.seed)
    arrays = {
        name: random.normal(0, 1, (count, *shape)).astype(np.float32)
        for name, shape in shapes.items()
    }
    x: Samples = arrays if len(arrays) > 1 else next(iter(arrays.values()))
    scales = dict.fromkeys(arrays, 1.0) if len(arrays) > 1 else 1.0
    return Dataset("random", sample_rows(x, slice(0)), None, x, None, scales, ())


def _room(shapes: Mapping[str, tuple[int, ...]], model: str) -> int:
    """How many samples the limits allow; a model may state any shape.

    Raises:
        InputError: not even one.
    """
    elements, limits = sum(math.prod(shape) for shape in shapes.values()), current_limits()
    if elements > limits.elements:
        raise InputError(
            f"a sample has {elements:,} elements",
            where=model,
            why=f"the limit is {limits.elements:,}",
            remedy=limit_remedy("elements"),
        )
    return max(1, limits.data_bytes // (8 * max(elements, 1)))


def _given_shapes(request: ModelRequest, inputs: Shapes) -> dict[str, tuple[int, ...]]:
    """The shape of every input: the user's, or what the model states.

    Raises:
        InputError: an input has none, or one is given for what is no input.
    """
    given = dict(request.shapes)
    entry = zoo_entry(request.model)
    if entry is not None and not given:
        given = {"": entry.shape}
    if len(inputs) == 1 and "" in given:  # its name may be left out
        given[next(iter(inputs))] = given.pop("")
    names = ", ".join(inputs)
    for name in given:
        if name not in inputs:
            raise InputError(
                f"--shape for {name!r}, which is no input of the model"
                if name
                else f"--shape without a name for a model with {len(inputs)} inputs ({names})",
                remedy=f"give --shape NAME=1,28,28, once for each of {names}",
            )
    shapes: dict[str, tuple[int, ...]] = {}
    for name, stated in inputs.items():
        shape = given.get(name, stated)
        if shape is None:
            several = len(inputs) > 1
            raise InputError(
                f"model {request.model!r} does not say what a sample"
                f"{f' of {name!r}' if several else ''} looks like",
                why="neither the model nor any data states a shape",
                remedy=f"give --shape, for example --shape {name + '=' if several else ''}1,28,28,"
                f"{' once for each input,' if several else ''} or --data FILE",
            )
        shapes[name] = shape
    return shapes
