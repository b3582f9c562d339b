"""Which module a build starts from, quantized if it is a float one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwcompress.data import Dataset, adapt_samples, to_real
from hwcompress.errors import InputError
from hwcompress.flow.settings import BuildSettings

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Plan", "calibration_samples", "make_plan", "whose"]

_DEFAULT_EPOCHS = 30
_FLOAT_EPOCHS = 10
_CALIBRATION_SAMPLES = 1000
_COMPARED_SAMPLES = 50
# Training recovers what four bits lose; without it eight are needed.
_TRAINED_BITS = 4
_CALIBRATED_BITS = 8


@dataclass(frozen=True, eq=False)
class Plan:
    """A module and what is to be done with it.

    Attributes:
        kind: what it was made of, for the report.
        name: of the network.
        module: to be exported; quantized.
        epochs: of training.
        fresh: quantized by us, not yet calibrated.
        shape: of a sample, or ``None`` if the module does not say.
        weight_bits: of a weight, where we quantized it.
        act_bits: of an activation, likewise.
        notes: for the report.
    """

    kind: str
    name: str
    module: nn.Module
    epochs: int
    fresh: bool
    shape: tuple[int, ...] | None = None
    weight_bits: int = 0
    act_bits: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Float:
    """A float module before it is quantized."""

    kind: str
    name: str
    module: nn.Module
    epochs: int
    shape: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()


def make_plan(settings: BuildSettings, data: Dataset) -> Plan:
    """The module that the settings name, quantized if it is a float one.

    Raises:
        InputError: a file cannot be read, or the data do not fit.
        UnsupportedError: what the module uses cannot be quantized.
        CheckFailed: a float ONNX model and its PyTorch form differ.
    """
    match settings.model_kind:
        case "default":
            source = _embedded()
        case "onnx":
            source = _from_onnx(settings, data)
        case "export":
            source = _from_export(settings)
        case "python":
            found = _from_python(settings, data)
            if isinstance(found, Plan):
                return found
            source = found
    return _quantized(source, settings, data)


def _quantized(source: _Float, settings: BuildSettings, data: Dataset) -> Plan:
    from hwcompress.compress.quantize import input_scale_for, quantize_module

    epochs = source.epochs if settings.epochs is None else settings.epochs
    usual = _TRAINED_BITS if epochs else _CALIBRATED_BITS
    weight_bits = usual if settings.weight_bits is None else settings.weight_bits
    act_bits = usual if settings.act_bits is None else settings.act_bits
    signed = any(part.size and part.min() < 0 for part in (data.x_train, data.x_test))
    module = quantize_module(
        source.module,
        weight_bits=weight_bits,
        act_bits=act_bits,
        input_scale=input_scale_for(calibration_samples(data), act_bits, signed),
        signed_input=signed,
        calibrated_only=not epochs,
    )
    return Plan(
        f"{source.kind}, quantized with Brevitas",
        source.name,
        module,
        epochs,
        True,
        source.shape,
        weight_bits,
        act_bits,
        source.notes,
    )


def _embedded() -> _Float:
    from hwcompress.models.digits import digits_cnn

    return _Float("embedded CNN", "digits", digits_cnn(), _DEFAULT_EPOCHS)


def _from_python(settings: BuildSettings, data: Dataset) -> Plan | _Float:
    from torch import nn

    from hwcompress.models.loader import call_function, is_brevitas
    from hwcompress.models.weights import load_weights

    name = settings.model_function
    made = call_function(settings.model)
    if not isinstance(made, nn.Module):
        return _exported(made, name, settings)
    notes: tuple[str, ...] = ()
    if settings.weights:
        load_weights(made, Path(settings.weights))
        notes = (f"weights of {Path(settings.weights).name}",)
    if is_brevitas(made):
        return Plan("Brevitas module", name, made, settings.epochs or 0, False, notes=notes)
    labelled = data.y_train is not None and len(data.x_train) > 0
    # Weights that somebody trained are calibrated only, unless training is asked for.
    epochs = _FLOAT_EPOCHS if labelled and not settings.weights else 0
    return _Float("float module", name, made, epochs, notes=notes)


def _from_onnx(settings: BuildSettings, data: Dataset) -> _Float:
    from hwcompress.frontend.onnx_model import read_onnx
    from hwcompress.frontend.to_torch import largest_difference, to_torch

    file = settings.model_file
    assert file is not None
    model = read_onnx(file)
    if len(model.inputs) != 1:
        raise InputError(
            f"the float model has {len(model.inputs)} inputs ({', '.join(model.inputs)})",
            where=str(file),
            why="a float model is calibrated with the samples of one input",
            remedy="export it quantized (QONNX), which takes several inputs",
        )
    (stated,) = model.inputs.values()
    module = to_torch(model)
    samples, _ = adapt_samples(calibration_samples(data), stated[1:], data.name)
    compared = samples[:_COMPARED_SAMPLES]
    found = largest_difference(module, file, compared)
    note = (
        f"converted to PyTorch: differs from onnxruntime by at most {found:.1e} of the largest"
        f" output, on {len(compared)} samples"
    )
    return _Float("float ONNX model", file.stem, module, 0, stated[1:], (note,))


def _from_export(settings: BuildSettings) -> _Float:
    from hwcompress.frontend.to_torch.exported import read_exported

    file = settings.model_file
    assert file is not None
    exported = read_exported(file)
    return _Float("exported program", file.stem, exported.module, 0, exported.shape)


def _exported(made: object, name: str, settings: BuildSettings) -> _Float:
    """What a function returned that is no module: an ``ExportedProgram``."""
    from hwcompress.frontend.to_torch.exported import from_program

    if settings.weights:
        raise InputError(
            "--weights with a torch.export program", why="the program holds its own weights"
        )
    exported = from_program(made, settings.model)
    return _Float("exported program", name, exported.module, 0, exported.shape)


def calibration_samples(data: Dataset) -> np.ndarray:
    """Some real samples, of the training set if there is one."""
    stored = data.x_train if len(data.x_train) else data.x_test
    return to_real(stored[:_CALIBRATION_SAMPLES], data.scale)


def whose(data: Dataset) -> str:
    """Which samples those are."""
    return "training" if len(data.x_train) else "test"
