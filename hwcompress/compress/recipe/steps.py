"""The steps of this package: power-of-two quantizers, distillation, the training loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwcompress.compress.calibrate import calibrate
from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
from hwcompress.compress.layers import activation_quantizer
from hwcompress.compress.parts import refuse_quantizers
from hwcompress.compress.quantize import (
    ActivationMaker,
    LayerBits,
    LayerMaker,
    input_scales_for,
    quantize_module,
)
from hwcompress.compress.recipe.distil import Distil
from hwcompress.compress.recipe.registry import Step, step
from hwcompress.compress.recipe.state import State
from hwcompress.compress.recipe.training import Train
from hwcompress.errors import InputError
from hwcompress.samples import sample_count

_ONE_STEP = "give one quantizing step in a recipe, and a float module"

__all__ = ["Distil", "Quantize", "Train", "put_quantizers"]


@step("quantize", layer_options=("weight_bits", "act_bits"))
@dataclass(frozen=True, kw_only=True)
class Quantize(Step):
    """Quantize weights and activations with powers of two, by Brevitas's quantizers.

    With a ``train`` step after it, batch norms stay, and scales are learned; without one
    they are folded, weights get a scale for each output channel, and activations the scale
    that covers all but a few of the values that the samples give. One bit means {-1, +1},
    and {0, 1} for what a ReLU gives.

    Attributes:
        weight_bits: 1 to 8.
        act_bits: 1 to 8, of what layers, averages, sums and products read.
    """

    weight_bits: int = 8
    act_bits: int = 8

    def __post_init__(self) -> None:
        for name in ("weight_bits", "act_bits"):
            if not 1 <= getattr(self, name) <= 8:
                raise InputError(
                    f"{name} is {getattr(self, name)}", where=self.where, remedy="give 1 to 8 bits"
                )

    def prepare(self, state: State) -> None:
        names = state.layer_names
        own = {name: self.for_layer(state, name) for name in names}
        layers = {name: LayerBits(item.weight_bits, item.act_bits) for name, item in own.items()}
        put_quantizers(state, self.weight_bits, self.act_bits, layers)
        samples = state.data.calibration
        calibrate(state.module, samples)
        state.notes.append(
            f"{_said(layers, 'weight')} weights and {_said(layers, 'act')} activations,"
            f" calibrated with {sample_count(samples)} samples"
        )

    def finish(self, state: State) -> None:
        norms, biases = freeze_batch_norm(state.module), freeze_bias(state.module)
        if norms or biases:
            state.notes.append(
                f"{norms} batch norms and {biases} biases rounded so that float32 computes them"
                " exactly"
            )


def put_quantizers(
    state: State,
    weight_bits: int,
    act_bits: int,
    layers: Mapping[str, LayerBits] | None = None,
    *,
    layer: LayerMaker | None = None,
    activation: ActivationMaker = activation_quantizer,
) -> None:
    """Replace ``state.module`` by its copy with quantizers, not yet calibrated.

    Args:
        state: its module is a float one.
        weight_bits: 1 to 8.
        act_bits: 1 to 8.
        layers: bits of single layers, by name.
        layer: as of :func:`hwcompress.compress.quantize.quantize_module`.
        activation: likewise.

    Raises:
        InputError: the module has quantizers already.
        UnsupportedError: it cannot be traced, or a part of it not quantized.
    """
    refuse_quantizers(state.module, "a quantizing step", _ONE_STEP)
    signed = state.data.inputs_signed
    state.module = quantize_module(
        state.module,
        weight_bits=weight_bits,
        act_bits=act_bits,
        input_scale=input_scales_for(state.data.calibration, signed),
        signed_input=signed,
        calibrated_only=not state.training_follows,
        layers=layers,
        layer=layer,
        activation=activation,
    )


def _said(layers: dict[str, LayerBits], what: str) -> str:
    bits = sorted({getattr(item, what) for item in layers.values()})
    return "- and ".join(map(str, bits)) + "-bit"
