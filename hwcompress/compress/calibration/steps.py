"""The steps of this package: quantization with samples alone, and its repairs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import fx

from hwcompress.compress.calibration.equalize import equalize, fold_batch_norm
from hwcompress.compress.calibration.learned_rounding import learn_rounding
from hwcompress.compress.calibration.post_training import post_training
from hwcompress.compress.calibration.repair import correct_bias, gpfq, gptq
from hwcompress.compress.calibration.saturation import saturation
from hwcompress.compress.calibration.thresholds import ActivationRange, Method
from hwcompress.compress.calibration.tracked import freeze_tracked, track_scales
from hwcompress.compress.calibration.trackers import Strategy
from hwcompress.compress.calibration.weights import WeightMethod, WeightRange
from hwcompress.compress.freeze import freeze_bias
from hwcompress.compress.recipe.registry import Step, step
from hwcompress.compress.recipe.state import State
from hwcompress.samples import sample_count

__all__ = [
    "BiasCorrection",
    "Equalize",
    "FoldBatchNorm",
    "Gpfq",
    "Gptq",
    "LearnedRounding",
    "PostTraining",
    "ScaleTracking",
]


@step("fold-batch-norm")
@dataclass(frozen=True, kw_only=True)
class FoldBatchNorm(Step):
    """Fold batch norms and constant gains and offsets into the layers before them."""

    def prepare(self, state: State) -> None:
        state.module = fold_batch_norm(state.module)


@step("equalize")
@dataclass(frozen=True, kw_only=True)
class Equalize(Step):
    """Give the channels between two layers one range, by the same function (Nagel 2019).

    Attributes:
        iterations: over all pairs of layers, at most.
        merge_bias: biases count as weights when ranges are compared.
    """

    iterations: int = 20
    merge_bias: bool = False

    def prepare(self, state: State) -> None:
        state.module, groups = equalize(
            state.module, iterations=self.iterations, merge_bias=self.merge_bias
        )
        state.notes.append(f"channels equalized between {groups} groups of layers")


_WEIGHT_OPTIONS = (
    "weight_bits",
    "weight_method",
    "weight_symmetric",
    "per_channel",
)
_ACT_OPTIONS = ("act_bits", "act_method", "act_symmetric")


@step(
    "post-training",
    layer_options=(*_WEIGHT_OPTIONS, *_ACT_OPTIONS, "power_of_two", "percentile"),
)
@dataclass(frozen=True, kw_only=True)
class PostTraining(Step):
    """Quantize a trained network with samples alone; scales are constants from then on.

    Batch norms are folded. Options of a layer hold for its weights and for what it reads. With
    a ``train`` step after it the weights are tuned while all scales stay (QAFT).

    Attributes:
        weight_bits: 2 to 8.
        act_bits: 1 to 8, signed ones 2 at least.
        weight_method: range of the weights: max, percentile or mse.
        act_method: range of activations: max, moving_average, percentile, mse or kl.
        weight_symmetric: no zero point.
        act_symmetric: no zero point for signed activations either.
        per_channel: a step for each output channel, but not of layers that give the outputs.
        power_of_two: every step is one.
        percentile: share in percent that the method ``percentile`` keeps.
        momentum: of the method ``moving_average``, over the batches.
        batch: samples of a batch.
    """

    weight_bits: int = 8
    act_bits: int = 8
    weight_method: WeightMethod = "max"
    act_method: Method = "mse"
    weight_symmetric: bool = True
    act_symmetric: bool = True
    per_channel: bool = True
    power_of_two: bool = True
    percentile: float = 99.9
    momentum: float = 0.9
    batch: int = 32

    def __post_init__(self) -> None:
        self._weights, self._activations  # noqa: B018  (their checks)

    @property
    def _weights(self) -> WeightRange:
        return WeightRange(
            self.weight_bits,
            self.weight_symmetric,
            self.per_channel,
            self.power_of_two,
            self.weight_method,
            self.percentile,
        )

    @property
    def _activations(self) -> ActivationRange:
        return ActivationRange(
            self.act_bits,
            self.act_symmetric,
            self.power_of_two,
            self.act_method,
            self.percentile,
            self.momentum,
        )

    def prepare(self, state: State) -> None:
        own = {name: self.for_layer(state, name) for name in state.layer_names}
        samples = state.data.calibration
        state.module = post_training(
            state.module,
            samples,
            lambda name: own.get(name, self)._weights,
            lambda name: own.get(name, self)._activations,
            batch=self.batch,
        )
        found = saturation(state.module, samples, batch=self.batch)
        values = sum(item.values for item in found)
        clipped = [item for item in found if item.saturated]
        state.notes.append(
            f"ranges from {sample_count(samples)} samples;"
            f" {sum(item.saturated for item in clipped)} of {values} values saturate"
        )
        state.notes += [
            f"{item.name}: {100 * item.share:.3g} % of the {item.kind}s saturate at"
            f" {item.low:.4g}..{item.high:.4g} (largest {item.largest:.4g})"
            for item in clipped
        ]

    def finish(self, state: State) -> None:
        freeze_bias(state.module)


@step("bias-correction")
@dataclass(frozen=True, kw_only=True)
class BiasCorrection(Step):
    """Take the mean error of rounded weights back in the biases (Nagel 2019)."""

    def prepare(self, state: State) -> None:
        state.module = correct_bias(state.module, state.data.calibration)


@step("gptq")
@dataclass(frozen=True, kw_only=True)
class Gptq(Step):
    """Round weights column by column, later ones make good the error (GPTQ).

    Attributes:
        act_order: columns with the largest inputs first.
    """

    act_order: bool = False

    def prepare(self, state: State) -> None:
        state.module = gptq(state.module, state.data.calibration, act_order=self.act_order)


@step("gpfq")
@dataclass(frozen=True, kw_only=True)
class Gpfq(Step):
    """Round weights so that outputs follow the float network's path (GPFQ).

    Attributes:
        act_order: columns with the largest inputs first.
    """

    act_order: bool = False

    def prepare(self, state: State) -> None:
        state.module = gpfq(state.module, state.data.calibration, act_order=self.act_order)


@step("learned-rounding")
@dataclass(frozen=True, kw_only=True)
class LearnedRounding(Step):
    """Learn for every weight whether it is rounded up or down (AdaRound).

    Attributes:
        iterations: of each layer.
        rate: of Adam.
        weight: of the term that drives choices to 0 or 1.
    """

    iterations: int = 300
    rate: float = 1e-2
    weight: float = 0.01

    def prepare(self, state: State) -> None:
        state.module = learn_rounding(
            state.module,
            state.data.calibration,
            iterations=self.iterations,
            rate=self.rate,
            weight=self.weight,
            seed=state.seed,
        )


@step("scale-tracking")
@dataclass(frozen=True, kw_only=True)
class ScaleTracking(Step):
    """Let activation scales follow the batches of the training, and freeze them after it.

    It takes the place of the learned scales that the quantizing step before it put in; scales
    that are constants stay.

    Attributes:
        strategy: abs_max, window_max, moving_average or mean.
        window: steps of window_max.
        momentum: of moving_average.
        power_of_two: frozen scales are rounded up to one.
    """

    strategy: Strategy = "moving_average"
    window: int = 100
    momentum: float = 0.9
    power_of_two: bool = True

    needs_training = True

    def prepare(self, state: State) -> None:
        count = track_scales(
            state.module, self.strategy, window=self.window, momentum=self.momentum
        )
        state.notes.append(f"{count} activation scales follow the batches: {self.strategy}")

    def finish(self, state: State) -> None:
        freeze_tracked(state.module, power_of_two=self.power_of_two)
        if isinstance(state.module, fx.GraphModule):
            freeze_bias(state.module)  # accumulators have other steps now
