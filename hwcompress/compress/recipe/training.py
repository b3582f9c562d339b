"""The one training loop of a recipe, for all steps that take part in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

from hwcompress.compress.feeding import tensors
from hwcompress.compress.outputs import before_host, ends_in_softmax
from hwcompress.compress.recipe.checkpoint import Checkpoint, Store
from hwcompress.compress.recipe.registry import Step, step
from hwcompress.compress.recipe.snapshot import restore, snapshot
from hwcompress.compress.recipe.state import Batch, State
from hwcompress.errors import InputError

__all__ = ["Train"]

# Enough samples for fewer, larger steps: quantizers cost time per step.
_MANY_SAMPLES = 10_000
_BATCH, _LARGE_BATCH = 64, 256

Rate = Literal["one-cycle", "cosine", "constant"]
Rule = Literal["adam", "adamw", "sgd"]


@step("train")
@dataclass(frozen=True, kw_only=True)
class Train(Step):
    """Train the module by cross-entropy, together with every step before it.

    Attributes:
        epochs: passes over the training samples.
        rate: the highest learning rate.
        batch: samples for each step of the optimizer; by default 64, and 256 of 10,000 samples
            or more.
        optimizer: ``adam``, ``adamw`` or ``sgd``.
        schedule: of the rate: ``one-cycle`` (up and down), ``cosine`` (down), ``constant``.
        momentum: of ``sgd``.
        weight_decay: of the optimizer.
        smoothing: share of each label that is spread over all classes.
        shift: images are moved by up to this many pixels at random.
    """

    epochs: int = 30
    rate: float = 1e-2
    batch: int | None = None
    optimizer: Rule = "adam"
    schedule: Rate = "one-cycle"
    momentum: float = 0.9
    weight_decay: float = 0.0
    smoothing: float = 0.0
    shift: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (("epochs", 0, 100_000), ("batch", 1, 1 << 20), ("shift", 0, 1000)):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(
                    f"{name} is {getattr(self, name)}",
                    where=self.where,
                    remedy=f"give a number from {low} to {high}",
                )
        if not 0 < self.rate < float("inf"):
            raise InputError(f"rate is {self.rate}", where=self.where, remedy="give more than 0")
        if not (0 <= self.momentum < 1 and 0 <= self.smoothing < 1 and self.weight_decay >= 0):
            raise InputError(
                "momentum, smoothing or weight_decay is out of range",
                where=self.where,
                remedy="give 0 <= momentum < 1, 0 <= smoothing < 1 and weight_decay >= 0",
            )

    def run(
        self,
        state: State,
        active: Sequence[Step],
        fresh: Callable[[Step], bool],
        index: int,
        store: Store | None,
    ) -> None:
        """Train ``state.module``; go on from a checkpoint if there is one.

        Args:
            state: its module is trained in place.
            active: the steps that take part, in order.
            fresh: whether this is the first training that a step takes part in.
            index: of this step in the recipe.
            store: of checkpoints, one after each epoch; ``None`` for none.

        Raises:
            InputError: there are no labels, or they do not fit the module's outputs.
        """
        if not self.epochs:
            return
        loop = _Loop(self, state, active, fresh)
        start = loop.resume(store.load(index)) if store is not None else 0
        with state.same_layers():
            for epoch in range(start, self.epochs):
                loss = loop.epoch(epoch)
                if store is not None:
                    store.save(index, loop.checkpoint(epoch + 1))
                state.say(f"epoch {epoch + 1} of {self.epochs}, loss {loss:.3f}")
        state.module.eval()
        said = " with " + ", ".join(item.name for item in active) if active else ""
        state.notes.append(f"trained for {self.epochs} epochs{said}, seed {state.seed}")


class _Loop:
    """One training."""

    def __init__(
        self, options: Train, state: State, active: Sequence[Step], fresh: Callable[[Step], bool]
    ) -> None:
        if state.data.y is None:
            raise InputError(
                "training needs labelled training samples",
                where=options.where,
                remedy="give labels (y), or a recipe without 'train'",
            )
        self.options, self.state, self.active, self.fresh = options, state, active, fresh
        self.samples = tensors(state.data.x)
        self.labels = torch.as_tensor(state.data.y, dtype=torch.int64)
        usual = _BATCH if len(self.labels) < _MANY_SAMPLES else _LARGE_BATCH
        self.batch = min(options.batch or usual, len(self.labels))
        self.steps = max(len(self.labels) // self.batch, 1)
        self.order = torch.Generator().manual_seed(state.seed)
        self.optimizer = _optimizer(options, [*state.module.parameters()])
        self.schedule = _schedule(options, self.optimizer, options.epochs * self.steps)
        # Cross-entropy wants logits: a softmax at the module's end stays out of training.
        some = tuple(item[:2] for item in self.samples)
        state.module.eval()
        self.softmax = int(ends_in_softmax(state.module, some))
        with torch.no_grad():
            _check(before_host(state.module, some, self.softmax), self.labels, options.where)

    def resume(self, found: Checkpoint | None) -> int:
        """Go back to where a checkpoint was written; returns how many epochs are done."""
        if found is None:
            return 0
        restore(self.state.module, found.module, self.options.where)
        self.optimizer.load_state_dict(dict(found.optimizer))
        self.schedule.load_state_dict(dict(found.schedule))
        self.order.set_state(found.order)
        torch.set_rng_state(found.random)
        self.state.memories.clear()
        self.state.memories.update(found.memories)
        self.state.say(f"goes on after epoch {found.epoch} of {self.options.epochs}")
        return found.epoch

    def checkpoint(self, epoch: int) -> Checkpoint:
        """All that :meth:`resume` needs."""
        return Checkpoint(
            epoch,
            snapshot(self.state.module),
            self.optimizer.state_dict(),
            self.schedule.state_dict(),
            self.order.get_state(),
            torch.get_rng_state(),
            self.state.memories,
        )

    def epoch(self, epoch: int) -> float:
        """One pass over the samples; returns the mean loss."""
        self.state.module.train()
        rows = torch.randperm(len(self.labels), generator=self.order)
        total = 0.0
        for number in range(self.steps):
            chosen = rows[number * self.batch : (number + 1) * self.batch]
            data = tuple(item[chosen] for item in self.samples)
            if self.options.shift:
                data = tuple(_moved(item, self.options.shift, self.order) for item in data)
            done = epoch * self.steps + number + 1
            total += self.step(data, self.labels[chosen], done / (self.options.epochs * self.steps))
        return total / self.steps

    def step(self, data: tuple[torch.Tensor, ...], labels: torch.Tensor, share: float) -> float:
        """One step of the optimizer; returns the cross-entropy and the penalties."""
        state = self.state
        self.optimizer.zero_grad()
        outputs = before_host(state.module, data, self.softmax)
        loss = functional.cross_entropy(outputs, labels, label_smoothing=self.options.smoothing)
        state.batch = Batch(data, labels, outputs, loss)
        for item in self.active:
            more = item.penalty(state)
            if more is not None:
                loss = loss + more
        loss.backward()
        moments = [(item, share if self.fresh(item) else 1.0) for item in self.active]
        for item, progress in moments:
            item.after_backward(state, progress)
        self.optimizer.step()
        self.schedule.step()
        for item, progress in moments:
            item.after_step(state, progress)
        state.batch = None
        return float(loss.detach())


def _check(outputs: torch.Tensor, labels: torch.Tensor, where: str) -> None:
    if outputs.ndim != 2:
        raise InputError(
            f"the module gives outputs of shape {tuple(outputs.shape[1:])}, not one row of classes",
            where=where,
            remedy="end it with a classifier, or take a recipe without 'train'",
        )
    if int(labels.max()) >= outputs.shape[1]:
        raise InputError(
            f"label {int(labels.max())}, but the module has {outputs.shape[1]} outputs",
            where=where,
            remedy=f"number the classes 0..{outputs.shape[1] - 1}, or give the module more outputs",
        )


def _optimizer(options: Train, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    decay = options.weight_decay
    match options.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, lr=options.rate, weight_decay=decay)
        case "adamw":
            return torch.optim.AdamW(parameters, lr=options.rate, weight_decay=decay)
        case "sgd":
            return torch.optim.SGD(
                parameters, lr=options.rate, momentum=options.momentum, weight_decay=decay
            )


def _schedule(
    options: Train, optimizer: torch.optim.Optimizer, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    schedulers = torch.optim.lr_scheduler
    match options.schedule:
        case "one-cycle":
            return schedulers.OneCycleLR(optimizer, options.rate, steps)
        case "cosine":
            return schedulers.CosineAnnealingLR(optimizer, steps)
        case "constant":
            return schedulers.ConstantLR(optimizer, factor=1.0, total_iters=1)


def _moved(images: torch.Tensor, shift: int, generator: torch.Generator) -> torch.Tensor:
    """The batch, moved as one by a random offset, zeros coming in; what is no image stays."""
    if images.ndim < 4:
        return images
    down, right = torch.randint(-shift, shift + 1, (2,), generator=generator).tolist()
    height, width = images.shape[-2:]
    padded = functional.pad(images, (shift, shift, shift, shift))
    return padded[..., shift + down : shift + down + height, shift + right : shift + right + width]
