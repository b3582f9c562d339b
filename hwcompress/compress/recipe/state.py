"""What the steps of a running recipe share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import fx, nn

from hwcompress.compress.kinds import WEIGHTED, Traced
from hwcompress.compress.loop import Batch
from hwcompress.errors import InputError
from hwcompress.samples import Samples, named, sample_count, sample_rows

if TYPE_CHECKING:
    from hwcompress.compress.recipe.registry import Step

__all__ = ["Data", "Memory", "State", "weighted_layers"]

Memory = dict[str, torch.Tensor | float | int | str | bool]
"""What a step remembers; it is saved with every checkpoint."""

_CALIBRATION = 1000


def weighted_layers(module: nn.Module) -> dict[str, nn.Module]:
    """Layers with weights by name, as a module's attributes stand."""
    return {name: part for name, part in module.named_modules() if isinstance(part, WEIGHTED)}


@dataclass(frozen=True, eq=False)
class Data:
    """What a recipe may look at; never the test samples.

    Attributes:
        x: samples ``(n, *input shape)``, real, float32, in the shape that the module takes; of
            several inputs by name in the order of ``forward``'s arguments.
        y: labels, int64 ``(n,)``, or ``None``: then there is no training.
        signed: whether each input takes negative values; derived from ``x`` if empty.
    """

    x: Samples
    y: np.ndarray | None = None
    signed: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if self.y is not None and len(self.y) != sample_count(self.x):
            raise InputError(f"{sample_count(self.x)} samples but {len(self.y)} labels")

    @property
    def calibration(self) -> Samples:
        """The first thousand samples."""
        return sample_rows(self.x, slice(_CALIBRATION))

    @property
    def inputs_signed(self) -> list[bool]:
        """Whether each input takes negative values."""
        if self.signed:
            return list(self.signed)
        return [bool(np.min(item, initial=0) < 0) for item in named(self.x, ("",)).values()]


@dataclass(eq=False)
class State:
    """A module on its way through a recipe.

    Attributes:
        module: as the steps so far left it; a step may replace it.
        data: samples and labels.
        seed: of every random choice.
        original: the module as it was given, in eval mode; a teacher.
        training_follows: whether a ``train`` step comes after the one being prepared.
        batch: the current one while a network trains, else ``None``.
        optimizer: of the last training; Adam's running means tell how much weights matter.
        notes: lines for the report.
        say: tells what is being done.
        steps: of the recipe.
        memories: what the steps remember, by their index.
    """

    module: nn.Module
    data: Data
    seed: int
    original: nn.Module
    training_follows: bool = False
    batch: Batch | None = None
    optimizer: torch.optim.Optimizer | None = None
    notes: list[str] = field(default_factory=list)
    say: Callable[[str], None] = lambda text: None
    steps: Sequence[Step] = ()
    memories: dict[int, Memory] = field(default_factory=dict)
    _objects: dict[int, dict[str, object]] = field(default_factory=dict)
    _names: tuple[str, ...] | None = None

    def _index(self, step: Step) -> int:
        return next(index for index, item in enumerate(self.steps) if item is step)

    def memory(self, step: Step) -> Memory:
        """What a step remembers, to be changed by it alone."""
        return self.memories.setdefault(self._index(step), {})

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Layers with weights: in the order of a traced module's calls, else as its
        attributes stand."""
        if self._names is not None:
            return self._names
        if isinstance(self.module, fx.GraphModule):
            traced = Traced(self.module)
            names = [str(node.target) for node in traced.nodes if traced.is_weighted(node)]
        else:
            names = [*weighted_layers(self.module)]
        return tuple(dict.fromkeys(names))

    @contextmanager
    def same_layers(self) -> Iterator[None]:
        """While a network trains its layers stay, so they need not be found again every time."""
        self._names = self.layer_names
        try:
            yield
        finally:
            self._names = None

    def layer(self, name: str) -> nn.Module:
        """A layer by its name, as it is now: a step may have replaced it."""
        part: nn.Module = self.module.get_submodule(name)
        return part

    def objects(self, step: Step) -> dict[str, object]:
        """What a step's ``prepare`` makes for its other methods, such as a teacher; it is in no
        checkpoint, as ``prepare`` is called again."""
        return self._objects.setdefault(self._index(step), {})

    def generator(self, step: Step) -> torch.Generator:
        """Random numbers of a step's own, the same in every run with the same seed."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self._index(step))
