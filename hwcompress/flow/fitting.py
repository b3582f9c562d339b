"""Calibrating and training a module on the user's data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from hwcompress.data import Dataset, adapt_samples
from hwcompress.errors import InputError
from hwcompress.flow.plans import FloatModel, Plan, Shapes, calibration_samples, whose
from hwcompress.flow.settings import BuildSettings
from hwcompress.samples import Samples, sample_count, sample_rows

if TYPE_CHECKING:
    from torch import nn

__all__ = ["fit", "sample_shapes", "shaped"]


Say = Callable[[str], None]


def sample_shapes(plan: Plan | FloatModel, data: Dataset) -> Shapes:
    """The shapes in which a module takes a sample, by the names of its inputs.

    What the module does not say is tried; a single input (its name is empty then) as stored,
    with a channel axis in front, as a vector.

    Raises:
        InputError: it takes no such samples.
    """
    stored = data.sample_shapes
    if plan.shapes is not None:
        if len(plan.shapes) == len(stored) == 1:
            ((given,), (wanted,)) = stored.values(), plan.shapes.values()
            adapt_samples(np.broadcast_to(np.float32(0), (1, *given)), wanted, data.name)
        return plan.shapes
    if len(stored) > 1:
        reason = _refusal(plan.module, data, stored)
        if reason:
            raise _unfit(stored, data, reason)
        return stored
    ((name, shape),) = stored.items()
    size = math.prod(shape)
    candidates = [shape, (1, *shape), (size,)]
    if len(shape) == 1 and (side := round(size**0.5)) ** 2 == size:
        candidates.append((1, side, side))
    reasons = []
    for candidate in candidates:
        reason = _refusal(plan.module, data, {name: candidate})
        if not reason:
            return {name: candidate}
        reasons.append(reason)
    raise _unfit(stored, data, reasons[0])


def _refusal(module: nn.Module, data: Dataset, shapes: Shapes) -> str:
    """Why a module does not take two samples of these shapes; empty if it does."""
    import torch

    from hwcompress.compress.feeding import tensors

    module.eval()
    some = shaped(data.real(sample_rows(data.x_test, slice(2))), shapes)
    try:
        with torch.no_grad():
            module(*tensors(some))
    except Exception as error:  # whatever the user's module raises on a wrong shape
        return f"{str(error) or type(error).__name__}".splitlines()[0]
    return ""


def _unfit(shapes: Shapes, data: Dataset, reason: str) -> InputError:
    said = ", ".join(f"{name} {shape}".strip() for name, shape in shapes.items())
    return InputError(
        f"the module takes no samples of shape {said}",
        where=data.name,
        why=reason,
        remedy="give data of the shape that its forward expects",
    )


def shaped(samples: Samples, shapes: Shapes) -> Samples:
    """Samples in the shapes that a module takes; those of several inputs have them."""
    if isinstance(samples, Mapping):
        return samples
    (shape,) = shapes.values()
    return samples.reshape(-1, *shape)


def _check_classes(module: nn.Module, data: Dataset, shapes: Shapes) -> None:
    """Refuse labels that the module's outputs cannot stand for, before training on them."""
    import torch

    from hwcompress.compress.feeding import tensors
    from hwcompress.compress.loop import check_classes
    from hwcompress.compress.outputs import plain

    module.eval()
    with torch.no_grad():
        some = shaped(data.real(sample_rows(data.x_train, slice(2))), shapes)
        outputs = plain(module(*tensors(some)))
    if data.classes is not None:
        check_classes(outputs, data.classes, data.name, "give --epochs 0 to calibrate only")


def fit(plan: Plan, settings: BuildSettings, data: Dataset, shapes: Shapes, say: Say) -> list[str]:
    """Calibrate, train and freeze a module in place; returns lines for the report."""
    from hwcompress.compress.calibrate import calibrate
    from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
    from hwcompress.compress.loop import usual_batch
    from hwcompress.compress.train import train_classifier

    if not plan.fresh and not plan.epochs:
        return ["the module is taken as it is, without training"]
    notes = []
    if plan.fresh:
        samples = shaped(calibration_samples(data), shapes)
        count = sample_count(samples)
        say(f"calibrate with {count} samples")
        calibrate(plan.module, samples)
        notes.append(
            f"quantized to {plan.weight_bits}-bit weights and {plan.act_bits}-bit"
            f" activations, calibrated with {count} {whose(data)} samples"
        )
    if plan.epochs:
        if data.y_train is None or not data.train_count:
            raise InputError(
                "training needs labelled training samples",
                where=data.name,
                remedy="give labels (y), or --epochs 0 to calibrate only",
            )
        _check_classes(plan.module, data, shapes)
        train_classifier(
            plan.module,
            shaped(data.real_train(), shapes),
            data.y_train,
            epochs=plan.epochs,
            seed=settings.seed,
            batch=usual_batch(data.train_count),
            progress=lambda epoch, total, loss: say(f"epoch {epoch} of {total}, loss {loss:.3f}"),
        )
        notes.append(f"trained for {plan.epochs} epochs, seed {settings.seed}")
    norms, biases = freeze_batch_norm(plan.module), freeze_bias(plan.module)
    if norms or biases:
        notes.append(
            f"{norms} batch norms and {biases} biases rounded so that float32 computes them exactly"
        )
    return notes
