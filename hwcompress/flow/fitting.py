"""Calibrating and training a module on the user's data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from hwcompress.data import Dataset, to_real
from hwcompress.errors import InputError
from hwcompress.flow.plans import Plan, calibration_samples, whose
from hwcompress.flow.settings import BuildSettings

if TYPE_CHECKING:
    from torch import nn

__all__ = ["fit", "sample_shape"]

_BATCH = 64
# Enough samples for fewer, larger steps: quantizers cost time per step.
_MANY_SAMPLES = 10_000
_LARGE_BATCH = 256

Say = Callable[[str], None]


def sample_shape(module: nn.Module, data: Dataset) -> tuple[int, ...]:
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


def fit(
    plan: Plan, settings: BuildSettings, data: Dataset, shape: tuple[int, ...], say: Say
) -> list[str]:
    """Calibrate, train and freeze a module in place; returns lines for the report."""
    from hwcompress.compress.calibrate import calibrate
    from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
    from hwcompress.compress.train import train_classifier

    if not plan.fresh and not plan.epochs:
        return ["the module is taken as it is, without training"]
    notes = []
    if plan.fresh:
        samples = calibration_samples(data).reshape(-1, *shape)
        say(f"calibrate with {len(samples)} samples")
        calibrate(plan.module, samples)
        notes.append(
            f"quantized to {plan.weight_bits}-bit weights and {plan.act_bits}-bit"
            f" activations, calibrated with {len(samples)} {whose(data)} samples"
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
