"""The one training loop of a recipe, for all steps that take part in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from hwcompress.compress.loop import Batch, Loop, Observer, check_classes, usual_batch
from hwcompress.compress.recipe.checkpoint import Checkpoint, Store
from hwcompress.compress.recipe.registry import Step, step
from hwcompress.compress.recipe.snapshot import restore, snapshot
from hwcompress.compress.recipe.state import State
from hwcompress.errors import InputError

__all__ = ["Train"]

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
        training = _Training(self, state, active, fresh)
        start = training.resume(store.load(index)) if store is not None else 0
        with state.same_layers():
            for epoch in range(start, self.epochs):
                loss = training.loop.epoch(epoch)
                if store is not None:
                    store.save(index, training.checkpoint(epoch + 1))
                state.say(f"epoch {epoch + 1} of {self.epochs}, loss {loss:.3f}")
        state.module.eval()
        state.optimizer = training.loop.optimizer
        said = " with " + ", ".join(item.name for item in active) if active else ""
        state.notes.append(f"trained for {self.epochs} epochs{said}, seed {state.seed}")


class _Training:
    """One training, with the steps that take part in it."""

    def __init__(
        self, options: Train, state: State, active: Sequence[Step], fresh: Callable[[Step], bool]
    ) -> None:
        data = state.data
        if data.y is None:
            raise InputError(
                "training needs labelled training samples",
                where=options.where,
                remedy="give labels (y), or a recipe without 'train'",
            )
        self.options, self.state = options, state
        self.loop = Loop(
            state.module,
            data.x,
            data.y,
            epochs=options.epochs,
            batch=options.batch or usual_batch(len(data.y)),
            optimizer=lambda parameters: _optimizer(options, parameters),
            schedule=lambda optimizer, steps: _schedule(options, optimizer, steps),
            seed=state.seed,
            smoothing=options.smoothing,
            shift=options.shift,
            observer=_Steps(state, [(item, fresh(item)) for item in active]),
        )
        check_classes(
            self.loop.outputs_of_some(),
            int(data.y.max()) + 1,
            options.where,
            "take a recipe without 'train'",
        )

    def resume(self, found: Checkpoint | None) -> int:
        """Go back to where a checkpoint was written; returns how many epochs are done."""
        if found is None:
            return 0
        restore(self.state.module, found.module, self.options.where)
        self.loop.optimizer.load_state_dict(dict(found.optimizer))
        self.loop.schedule.load_state_dict(dict(found.schedule))
        self.loop.order.set_state(found.order)
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
            self.loop.optimizer.state_dict(),
            self.loop.schedule.state_dict(),
            self.loop.order.get_state(),
            torch.get_rng_state(),
            self.state.memories,
        )


class _Steps(Observer):
    """The steps of a recipe that take part in a training, each with whether it is its first."""

    def __init__(self, state: State, steps: Sequence[tuple[Step, bool]]) -> None:
        self.state, self.steps = state, steps

    def penalty(self, batch: Batch) -> torch.Tensor | None:
        self.state.batch = batch
        found = [item.penalty(self.state) for item, _ in self.steps]
        terms = [term for term in found if term is not None]
        return sum(terms[1:], start=terms[0]) if terms else None

    def after_backward(self, progress: float) -> None:
        for item, fresh in self.steps:
            item.after_backward(self.state, progress if fresh else 1.0)

    def after_step(self, progress: float) -> None:
        for item, fresh in self.steps:
            item.after_step(self.state, progress if fresh else 1.0)
        self.state.batch = None


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
