"""Training and evaluation of classifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from hwcompress.compress.feeding import tensors
from hwcompress.compress.memory import batch_within
from hwcompress.compress.outputs import before_host, ends_in_softmax, results_before_host
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = ["accuracy", "logits", "results", "train_classifier"]

Progress = Callable[[int, int, float], None]

_EVALUATION_BATCH = 500


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
    penalty: Callable[[nn.Module], torch.Tensor | None] | None = None,
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
    generator = torch.Generator().manual_seed(seed)
    samples = tensors(x)
    labels = torch.as_tensor(np.asarray(y), dtype=torch.int64)
    count = labels.shape[0]
    batch = min(batch, count)
    steps = max(count // batch, 1)
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, epochs * steps)
    module.eval()
    # Cross-entropy wants logits: a softmax at the module's end stays out of training.
    softmax = int(ends_in_softmax(module, tuple(item[:2] for item in samples)))
    module.train()
    for epoch in range(1, epochs + 1):
        order = torch.randperm(count, generator=generator)
        total = 0.0
        for step in range(steps):
            rows = order[step * batch : (step + 1) * batch]
            data = tuple(item[rows] for item in samples)
            if shift:
                data = tuple(
                    _moved(item, shift, generator) if item.ndim > 3 else item for item in data
                )
            optimizer.zero_grad()
            loss = functional.cross_entropy(before_host(module, data, softmax), labels[rows])
            extra = penalty(module) if penalty is not None else None
            (loss if extra is None else loss + extra).backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        if progress is not None:
            progress(epoch, epochs, total / steps)
    module.eval()


def _moved(images: torch.Tensor, shift: int, generator: torch.Generator) -> torch.Tensor:
    """The batch, moved as one by a random offset, zeros coming in."""
    down, right = torch.randint(-shift, shift + 1, (2,), generator=generator).tolist()
    height, width = images.shape[-2:]
    padded = functional.pad(images, (shift, shift, shift, shift))
    return padded[..., shift + down : shift + down + height, shift + right : shift + right + width]


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
