"""The loop that trains a classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from hwcompress.compress.feeding import tensors
from hwcompress.compress.outputs import before_host, ends_in_softmax
from hwcompress.errors import InputError
from hwcompress.samples import Samples

__all__ = ["Batch", "Loop", "Observer", "check_classes", "usual_batch"]

# Enough samples for fewer, larger steps: quantizers cost time per step.
_MANY_SAMPLES = 10_000
_BATCH, _LARGE_BATCH = 64, 256

Schedule: TypeAlias = torch.optim.lr_scheduler.LRScheduler


def usual_batch(samples: int) -> int:
    """Samples of a step, where nothing else is asked for."""
    return _BATCH if samples < _MANY_SAMPLES else _LARGE_BATCH


@dataclass(frozen=True, eq=False)
class Batch:
    """What the loss of one step of the optimizer is computed from.

    Attributes:
        inputs: a tensor ``(batch, *input shape)`` for each input.
        labels: int64 ``(batch,)``.
        outputs: logits ``(batch, classes)`` of the module.
        loss: their cross-entropy.
    """

    inputs: tuple[torch.Tensor, ...]
    labels: torch.Tensor
    outputs: torch.Tensor
    loss: torch.Tensor


class Observer:
    """Takes part in every step of the optimizer; this one does nothing."""

    def penalty(self, batch: Batch) -> torch.Tensor | None:
        """What is added to the batch's loss."""
        return None

    def after_backward(self, progress: float) -> None:
        """Change gradients; ``progress`` is the share of the training that is done, to 1."""

    def after_step(self, progress: float) -> None:
        """Change parameters that the optimizer has moved."""


class Loop:
    """A training by cross-entropy, epoch by epoch.

    Args:
        module: gives logits ``(n, classes)``, or their softmax; trained in place.
        x: samples ``(n, *input shape)`` float, of several inputs by name in the order of
            ``forward``'s arguments.
        y: labels ``(n,)``.
        epochs: passes over the samples, 1 at least.
        batch: samples of a step, fewer if there are not so many.
        optimizer: from the module's parameters.
        schedule: of the learning rate, from the optimizer and the number of steps.
        seed: of the order of the samples.
        smoothing: share of each label that is spread over all classes.
        shift: images are moved by up to this many pixels at random.
        observer: takes part in every step.
    """

    def __init__(
        self,
        module: nn.Module,
        x: Samples,
        y: np.ndarray,
        *,
        epochs: int,
        batch: int,
        optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
        schedule: Callable[[torch.optim.Optimizer, int], Schedule],
        seed: int,
        smoothing: float = 0.0,
        shift: int = 0,
        observer: Observer | None = None,
    ) -> None:
        self.module, self.epochs, self.smoothing, self.shift = module, epochs, smoothing, shift
        self.observer = observer or Observer()
        self.samples = tensors(x)
        self.labels = torch.as_tensor(np.asarray(y), dtype=torch.int64)
        self.batch = min(batch, len(self.labels))
        self.steps = max(len(self.labels) // self.batch, 1)
        self.order = torch.Generator().manual_seed(seed)
        self.optimizer = optimizer([*module.parameters()])
        self.schedule = schedule(self.optimizer, epochs * self.steps)
        # Cross-entropy wants logits: a softmax at the module's end stays out of training.
        module.eval()
        self._softmax = int(ends_in_softmax(module, self._some))

    @property
    def _some(self) -> tuple[torch.Tensor, ...]:
        return tuple(item[:2] for item in self.samples)

    def outputs_of_some(self) -> torch.Tensor:
        """Logits of the first two samples."""
        with torch.no_grad():
            return before_host(self.module, self._some, self._softmax)

    def epoch(self, number: int) -> float:
        """One pass over the samples, the first one number 0; returns the mean loss."""
        self.module.train()
        rows = torch.randperm(len(self.labels), generator=self.order)
        total = 0.0
        for index in range(self.steps):
            chosen = rows[index * self.batch : (index + 1) * self.batch]
            data = tuple(item[chosen] for item in self.samples)
            if self.shift:
                data = tuple(_moved(item, self.shift, self.order) for item in data)
            done = number * self.steps + index + 1
            total += self._step(data, self.labels[chosen], done / (self.epochs * self.steps))
        return total / self.steps

    def _step(self, data: tuple[torch.Tensor, ...], labels: torch.Tensor, progress: float) -> float:
        """One step of the optimizer; returns the cross-entropy and the penalty."""
        self.optimizer.zero_grad()
        outputs = before_host(self.module, data, self._softmax)
        loss = functional.cross_entropy(outputs, labels, label_smoothing=self.smoothing)
        penalty = self.observer.penalty(Batch(data, labels, outputs, loss))
        if penalty is not None:
            loss = loss + penalty
        loss.backward()
        self.observer.after_backward(progress)
        self.optimizer.step()
        self.schedule.step()
        self.observer.after_step(progress)
        return float(loss.detach())


def check_classes(outputs: torch.Tensor, classes: int, where: str, otherwise: str) -> None:
    """Refuse a module whose outputs are no row with an element for each class.

    Args:
        outputs: of some samples.
        classes: one more than the highest label.
        where: how messages name the place.
        otherwise: what to do with a module that is no classifier.

    Raises:
        InputError: they are none.
    """
    if outputs.ndim != 2:
        raise InputError(
            f"the module gives outputs of shape {tuple(outputs.shape[1:])}, not one row of classes",
            where=where,
            remedy=f"end it with a classifier, or {otherwise}",
        )
    if classes > outputs.shape[1]:
        raise InputError(
            f"label {classes - 1}, but the module has {outputs.shape[1]} outputs",
            where=where,
            remedy=f"number the classes 0..{outputs.shape[1] - 1}, or give the module more outputs",
        )


def _moved(images: torch.Tensor, shift: int, generator: torch.Generator) -> torch.Tensor:
    """The batch, moved as one by a random offset, zeros coming in; what is no image stays."""
    if images.ndim < 4:
        return images
    down, right = torch.randint(-shift, shift + 1, (2,), generator=generator).tolist()
    height, width = images.shape[-2:]
    padded = functional.pad(images, (shift, shift, shift, shift))
    return padded[..., shift + down : shift + down + height, shift + right : shift + right + width]
