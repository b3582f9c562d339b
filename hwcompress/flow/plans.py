"""Which module a build starts from, quantized if it is a float one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwcompress.data import Dataset, adapt_samples, wanted_arrays
from hwcompress.errors import InputError
from hwcompress.flow.settings import BuildSettings
from hwcompress.samples import Samples, named, sample_count, sample_rows

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "FloatModel",
    "Plan",
    "Shapes",
    "calibration_samples",
    "float_model",
    "make_plan",
    "whose",
]

Shapes = dict[str, tuple[int, ...]]

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
        shapes: of a sample of each input by its name, in order; ``None`` if the module does
            not say.
        weight_bits: of a weight, where we quantized it.
        act_bits: of an activation, likewise.
        notes: for the report.
    """

    kind: str
    name: str
    module: nn.Module
    epochs: int
    fresh: bool
    shapes: Shapes | None = None
    weight_bits: int = 0
    act_bits: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class FloatModel:
    """A float module before it is quantized.

    Attributes:
        kind: what it was made of, for the report.
        name: of the network.
        module: itself.
        epochs: of training, unless the user says something else.
        shapes: of a sample of each input by its name, in order; ``None`` if the module does
            not say.
        notes: for the report.
    """

    kind: str
    name: str
    module: nn.Module
    epochs: int
    shapes: Shapes | None = None
    notes: tuple[str, ...] = ()


def make_plan(settings: BuildSettings, data: Dataset) -> Plan:
    """The module that the settings name, quantized if it is a float one.

    Raises:
        InputError: a file cannot be read, or the data do not fit.
        UnsupportedError: what the module uses cannot be quantized.
        CheckFailed: a float ONNX model and its PyTorch form differ.
    """
    source = _source(settings, data)
    return source if isinstance(source, Plan) else _quantized(source, settings, data)


def float_model(settings: BuildSettings, data: Dataset) -> FloatModel:
    """The float module that the settings name.

    Raises:
        InputError: as :func:`make_plan`, or the model is quantized already.
        CheckFailed: a float ONNX model and its PyTorch form differ.
    """
    if settings.model_kind == "packed":
        raise _quantized_already(settings)
    if settings.model_kind == "onnx":
        from hwcompress.frontend.float_models import is_float_model
        from hwcompress.frontend.onnx_model import read_onnx

        assert settings.model_file is not None
        if not is_float_model(read_onnx(settings.model_file)):
            raise _quantized_already(settings)
    source = _source(settings, data)
    if isinstance(source, Plan):
        raise _quantized_already(settings)
    return source


def _quantized_already(settings: BuildSettings) -> InputError:
    return InputError(
        "the model is quantized already",
        where=settings.model,
        remedy="give the float model; `hwcompress requantize` gives the weights of a quantized"
        " one fewer bits, `hwcompress build` takes it as it is",
    )


def _source(settings: BuildSettings, data: Dataset) -> Plan | FloatModel:
    match settings.model_kind:
        case "default":
            return _embedded()
        case "onnx":
            return _from_onnx(settings, data)
        case "export":
            return _from_export(settings)
        case "packed":
            raise _quantized_already(settings)
        case "python":
            return _from_python(settings, data)


def _quantized(source: FloatModel, settings: BuildSettings, data: Dataset) -> Plan:
    from hwcompress.compress.quantize import input_scale_for, quantize_module

    epochs = source.epochs if settings.epochs is None else settings.epochs
    usual = _TRAINED_BITS if epochs else _CALIBRATED_BITS
    weight_bits = usual if settings.weight_bits is None else settings.weight_bits
    act_bits = usual if settings.act_bits is None else settings.act_bits
    train, test, some = (
        list(named(part, ("",)).values())
        for part in (data.x_train, data.x_test, calibration_samples(data))
    )
    signed = [
        any(part.size and part.min() < 0 for part in parts)
        for parts in zip(train, test, strict=True)
    ]
    module = quantize_module(
        source.module,
        weight_bits=weight_bits,
        act_bits=act_bits,
        input_scale=[
            input_scale_for(item, act_bits, negative)
            for item, negative in zip(some, signed, strict=True)
        ],
        signed_input=signed,
        calibrated_only=not epochs,
    )
    return Plan(
        f"{source.kind}, quantized with Brevitas",
        source.name,
        module,
        epochs,
        True,
        source.shapes,
        weight_bits,
        act_bits,
        source.notes,
    )


def _embedded() -> FloatModel:
    from hwcompress.models.digits import digits_cnn

    return FloatModel("embedded CNN", "digits", digits_cnn(), _DEFAULT_EPOCHS)


def _from_python(settings: BuildSettings, data: Dataset) -> Plan | FloatModel:
    from torch import nn

    from hwcompress.compress.parts import has_quantizers
    from hwcompress.models.loader import call_function
    from hwcompress.models.weights import load_weights

    name = settings.model_function
    made = call_function(settings.model)
    if not isinstance(made, nn.Module):
        return _exported(made, name, settings)
    notes: tuple[str, ...] = ()
    if settings.weights:
        load_weights(made, Path(settings.weights))
        notes = (f"weights of {Path(settings.weights).name}",)
    if has_quantizers(made):
        return Plan("Brevitas module", name, made, settings.epochs or 0, False, notes=notes)
    labelled = data.y_train is not None and data.train_count > 0
    # Weights that somebody trained are calibrated only, unless training is asked for.
    epochs = _FLOAT_EPOCHS if labelled and not settings.weights else 0
    return FloatModel("float module", name, made, epochs, notes=notes)


def _from_onnx(settings: BuildSettings, data: Dataset) -> FloatModel:
    from hwcompress.frontend.onnx_model import read_onnx
    from hwcompress.frontend.prepare import prepared
    from hwcompress.frontend.to_torch import largest_difference, to_torch

    file = settings.model_file
    assert file is not None
    samples = calibration_samples(data)
    model = prepared(read_onnx(file), None, samples, str(file))
    shapes = {name: shape[1:] for name, shape in model.inputs.items()}
    if not isinstance(samples, Mapping):
        if len(shapes) != 1:
            raise InputError(
                f"the float model has {len(shapes)} inputs ({', '.join(shapes)})",
                where=str(file),
                remedy=wanted_arrays(shapes),
            )
        samples, _ = adapt_samples(samples, next(iter(shapes.values())), data.name)
    module = to_torch(model)
    compared = named(sample_rows(samples, slice(_COMPARED_SAMPLES)), tuple(model.inputs))
    found = largest_difference(module, file, compared)
    note = (
        f"converted to PyTorch: differs from onnxruntime by at most {found:.1e} of the largest"
        f" output, on {sample_count(compared)} samples"
    )
    return FloatModel("float ONNX model", file.stem, module, 0, shapes, (*model.notes, note))


def _from_export(settings: BuildSettings) -> FloatModel:
    from hwcompress.frontend.to_torch.exported import read_exported

    file = settings.model_file
    assert file is not None
    exported = read_exported(file)
    return FloatModel("exported program", file.stem, exported.module, 0, exported.shapes)


def _exported(made: object, name: str, settings: BuildSettings) -> FloatModel:
    """What a function returned that is no module: an ``ExportedProgram``."""
    from hwcompress.frontend.to_torch.exported import from_program

    if settings.weights:
        raise InputError(
            "--weights with a torch.export program", why="the program holds its own weights"
        )
    exported = from_program(made, settings.model)
    return FloatModel("exported program", name, exported.module, 0, exported.shapes)


def calibration_samples(data: Dataset) -> Samples:
    """Some real samples, of the training set if there is one."""
    stored = data.x_train if data.train_count else data.x_test
    return data.real(sample_rows(stored, slice(_CALIBRATION_SAMPLES)))


def whose(data: Dataset) -> str:
    """Which samples those are."""
    return "training" if data.train_count else "test"
