"""Shared values as a step of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from hwcompress.compress.recipe.registry import Step, step
from hwcompress.compress.recipe.state import State
from hwcompress.compress.sharing.centroids import ZERO, share_gradients, share_values
from hwcompress.compress.sharing.codebook import Codebook, together
from hwcompress.compress.sharing.ecsq import ecsq_within, uniform_within
from hwcompress.compress.sharing.hessian import adam_second_moment, fisher_diagonal
from hwcompress.compress.sharing.kmeans import Start, kmeans
from hwcompress.compress.sharing.layers import put_units, unit_scale, weight_units
from hwcompress.errors import InputError
from hwcompress.samples import sample_rows

__all__ = ["Method", "Share"]

Method = Literal["k-means", "hessian", "ecsq", "uniform"]

_FISHER_SAMPLES = 400


@step("share", layer_options=("method", "values", "bits", "start"))
@dataclass(frozen=True, kw_only=True)
class Share(Step):
    """Let the weights of a layer share few values; with a ``train`` step after it the values learn.

    Weights that are zero stay zero and are not counted. A value's gradient is the sum of its
    weights' (Han et al., Deep Compression). After a quantizing step the values are the
    quantizer's integers.

    Attributes:
        method: ``k-means``; ``hessian``, weighted with how much the loss depends on a
            weight; ``ecsq``, for an entropy; ``uniform``, multiples of one step for
            all layers, for an entropy.
        values: of ``k-means`` and ``hessian``; where ``ecsq`` starts.
        bits: a weight, of ``ecsq`` and ``uniform``: entropy after coding.
        importance: of ``hessian``: ``fisher``, from the gradients of some labelled samples;
            ``adam``, the running mean of squared gradients that the training before left.
        start: of k-means: ``linear``, ``density`` or ``random``.
        together: one table of values for all layers; ``uniform`` is so always.
    """

    method: Method = "k-means"
    values: int = 16
    bits: float = 3.0
    importance: Literal["fisher", "adam"] = "fisher"
    start: Start = "linear"
    together: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.values <= 4096 or not self.bits > 0:
            raise InputError(
                f"{self.values} values or {self.bits:g} bits",
                where=self.where,
                remedy="give 1 to 4096 values, and more than 0 bits",
            )

    def prepare(self, state: State) -> None:
        names = state.layer_names
        units = {name: weight_units(state.layer(name)) for name in names}
        memory = state.memory(self)
        said = []
        for name, book in self._codebooks(state, units).items():
            groups = torch.from_numpy(book.index)
            zero = torch.from_numpy(book.decode() == 0.0)
            memory[name] = torch.where(zero, ZERO, groups)
            put_units(state.layer(name), book.decode(), settled=not state.training_follows)
            said.append(f"{name} {np.unique(book.values[book.values != 0]).size}")
        state.notes.append(f"different weights that are not zero: {', '.join(said)}")
        if not any(hasattr(state.layer(name), "quant_weight") for name in names):
            state.notes.append(
                "values are shared among float weights: quantizing them afterwards with a scale"
                " for each channel takes a value to several integers; quantize first"
            )

    def after_backward(self, state: State, progress: float) -> None:
        for name, groups in self._groups(state).items():
            share_gradients(state.layer(name), groups)

    def after_step(self, state: State, progress: float) -> None:
        for name, groups in self._groups(state).items():
            share_values(state.layer(name), groups)

    def _groups(self, state: State) -> dict[str, torch.Tensor]:
        memory = state.memory(self)
        found = {}
        for name in state.layer_names:
            groups = memory[name]
            assert isinstance(groups, torch.Tensor)
            found[name] = groups
        return found

    def _codebooks(self, state: State, units: Mapping[str, np.ndarray]) -> Mapping[str, Codebook]:
        own = {name: self.for_layer(state, name) for name in units}
        importance = self._importance(
            state, [name for name in own if own[name].method == "hessian"]
        )
        # Values for several layers are found among the weights themselves, not in units.
        worth = {name: float(unit_scale(state.layer(name)).mean()) for name in units}
        real = {name: item * worth[name] for name, item in units.items()}
        joint: dict[str, Codebook] = {}
        grid = [name for name in units if own[name].method == "uniform"]
        if grid:
            joint |= uniform_within({name: real[name] for name in grid}, self.bits)
        rest = [name for name in units if name not in joint]
        if self.together and rest:
            each = [
                importance[name] / worth[name] ** 2
                if name in importance
                else np.ones(units[name].shape)
                for name in rest
            ]
            weight = np.concatenate([item.reshape(-1) for item in each])
            chosen = {name: real[name] for name in rest}
            joint |= together(chosen, lambda flat: self._codebook(flat, weight))
            rest = []
        found = {
            name: Codebook(book.values / worth[name], book.index) for name, book in joint.items()
        }
        for name in rest:
            found[name] = own[name]._codebook(units[name], importance.get(name))
        return {name: found[name] for name in units}

    def _codebook(self, units: np.ndarray, importance: np.ndarray | None) -> Codebook:
        if self.method == "ecsq":
            return ecsq_within(units, self.bits, k=self.values, importance=importance)
        return kmeans(units, self.values, start=self.start, importance=importance)

    def _importance(self, state: State, names: list[str]) -> dict[str, np.ndarray]:
        """Of each weight in its layer's units."""
        if not names:
            return {}
        if self.importance == "adam":
            moments = {name: self._moment(state, name) for name in names}
            return self._in_units(state, moments)
        if state.data.y is None:
            raise InputError(
                "the importance of weights needs labelled samples",
                where=self.where,
                remedy="give labels (y), or method = 'k-means'",
            )
        some = slice(_FISHER_SAMPLES)
        found = fisher_diagonal(
            state.module, sample_rows(state.data.x, some), state.data.y[some], names
        )
        return self._in_units(state, found)

    def _moment(self, state: State, name: str) -> np.ndarray:
        if state.optimizer is None:
            raise InputError(
                "no training before this step, whose optimizer could tell what weights matter",
                where=self.where,
                remedy="put a 'train' step before it, or give importance = 'fisher'",
            )
        return adam_second_moment(state.optimizer, state.layer(name).weight)

    def _in_units(self, state: State, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        scales = {name: unit_scale(state.layer(name)).double().numpy() for name in found}
        return {name: item * scales[name] ** 2 for name, item in found.items()}
