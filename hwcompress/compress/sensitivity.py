"""How much each layer minds having few bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from torch import nn

from hwcompress.compress.feeding import tensors
from hwcompress.compress.outputs import ends_in_softmax
from hwcompress.compress.recipe import Data, Override, Recipe, run_recipe
from hwcompress.compress.recipe.steps import Quantize
from hwcompress.compress.train import accuracy, logits
from hwcompress.errors import InputError
from hwcompress.samples import sample_rows

__all__ = ["ALL_LAYERS", "Part", "Sensitivity", "cross_entropy", "layer_sensitivity", "mixed_step"]

Part = Literal["weights", "activations", "both"]
"""What of a layer gets few bits: its weights, what it reads, or both."""

ALL_LAYERS = "(all layers)"
_SAMPLES = 1000


@dataclass(frozen=True)
class Sensitivity:
    """The network with one layer at few bits and the others at many.

    Args:
        layer: its name, or :data:`ALL_LAYERS`.
        part: what of it.
        bits: of that part.
        accuracy: share of right answers, 0 to 1.
        loss: mean cross-entropy, in nats.
    """

    layer: str
    part: Part
    bits: int
    accuracy: float
    loss: float


def layer_sensitivity(
    module: nn.Module,
    data: Data,
    bits: Sequence[int],
    *,
    others: int = 8,
    samples: int = _SAMPLES,
    say: Callable[[str], None] = lambda text: None,
) -> list[Sensitivity]:
    """Quantize one layer after the other, without training, and ask how the network answers.

    Args:
        module: float, trained.
        data: labelled; its samples calibrate and are asked, none of them is a test sample.
        bits: to try, each 1 to 8.
        others: bits of everything that is not tried.
        samples: how many are asked.
        say: tells what is being tried.

    Returns:
        For each layer, part and number of bits one row; the first one is of all layers at
        ``others`` bits; further ones of all layers at each of ``bits``.

    Raises:
        InputError: there are no labels, or not an output for each of them.
    """
    if data.y is None:
        raise InputError("the accuracy of a layer's bits needs labels", remedy="give labels (y)")
    x, y = sample_rows(data.x, slice(samples)), data.y[:samples]
    seen = Data(data.x, None, data.signed)

    some = tensors(sample_rows(x, slice(2)))
    softmax = int(ends_in_softmax(module, some))
    _check(logits(module, sample_rows(x, slice(2)), host=softmax), y)
    names: list[str] = []

    def asked(layer: str, part: Part, number: int, step: Quantize) -> Sensitivity:
        say(f"{layer}: {part} of {number} bits")
        made = run_recipe(module, seen, Recipe("sensitivity", "", (step,)))
        names[:] = made.state.layer_names  # of the traced module: in the order of its calls
        rows = logits(made.module, x, host=softmax)
        return Sensitivity(layer, part, number, accuracy(rows, y), cross_entropy(rows, y))

    usual = Quantize(weight_bits=others, act_bits=others)
    found = [asked(ALL_LAYERS, "both", others, usual)]
    found += [
        asked(ALL_LAYERS, "both", number, Quantize(weight_bits=number, act_bits=number))
        for number in bits
        if number != others
    ]
    for layer in tuple(names):
        for part in get_args(Part):
            for number in bits:
                options = {"weight_bits": number, "act_bits": number}
                if part != "both":
                    del options["act_bits" if part == "weights" else "weight_bits"]
                step = Quantize(
                    weight_bits=others, act_bits=others, layers=(Override((layer,), options),)
                )
                found.append(asked(layer, part, number, step))
    return found


def _check(rows: np.ndarray, labels: np.ndarray) -> None:
    if rows.ndim != 2 or rows.shape[1] <= max(int(labels.max()), 1):
        raise InputError(
            f"the module gives outputs of shape {rows.shape[1:]}, labels go up to {labels.max()}",
            remedy="give a classifier with an output for each class",
        )


def cross_entropy(rows: np.ndarray, labels: np.ndarray) -> float:
    """Mean over samples of ``-log softmax(row)[label]``, in nats.

    Args:
        rows: logits ``(n, classes)``.
        labels: ``(n,)``.
    """
    shifted = rows - rows.max(axis=1, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(total - shifted[np.arange(len(labels)), labels]))


def mixed_step(bits: dict[str, int]) -> Quantize:
    """The quantizing step that gives each layer, by name, its own bits."""
    most = max(bits.values())
    layers = tuple(
        Override((layer,), {"weight_bits": number, "act_bits": number})
        for layer, number in bits.items()
        if number != most
    )
    return Quantize(weight_bits=most, act_bits=most, layers=layers)
