"""The schemes as steps of recipes.

A step puts its scheme in, takes part in the training that follows, and leaves whole
numbers and powers of two behind. Every option of the scheme is an option of the step;
those of weights may differ from layer to layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hwcompress.compress.recipe.registry import Step, step
from hwcompress.compress.schemes.a2q import AccumulatorWidth
from hwcompress.compress.schemes.binary import BinaryNetwork, BinaryWeights
from hwcompress.compress.schemes.dorefa import Dorefa
from hwcompress.compress.schemes.integer_only import IntegerOnly
from hwcompress.compress.schemes.lbcnn import LocalBinary
from hwcompress.compress.schemes.learned_bits import LearnedBits, learned_widths
from hwcompress.compress.schemes.log2 import GridNetwork, LogarithmicWeights
from hwcompress.compress.schemes.lsq import FixedPoint, LearnedStep
from hwcompress.compress.schemes.scheme import Scheme, apply_scheme
from hwcompress.compress.schemes.separable import SeparableNetwork
from hwcompress.compress.schemes.settle import settle
from hwcompress.compress.schemes.ternary import Ternary
from hwcompress.compress.schemes.xnor import Xnor

if TYPE_CHECKING:
    from torch import Tensor

    from hwcompress.compress.recipe.state import State

__all__ = ["SchemeStep"]


@dataclass(frozen=True, kw_only=True)
class SchemeStep(Step):
    """What every scheme's step does; a step is its scheme, too.

    It does not derive from :class:`Scheme` itself: its fields would take the place of the
    defaults that a scheme has of its own.
    """

    needs_training: ClassVar[bool] = True

    @property
    def scheme(self) -> Scheme:
        """The step as its scheme."""
        assert isinstance(self, Scheme)
        return self

    def prepare(self, state: State) -> None:
        scheme = self.scheme
        state.module = apply_scheme(
            state.module,
            scheme,
            state.data.calibration,
            layers=lambda name: self.for_layer(state, name).scheme,
            signed=state.data.inputs_signed,
        )
        edges = (
            f"first and last layer {scheme.edge_bits}-bit" if scheme.edge_bits else "every layer"
        )
        state.notes.append(f"{self.name}: {edges}, input {scheme.input_bits}-bit")
        if not state.training_follows:
            state.notes.append(f"{self.name}: not trained, the weights are rounded as they are")

    def penalty(self, state: State) -> Tensor | None:
        return self.scheme.extra_loss(state.module)

    def finish(self, state: State) -> None:
        for name, (bits, _) in learned_widths(state.module).items():
            state.notes.append(f"{self.name}: {name} learned {round(float(bits.detach()))} bits")
        settle(state.module)
        state.notes.append(f"{self.name}: weights are whole numbers, scales powers of two")


@step("ternary", layer_options=("edge_bits",))
@dataclass(frozen=True, kw_only=True)
class TernaryStep(SchemeStep, Ternary):
    """Ternary weights {-a, 0, +a} (TWN), threshold and scale by output channel."""


@step("bwn", layer_options=("edge_bits",))
@dataclass(frozen=True, kw_only=True)
class BinaryWeightsStep(SchemeStep, BinaryWeights):
    """Binary weights {-a, +a} by filter (Binary-Weight-Network), wider activations."""


@step("bnn", layer_options=("edge_bits",))
@dataclass(frozen=True, kw_only=True)
class BinaryNetworkStep(SchemeStep, BinaryNetwork):
    """Weights and activations {-1, +1} (BNN); ReLUs are taken out."""


@step("xnor", layer_options=("edge_bits",))
@dataclass(frozen=True, kw_only=True)
class XnorStep(SchemeStep, Xnor):
    """XNOR-Net: binary activations, binary weights with a scale by filter."""


@step("separable", layer_options=("edge_bits",))
@dataclass(frozen=True, kw_only=True)
class SeparableStep(SchemeStep, SeparableNetwork):
    """As bnn, every binary kernel a column of signs times a row of signs."""


@step("lbcnn", layer_options=("edge_bits", "weight_bits"))
@dataclass(frozen=True, kw_only=True)
class LocalBinaryStep(SchemeStep, LocalBinary):
    """Inner convolutions become fixed sparse anchors from a seed and a learned 1 x 1 layer."""

    renames_layers: ClassVar[bool] = True


@step("dorefa", layer_options=("edge_bits", "weight_bits"))
@dataclass(frozen=True, kw_only=True)
class DorefaStep(SchemeStep, Dorefa):
    """DoReFa-Net: any bits for weights, activations and gradients."""


@step("lsq", layer_options=("edge_bits", "weight_bits"))
@dataclass(frozen=True, kw_only=True)
class LearnedStepStep(SchemeStep, LearnedStep):
    """LSQ: steps of weights and activations are learned."""


@step("fixed-point", layer_options=("edge_bits", "weight_bits"))
@dataclass(frozen=True, kw_only=True)
class FixedPointStep(SchemeStep, FixedPoint):
    """Fixed point: steps are powers of two, their exponents learned (TQT)."""


@step("learned-bits", layer_options=("edge_bits", "weight_bits"))
@dataclass(frozen=True, kw_only=True)
class LearnedBitsStep(SchemeStep, LearnedBits):
    """Training chooses the bits of every layer's weights and activations."""


@step("qnn", layer_options=("edge_bits", "weight_bits"))
@dataclass(frozen=True, kw_only=True)
class GridNetworkStep(SchemeStep, GridNetwork):
    """QNN: weights and activations on a fixed grid, gradients of few bits."""


@step("log2", layer_options=("edge_bits", "weight_bits"))
@dataclass(frozen=True, kw_only=True)
class LogarithmicWeightsStep(SchemeStep, LogarithmicWeights):
    """Weights are zero or powers of two (QNN): products are shifts."""


@step("a2q", layer_options=("edge_bits", "weight_bits", "accumulator_bits", "centred"))
@dataclass(frozen=True, kw_only=True)
class AccumulatorWidthStep(SchemeStep, AccumulatorWidth):
    """A2Q, A2Q+: sums that cannot overflow an accumulator of a chosen width."""


@step("integer-only", layer_options=("edge_bits", "weight_bits", "per_channel"))
@dataclass(frozen=True, kw_only=True)
class IntegerOnlyStep(SchemeStep, IntegerOnly):
    """Integer-arithmetic-only (Jacob et al.): batch norms folded while training, ranges watched."""
