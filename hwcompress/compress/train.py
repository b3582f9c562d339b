"""Training and evaluation of classifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from hwcompress.compress.feeding import tensors
from hwcompress.compress.loop import Batch, Loop, Observer
from hwcompress.compress.memory import batch_within
from hwcompress.compress.outputs import results_before_host
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = ["accuracy", "logits", "results", "train_classifier"]

Progress = Callable[[int, int, float], None]
Penalty = Callable[[nn.Module], torch.Tensor | None]

_EVALUATION_BATCH = 500


@dataclass(frozen=True)
class _Penalized(Observer):
    """Adds what a function gives for the module."""

    module: nn.Module
    function: Penalty

    def penalty(self, batch: Batch) -> torch.Tensor | None:
        return self.function(self.module)


def train_classifier(
    module: nn.Module,
    x: Samples,
    y: np.ndarray,
    *,
    epochs: int,
    seed: int = 0,
    batch: int = 64,
    rate: float = 1e-2,
    shift: int = 0,
    penalty: Penalty | None = None,
    progress: Progress | None = None,
) -> None:
    """Train in place by cross-entropy, Adam and a one-cycle schedule.

    Args:
        module: gives logits ``(n, classes)``, or their softmax.
        x: samples ``(n, *input shape)`` float, of several inputs by name in the order of
            ``forward``'s arguments.
        y: labels ``(n,)``.
        epochs: passes over the data; none leaves the module as it is.
        seed: of the order of the samples (and of torch's generator).
        batch: samples per step.
        rate: the highest learning rate.
        shift: images are moved by up to this many pixels at random.
        penalty: of the module; what it gives is added to the loss of every step.
        progress: called with (epoch, epochs, mean loss) after each epoch.
    """
    if epochs < 1:
        return
    torch.manual_seed(seed)
    loop = Loop(
        module,
        x,
        y,
        epochs=epochs,
        batch=batch,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=rate),
        schedule=lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rate, steps
        ),
        seed=seed,
        shift=shift,
        observer=None if penalty is None else _Penalized(module, penalty),
    )
    for epoch in range(epochs):
        loss = loop.epoch(epoch)
        if progress is not None:
            progress(epoch + 1, epochs, loss)
    module.eval()


def logits(module: nn.Module, x: Samples, *, host: int = 0) -> np.ndarray:
    """Outputs in eval mode, ``(n, ...)`` float64, computed in float32.

    Args:
        x: samples as in :func:`train_classifier`.
        host: how many functions at the module's end to leave out, since they
            are the host's (:class:`hwcompress.ir.Output`).
    """
    return results(module, x, {0: host})[0]


def results(module: nn.Module, x: Samples, hosts: Mapping[int, int]) -> dict[int, np.ndarray]:
    """As :func:`logits`, for several results of a module by their indices.

    Args:
        hosts: index of each wanted result -> how many functions at its end to leave out.

    Raises:
        UnsupportedError: so many functions are not found.
    """
    module.eval()
    parts: dict[int, list[np.ndarray]] = {index: [] for index in hosts}
    batch = batch_within(module, x, _EVALUATION_BATCH)
    with torch.no_grad():
        for start in range(0, sample_count(x), batch):
            block = tensors(sample_rows(x, slice(start, start + batch)))
            for index, value in results_before_host(module, block, hosts).items():
                parts[index].append(value.to(torch.float64).numpy())
    return {index: np.concatenate(items) for index, items in parts.items()}


def accuracy(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of samples whose largest output is the label."""
    return float(np.mean(outputs.reshape(outputs.shape[0], -1).argmax(axis=1) == y))
