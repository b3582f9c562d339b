"""What a killed training needs to go on, in one file that is whole or absent."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcompress import __version__
from hwcompress.compress.recipe.state import Data, Memory
from hwcompress.errors import InputError
from hwcompress.samples import named

__all__ = ["Checkpoint", "Store", "fingerprint"]

_FORMAT = "hwcompress-checkpoint-1"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training after one of its epochs.

    Attributes:
        epoch: how many are done.
        module: its numbers (:mod:`hwcompress.compress.recipe.snapshot`).
        optimizer: its state.
        schedule: of the learning rate.
        order: state of the generator that shuffles the samples.
        random: state of torch's own generator.
        memories: what the steps remember, by their index.
    """

    epoch: int
    module: Mapping[str, object]
    optimizer: Mapping[str, object]
    schedule: Mapping[str, object]
    order: torch.Tensor
    random: torch.Tensor
    memories: dict[int, Memory]


@dataclass(frozen=True)
class Store:
    """Checkpoints of one run in a folder of its own.

    Attributes:
        folder: made when something is written.
    """

    folder: Path

    def _path(self, index: int) -> Path:
        return self.folder / f"train-{index}.pt"

    def save(self, index: int, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint of a step, given by its index in the recipe."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(index)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with partial.open("wb") as stream:
                torch.save({"format": _FORMAT, **vars(checkpoint)}, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    def load(self, index: int) -> Checkpoint | None:
        """The checkpoint of a step, or ``None``; nothing in it is unpickled.

        Raises:
            InputError: the file is damaged.
        """
        path = self._path(index)
        if not path.is_file():
            return None
        try:
            found = torch.load(path, map_location="cpu", weights_only=True)
            if found.pop("format") != _FORMAT:
                raise ValueError("it is of another format")
            return Checkpoint(**found)
        except Exception as error:  # torch.load raises many types on damaged files
            raise InputError(
                "damaged checkpoint",
                where=str(path),
                why=f"{type(error).__name__}: {error}".splitlines()[0],
                remedy="remove it; the training then starts again",
            ) from error


def fingerprint(module: nn.Module, data: Data, recipe: str, seed: int) -> str:
    """SHA-256 of all that decides how a recipe goes on: its start, its data and itself."""
    total = hashlib.sha256()

    def add(name: str, values: np.ndarray) -> None:
        total.update(f"{name} {values.dtype} {values.shape}\n".encode())
        total.update(np.ascontiguousarray(values).data)

    total.update(
        f"{__version__}\n{torch.__version__}\n{seed}\n{recipe}\n{module}\n{data.signed}\n".encode()
    )
    for name, value in module.state_dict().items():
        if isinstance(value, torch.Tensor):
            add(name, value.detach().cpu().numpy())
    for name, item in named(data.x, ("",)).items():
        add(name, item)
    if data.y is not None:
        add("labels", data.y)
    return total.hexdigest()
