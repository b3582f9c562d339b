"""Product, residual and vector quantization as a step of a recipe."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from hwcompress.compress.feeding import tensors
from hwcompress.compress.recipe.registry import Step, step
from hwcompress.compress.recipe.state import State
from hwcompress.compress.sharing.layers import input_rows, put_units, weight_rows, weight_units
from hwcompress.compress.sharing.product import ProductCode, correct_responses, response_error
from hwcompress.compress.sharing.residual import residual
from hwcompress.errors import InputError
from hwcompress.samples import Samples, sample_rows

__all__ = ["ProductQuantize", "layer_inputs"]

_SAMPLES = 500
_ROWS = 20_000  # of inputs; more say nothing new about some hundred columns


@step("product-quantize", layer_options=("codewords", "length", "stages", "correct", "min_weights"))
@dataclass(frozen=True, kw_only=True)
class ProductQuantize(Step):
    """Put the rows of weight matrices together from few codewords, for look-up tables.

    Layer after layer; each sees what the quantized layers before it give (Q-CNN). Layers that
    are too small are left alone: the codewords would be larger than what they save.

    Attributes:
        codewords: of each part of the columns.
        length: columns of a part, a divisor of a layer's; of a convolution whole kernels,
            so that 9 is one input channel of 3x3. 0: one kernel of a convolution,
            4 columns of a dense layer.
        stages: 2 or more code what is left by the stage before (residual quantization).
        correct: choose codewords for the layer's responses, not its weights (one stage only).
        min_weights: smallest layer that is changed.
    """

    codewords: int = 16
    length: int = 0
    stages: int = 1
    correct: bool = True
    min_weights: int = 50_000

    def __post_init__(self) -> None:
        if self.codewords < 1 or self.length < 0 or self.stages < 1 or self.min_weights < 0:
            raise InputError(
                f"{self.codewords} codewords of length {self.length} in {self.stages} stages for"
                f" layers of {self.min_weights} weights",
                where=self.where,
                remedy="give 1 or more codewords and stages, and no negative length",
            )

    def prepare(self, state: State) -> None:
        if state.training_follows:
            raise InputError(
                "a training follows, which would pull codewords apart",
                where=self.where,
                remedy="put the step behind the last 'train'",
            )
        before = copy.deepcopy(state.module)
        samples = sample_rows(state.data.calibration, slice(_SAMPLES))
        chosen = 0
        for name in state.layer_names:
            own, layer = self.for_layer(state, name), state.layer(name)
            if layer.weight.numel() < own.min_weights:
                continue
            chosen += 1
            own._quantize(state, before, samples, name, layer)
        if not chosen:
            state.notes.append(f"no layer has {self.min_weights} weights: none got codewords")

    def _quantize(
        self, state: State, before: nn.Module, samples: Samples, name: str, layer: nn.Module
    ) -> None:
        plain = isinstance(layer, nn.Linear) or (
            isinstance(layer, nn.Conv2d) and layer.groups == 1 and layer.padding_mode == "zeros"
        )
        if not plain or isinstance(getattr(layer, "padding", 0), str):
            raise InputError(
                f"layer {name!r} is a {type(layer).__name__} that has no look-up tables",
                where=self.where,
                remedy="give it min_weights above its size; linear layers and 2-D convolutions"
                " of one group, padded with zeros, have them",
            )
        units = weight_units(layer)
        rows = weight_rows(layer, units)
        length = self.length or (4 if units.ndim == 2 else int(np.prod(units.shape[2:])))
        if rows.shape[1] % length or (units.ndim > 2 and length % int(np.prod(units.shape[2:]))):
            raise InputError(
                f"parts of {length} columns of layer {name!r}, whose weights are {units.shape}",
                where=self.where,
                remedy="give a divisor of its inputs, of a convolution a multiple of its kernel",
            )
        code = residual(rows, self.codewords, length, self.stages, seed=state.seed)
        given = _some(layer_inputs(state.module, name, samples), state.seed)
        wanted = _some(layer_inputs(before, name, samples), state.seed)
        decoded = code.decode()
        error = response_error(rows, decoded, given, wanted)
        said = f"{name}: {self.codewords} codewords of {length}, response error {error:.3f}"
        if self.correct and self.stages == 1:
            better: ProductCode = correct_responses(code.stages[0], rows, given, wanted)
            decoded = better.decode()
            said += f", corrected {response_error(rows, decoded, given, wanted):.3f}"
        put_units(layer, decoded.reshape(units.shape), settled=True)
        state.notes.append(said)


def layer_inputs(module: nn.Module, name: str, samples: Samples) -> np.ndarray:
    """What a layer of a module reads for samples, as rows (:func:`input_rows`)."""
    layer = module.get_submodule(name)
    found: list[np.ndarray] = []

    def note(part: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        value = getattr(given[0], "value", given[0])
        found.append(input_rows(part, value))

    hook = layer.register_forward_pre_hook(note)
    module.eval()
    try:
        with torch.no_grad():
            module(*tensors(samples))
    finally:
        hook.remove()
    return np.concatenate(found)


def _some(rows: np.ndarray, seed: int) -> np.ndarray:
    """The same few of many rows."""
    if rows.shape[0] <= _ROWS:
        return rows
    chosen = np.random.default_rng(seed).choice(rows.shape[0], _ROWS, replace=False)
    return rows[np.sort(chosen)]
