"""Where models come from: the seam between the build and training, export and import.

A source folder holds

- ``model.onnx``: the model as QONNX;
- ``outputs.npz`` (only if a framework ran the model): ``y``, its real outputs
  on the test samples, float64 ``(samples, ...)``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwcompress.data import Dataset, to_real
from hwcompress.errors import InputError
from hwcompress.flow.settings import BuildSettings
from hwcompress.ir import Graph
from hwcompress.report.facts import SourceFacts

if TYPE_CHECKING:
    from torch import nn

__all__ = ["MODEL_FILE", "OUTPUTS_FILE", "prepare_source"]

MODEL_FILE = "model.onnx"
OUTPUTS_FILE = "outputs.npz"

_DEFAULT_EPOCHS = 30
_FLOAT_EPOCHS = 10
_CALIBRATION_SAMPLES = 1000
_BATCH = 64
# Enough samples for fewer, larger steps: quantizers cost time per step.
_MANY_SAMPLES = 10_000
_LARGE_BATCH = 256
# Below this many values a sample, a second thread costs more than it gives.
_SMALL_SAMPLE = 256

Say = Callable[[str], None]


def prepare_source(settings: BuildSettings, data: Dataset, folder: Path, say: Say) -> SourceFacts:
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
        return _copy_onnx(settings, data, folder)
    import torch

    threads = torch.get_num_threads()
    if int(np.prod(data.sample_shape)) < _SMALL_SAMPLE:
        torch.set_num_threads(1)
    try:
        torch.manual_seed(settings.seed)
        return _train_and_export(settings, data, folder, say)
    finally:
        torch.set_num_threads(threads)


def _copy_onnx(settings: BuildSettings, data: Dataset, folder: Path) -> SourceFacts:
    from hwcompress.frontend import import_model

    file = settings.model_file
    assert file is not None
    # Once here, so that messages name the user's file and come before any work.
    import_model(file, samples=data.real_test(), input_type=settings.input_type or None)
    try:
        shutil.copyfile(file, folder / MODEL_FILE)
    except OSError as error:
        raise InputError(f"cannot read the model: {error.strerror}", where=str(file)) from error
    return SourceFacts("QONNX file", file.stem, "", ())


@dataclass(frozen=True, eq=False)
class _Plan:
    """A module and what is to be done with it; ``fresh``: quantized by us, not yet calibrated."""

    kind: str
    name: str
    module: nn.Module
    epochs: int
    fresh: bool


def _train_and_export(
    settings: BuildSettings, data: Dataset, folder: Path, say: Say
) -> SourceFacts:
    import torch

    from hwcompress.compress.export import export_qonnx
    from hwcompress.compress.train import logits
    from hwcompress.frontend import Imported, import_model
    from hwcompress.frontend.check import source_samples

    plan = _plan(settings, data)
    shape = _sample_shape(plan.module, data)
    notes = _fit(plan, settings, data, shape, say)
    test = data.real_test().reshape(-1, *shape)

    def exported() -> Imported:
        say("export to QONNX")
        export_qonnx(plan.module, shape, folder / MODEL_FILE)
        return import_model(
            folder / MODEL_FILE,
            samples=test,
            input_type=settings.input_type or None,
            name=plan.name,
        )

    imported = exported()
    if (plan.fresh or plan.epochs) and _align_output_bias(plan.module, imported.graph):
        notes.append("the output layer's bias rounded to whole steps of its accumulator")
        imported = exported()
    host = len(imported.graph.outputs[0].host)
    outputs = logits(plan.module, source_samples(imported, test), host=host)
    np.savez(folder / OUTPUTS_FILE, allow_pickle=False, y=outputs)
    return SourceFacts(plan.kind, plan.name, f"PyTorch {torch.__version__}, float32", tuple(notes))


def _align_output_bias(module: nn.Module, graph: Graph) -> bool:
    """Round the last layer's float bias to its accumulator's grid; returns whether it changed.

    The logits then share one scale and have no offset, so that their
    integers compare as the real values do.
    """
    import torch
    from torch import nn

    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    gain, offset = torch.tensor(tensor.affine.scale), torch.tensor(tensor.affine.offset)
    layers = [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    if not torch.any(offset) or not layers or layers[-1].bias is None:
        return False
    bias = layers[-1].bias
    if bias.shape != offset.shape or not torch.allclose(bias.detach().double(), offset.double()):
        return False
    with torch.no_grad():
        bias.copy_(torch.round(bias.double() / gain.double()) * gain.double())
    return True


def _plan(settings: BuildSettings, data: Dataset) -> _Plan:
    """The module that the settings name, quantized if it is a float one."""
    from hwcompress.compress.quantize import input_scale_for, quantize_module
    from hwcompress.models.digits import digits_cnn
    from hwcompress.models.loader import is_brevitas, load_module

    if settings.model_kind == "default":
        module, kind, name, epochs = digits_cnn(), "embedded CNN", "digits", _DEFAULT_EPOCHS
    else:
        module, name = load_module(settings.model), settings.model_function
        if is_brevitas(module):
            return _Plan("Brevitas module", name, module, settings.epochs or 0, False)
        labelled = data.y_train is not None and len(data.x_train) > 0
        kind, epochs = "float module", _FLOAT_EPOCHS if labelled else 0
    signed = any(part.size and part.min() < 0 for part in (data.x_train, data.x_test))
    samples = _calibration_samples(data)
    quantized = quantize_module(
        module,
        weight_bits=settings.weight_bits,
        act_bits=settings.act_bits,
        input_scale=input_scale_for(samples, settings.act_bits, signed),
        signed_input=signed,
    )
    chosen = epochs if settings.epochs is None else settings.epochs
    return _Plan(f"{kind}, quantized with Brevitas", name, quantized, chosen, True)


def _calibration_samples(data: Dataset) -> np.ndarray:
    """Some real samples, of the training set if there is one."""
    stored = data.x_train if len(data.x_train) else data.x_test
    return to_real(stored[:_CALIBRATION_SAMPLES], data.scale)


def _sample_shape(module: nn.Module, data: Dataset) -> tuple[int, ...]:
    """The shape in which the module takes a sample.

    Tried in turn: as stored, with a channel axis in front, as a vector.
    """
    import torch

    stored = data.sample_shape
    size = int(np.prod(stored))
    candidates = [stored, (1, *stored), (size,)]
    if len(stored) == 1 and (side := round(size**0.5)) ** 2 == size:
        candidates.append((1, side, side))
    module.eval()
    reason = ""
    for shape in candidates:
        sample = to_real(data.x_test[:2], data.scale).reshape(-1, *shape)
        try:
            with torch.no_grad():
                module(torch.as_tensor(sample))
        except Exception as error:  # whatever the user's module raises on a wrong shape
            reason = reason or str(error).splitlines()[0]
        else:
            return shape
    raise InputError(
        f"the module takes no samples of shape {stored}",
        where=data.name,
        why=reason,
        remedy="give data of the shape that its forward expects",
    )


def _check_classes(module: nn.Module, data: Dataset, shape: tuple[int, ...]) -> None:
    """Refuse labels that the module's outputs cannot stand for, before training on them."""
    import torch

    from hwcompress.compress.outputs import plain

    module.eval()
    with torch.no_grad():
        sample = torch.as_tensor(to_real(data.x_train[:2], data.scale).reshape(-1, *shape))
        outputs = plain(module(sample))
    if outputs.ndim != 2:
        raise InputError(
            f"the module gives outputs of shape {tuple(outputs.shape[1:])}, not one row of classes",
            where=data.name,
            remedy="end it with a classifier, or give --epochs 0 to calibrate only",
        )
    classes = data.classes
    if classes is not None and classes > outputs.shape[1]:
        raise InputError(
            f"label {classes - 1}, but the module has {outputs.shape[1]} outputs",
            where=data.name,
            remedy=f"number the classes 0..{outputs.shape[1] - 1}, or give the module more outputs",
        )


def _fit(
    plan: _Plan, settings: BuildSettings, data: Dataset, shape: tuple[int, ...], say: Say
) -> list[str]:
    """Calibrate, train and freeze a module in place; returns lines for the report."""
    from hwcompress.compress.calibrate import calibrate
    from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
    from hwcompress.compress.train import train_classifier

    if not plan.fresh and not plan.epochs:
        return ["the module is taken as it is, without training"]
    notes = []
    if plan.fresh:
        samples = _calibration_samples(data).reshape(-1, *shape)
        say(f"calibrate with {len(samples)} samples")
        calibrate(plan.module, samples)
        notes.append(
            f"quantized to {settings.weight_bits}-bit weights and {settings.act_bits}-bit"
            f" activations, calibrated with {len(samples)} samples"
        )
    if plan.epochs:
        if data.y_train is None or not len(data.x_train):
            raise InputError(
                "training needs labelled training samples",
                where=data.name,
                remedy="give labels (y), or --epochs 0 to calibrate only",
            )
        _check_classes(plan.module, data, shape)
        train_classifier(
            plan.module,
            data.real_train().reshape(-1, *shape),
            data.y_train,
            epochs=plan.epochs,
            seed=settings.seed,
            batch=_BATCH if len(data.x_train) < _MANY_SAMPLES else _LARGE_BATCH,
            progress=lambda epoch, total, loss: say(f"epoch {epoch} of {total}, loss {loss:.3f}"),
        )
        notes.append(f"trained for {plan.epochs} epochs, seed {settings.seed}")
    norms, biases = freeze_batch_norm(plan.module), freeze_bias(plan.module)
    if norms or biases:
        notes.append(
            f"{norms} batch norms and {biases} biases rounded so that float32 computes them exactly"
        )
    return notes
