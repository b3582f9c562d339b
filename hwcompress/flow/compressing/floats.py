"""The float model: as it was given, or trained first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcompress.compress.recipe import Compressed, Data, Recipe, load_recipe, run_recipe
from hwcompress.compress.recipe.state import weighted_layers
from hwcompress.compress.recipe.training import Train
from hwcompress.data import Dataset
from hwcompress.errors import InputError
from hwcompress.flow.compressing.facts import FloatFacts
from hwcompress.flow.compressing.settings import CompressSettings
from hwcompress.flow.fitting import sample_shapes, shaped
from hwcompress.flow.plans import FloatModel, Shapes, calibration_samples, float_model, whose
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.sources import MODEL_FILE, export_source, few_threads
from hwcompress.flow.step import Context, Step
from hwcompress.flow.steps.arrays import load_arrays, save_arrays
from hwcompress.flow.steps.prepare import load_data, source_files
from hwcompress.frontend import Imported, import_model
from hwcompress.report.facts import SourceFacts
from hwcompress.samples import named

__all__ = [
    "MAKING",
    "MODEL",
    "PACKAGES",
    "TORCH",
    "WEIGHTS",
    "Start",
    "check_recipe",
    "export_made",
    "float_step",
    "integer_graph",
    "load_start",
    "open_float",
    "recipe_data",
    "run_float",
]

Say = Callable[[str], None]

TORCH = threading.Lock()
"""Held by a step while it trains or exports: PyTorch's random numbers, its number of threads
and its exporter belong to the whole process, and two steps may run at once."""

WEIGHTS = "float/weights.npz"

MODEL = ("model", "weights", "data", "labels", "epochs", "seed", "input_scale")
"""Settings that decide the float model."""
MAKING = ("hwcompress.compress", "hwcompress.models", "hwcompress.flow.sources",
          "hwcompress.flow.plans", "hwcompress.flow.fitting", "hwcompress.flow.compressing",
          "hwcompress.frontend", "hwcompress.data")  # fmt: skip
"""Code that makes models."""
PACKAGES = ("torch", "brevitas", "onnx", "onnxruntime", "qonnx", "numpy")
"""What that code stands on."""


@dataclass(frozen=True, eq=False)
class Start:
    """Where a recipe starts.

    Attributes:
        source: the float model.
        data: samples as they are stored.
        shapes: of a sample of each input.
    """

    source: FloatModel
    data: Dataset
    shapes: Shapes

    @property
    def module(self) -> nn.Module:
        """The float module."""
        return self.source.module


def _open(settings: BuildSettings) -> Start:
    data = load_data(settings)
    torch.manual_seed(settings.seed)
    source = float_model(settings, data)
    return Start(source, data, sample_shapes(source, data))


def load_start(context: Context) -> Start:
    """The float model with the weights that the step ``float`` left."""
    start = _open(context.settings)
    arrays = load_arrays(context.folder / WEIGHTS)
    state = {name: torch.from_numpy(values.copy()) for name, values in arrays.items()}
    start.module.load_state_dict(state)
    start.module.eval()
    return start


def recipe_data(start: Start) -> Data:
    """What a recipe may look at: the training samples, or the test samples without their
    labels where there are no others."""
    data = start.data
    signed = [
        any(part.size and part.min() < 0 for part in parts)
        for parts in zip(
            named(data.x_train, ("",)).values(), named(data.x_test, ("",)).values(), strict=True
        )
    ]
    if data.train_count:
        return Data(shaped(data.real_train(), start.shapes), data.y_train, tuple(signed))
    return Data(shaped(calibration_samples(data), start.shapes), None, tuple(signed))


def check_recipe(settings: CompressSettings) -> None:
    """Refuse a recipe that names layers which the float model has not, before anything is trained.

    Raises:
        InputError: it does; or as :func:`hwcompress.flow.plans.float_model`.
    """
    recipe = load_recipe(settings.recipe)
    if recipe.names_layers:
        start = _open(settings)
        recipe.check_layers([*weighted_layers(start.module)])


def export_made(
    made: Compressed,
    start: Start,
    settings: BuildSettings,
    folder: Path,
    say: Say = lambda text: None,
) -> SourceFacts:
    """Fill a source folder with what a recipe made of the float model."""
    return export_source(
        made.module,
        start.source.name,
        start.shapes,
        settings,
        start.data,
        folder,
        say,
        changeable=True,
    )


def integer_graph(
    start: Start, recipe: Recipe, settings: BuildSettings, folder: Path
) -> tuple[Compressed, Imported]:
    """What a recipe makes of the float model, without training, and its integer graph.

    Args:
        start: the float model.
        recipe: that does not train.
        settings: name the seed and the type of the input.
        folder: of the exported file.
    """
    with few_threads(start.data):
        made = run_recipe(start.module, recipe_data(start), recipe, seed=settings.seed)
        export_made(made, start, settings, folder)
    imported = import_model(
        folder / MODEL_FILE,
        samples=shaped(start.data.real_test(), start.shapes),
        input_type=settings.input_type or None,
        name=start.source.name,
    )
    return made, imported


def float_step(settings: type[BuildSettings], *reads: str) -> Step:
    """The step that takes or trains the float model.

    Args:
        settings: of the command.
        reads: further settings that decide the model.
    """
    return Step(
        "float",
        "take the float model, or train it",
        run_float,
        outputs=("float",),
        needs=("data",),
        reads=(*MODEL, *reads),
        files=source_files,
        code=MAKING,
        packages=PACKAGES,
        settings=settings,
    )


def run_float(context: Context) -> FloatFacts:
    """Keep the float model's parameters, trained if they are not."""
    with TORCH:
        return _run_float(context)


def open_float(settings: BuildSettings, say: Say) -> tuple[Start, list[str]]:
    """The float model, trained if it is not, and what was done to it; no folder is needed.

    Raises:
        InputError: as :func:`hwcompress.flow.plans.float_model`, or training needs labels.
    """
    with TORCH:
        start = _open(settings)
        return _trained(start, settings, None, say)


def _trained(
    start: Start, settings: BuildSettings, folder: Path | None, say: Say
) -> tuple[Start, list[str]]:
    """A start whose module is trained, if the settings or the model ask for that."""
    source, data = start.source, start.data
    epochs = source.epochs if settings.epochs is None else settings.epochs
    module, notes = source.module, list(source.notes)
    if epochs:
        if data.y_train is None or not data.train_count:
            raise InputError(
                "training needs labelled training samples",
                where=data.name,
                remedy="give labels (y), or --epochs 0 for a model that is trained already",
            )
        recipe = Recipe("float", "", (Train(epochs=epochs),))
        with few_threads(data):
            made = run_recipe(
                module,
                recipe_data(start),
                recipe,
                seed=settings.seed,
                folder=folder,
                say=say,
            )
        module = made.module
        notes += [f"the float model was {line}" for line in made.notes]
    module.eval()
    return replace(start, source=replace(source, module=module)), notes


def _run_float(context: Context) -> FloatFacts:
    start = _open(context.settings)
    start, notes = _trained(start, context.settings, context.work, context.say)
    source, data, module = start.source, start.data, start.module
    if not data.train_count:
        notes.append(f"calibrated with {whose(data)} samples, as there are no others")
    state = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    save_arrays(context.out / WEIGHTS, **state)
    layers = weighted_layers(module).values()
    weights = [part.weight.detach().numpy() for part in layers]
    floats = [item for item in state.values() if np.issubdtype(item.dtype, np.floating)]
    parameters = sum(int(item.size) for item in floats)
    return FloatFacts(
        source.kind,
        source.name,
        parameters,
        4 * parameters,
        sum(int(item.size) for item in weights),
        sum(int(np.count_nonzero(item == 0)) for item in weights),
        tuple(notes),
    )
