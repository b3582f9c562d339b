"""Every scheme, trained on digits: the accuracy it must keep, beside its honest twin, and all
its integers the same in PyTorch, the integer graph and the simulator.

The default run fine-tunes a float network for very few epochs, one seed; where that says
nothing about accuracy, only the integers are checked. The long one (``pytest -m long``)
trains from scratch where the scheme does, with the three splits of D8.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.after_training import quantize_after_training
from hwcompress.compress.schemes import (
    AccumulatorWidth,
    BinaryNetwork,
    BinaryWeights,
    Dorefa,
    FixedPoint,
    GridNetwork,
    IntegerOnly,
    LearnedBits,
    LearnedStep,
    LocalBinary,
    LogarithmicWeights,
    Scheme,
    SeparableNetwork,
    Ternary,
    Xnor,
    apply_scheme,
    settle,
    weight_levels,
)
from hwcompress.ir import BIPOLAR, Conv, Dense, Graph
from tests.compress.schemes.networks import (
    check_exact,
    check_settled,
    cnn8,
    data,
    right,
    trained,
    trained_float,
)


@dataclass(frozen=True)
class Case:
    """A scheme and what it must reach.

    Attributes:
        scheme: with first and last layer at 8 bits, unless it says otherwise.
        least: percent of the test samples, after the whole training.
        epochs: of the reduced run, from the trained float network; 0: integers only.
        reduced: percent in the reduced run.
        from_float: the whole training starts from the float network as well.
        whole: epochs of the whole training.
        behind: points that the whole training may stay behind the float network.
    """

    scheme: Scheme
    least: float
    epochs: int = 0
    reduced: float = 0.0
    from_float: bool = False
    whole: int = 25
    behind: float | None = None


SEEDS = range(3)

CASES = {
    "ternary": Case(Ternary(act_bits=8), 98.0, 2, 95.0),
    "bwn": Case(BinaryWeights(), 98.5, 1, 94.0),
    "bnn": Case(BinaryNetwork(), 93.0, 3, 80.0),
    "separable": Case(SeparableNetwork(), 90.0),
    "xnor": Case(Xnor(), 93.0),
    "lbcnn": Case(LocalBinary(), 97.0),
    "dorefa-w4a4": Case(Dorefa(weight_bits=4, act_bits=4), 97.0),
    "dorefa-w2a2": Case(Dorefa(weight_bits=2, act_bits=2), 97.0, 2, 93.0),
    "dorefa-w1a2": Case(Dorefa(weight_bits=1, act_bits=2, gradient_bits=6), 96.0),
    "lsq-w2a2": Case(LearnedStep(weight_bits=2, act_bits=2), 97.5, 1, 94.0),
    "fixed-point-w4a4": Case(FixedPoint(weight_bits=4, act_bits=4, edge_bits=0), 98.0),
    "learned-bits": Case(LearnedBits(), 97.5),
    "qnn": Case(GridNetwork(), 97.0),
    "log2": Case(LogarithmicWeights(act_bits=4), 97.3, 1, 94.0, behind=2.0),
    "integer-only-w4a4": Case(
        IntegerOnly(weight_bits=4, act_bits=4, delay=5, freeze_after=30), 97.5, 1, 94.0
    ),
    "a2q": Case(
        AccumulatorWidth(accumulator_bits=12, centred=True, input_bits=5), 97.0, from_float=True
    ),
}


def check_weights(name: str, graph: Graph) -> None:
    """What the scheme promises of the inner layers' integers."""
    inner = [op for op in graph.ops if isinstance(op, Conv | Dense)][1:-1]
    weights = [(op.wtype, np.abs(op.weight)) for op in inner]
    if name in ("bwn", "bnn", "separable", "xnor", "dorefa-w1a2"):
        assert all(kind == BIPOLAR for kind, _ in weights)
    if name == "ternary":
        assert all((kind.lo, kind.hi) == (-1, 1) for kind, _ in weights)
        zeros = [float(np.mean(size == 0)) for _, size in weights]
        print(f"ternary zeros {', '.join(f'{100 * item:.0f} %' for item in zeros)}")
        assert all(0.25 <= item <= 0.60 for item in zeros)
    if name == "log2":
        assert all(set(np.unique(size)) <= {0, 1, 2, 4, 8, 16, 32, 64} for _, size in weights)
    if name.startswith("dorefa"):
        assert all(np.all(size % 2 == 1) for _, size in weights)
    if name == "separable":
        for op in inner:
            kernels = op.weight.transpose(0, 3, 1, 2).reshape(-1, 9)
            assert len(np.unique(kernels, axis=0)) <= 32


_ONLY_LONG = ("dorefa-w4a4", "dorefa-w1a2", "fixed-point-w4a4", "a2q")  # like another case


@pytest.mark.parametrize("name", [name for name in CASES if name not in _ONLY_LONG])
def test_reduced(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    module = trained(case.scheme, trained_float(), epochs=case.epochs)
    imported = check_exact(module, tmp_path)
    check_weights(name, imported.graph)
    if case.epochs:
        found = right(module)
        print(f"\n{name}: {found:.1f} % (float twin {right(trained_float()):.1f} %)")
        assert found >= case.reduced


@cache
def whole(name: str, seed: int) -> nn.Module:
    """After the whole training on a split of D8, settled. Not to be changed."""
    case = CASES[name]
    start = trained_float(seed, 20, seed) if case.from_float else cnn8(seed)
    module = trained(case.scheme, start, epochs=case.whole, seed=seed, batch=32, split=seed)
    settle(module)
    return module


def mean_right(name: str) -> tuple[float, float]:
    """Percent right after the whole training: mean and worst of the seeds."""
    found = [right(whole(name, seed), seed) for seed in SEEDS]
    return float(np.mean(found)), min(found)


def float_twin() -> float:
    """Percent right of the float networks, mean of the seeds."""
    return float(np.mean([right(trained_float(seed, 20, seed), seed) for seed in SEEDS]))


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_whole(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    for seed in SEEDS:
        check_weights(name, check_settled(whole(name, seed), tmp_path, seed).graph)
    mean, worst = mean_right(name)
    twin = float_twin()
    print(f"\n{name}: {mean:.1f} % (worst {worst:.1f}); float twin {twin:.1f} %")
    assert mean >= case.least
    if case.behind is not None:
        assert mean >= twin - case.behind


@pytest.mark.long
def test_separable_kernels_beside_plain_ones() -> None:
    """Lin et al.: within five points of the plain binary network."""
    (rank_one, _), (plain, _) = mean_right("separable"), mean_right("bnn")
    print(f"\nseparable kernels {rank_one:.1f} %, plain binary twin {plain:.1f} %")
    assert rank_one >= plain - 5


def calibrated(weight_bits: int, act_bits: int, per_channel: bool) -> float:
    """Percent right of the float network, not trained: the textbook's scales, by the largest."""
    scheme = IntegerOnly(
        weight_bits=weight_bits,
        act_bits=act_bits,
        per_channel=per_channel,
        power_of_two=False,
        frozen_ranges=True,
        freeze_after=0,
    )
    return right(apply_scheme(trained_float(), scheme, data().x[:256]))


def test_trained_beats_calibrated_at_two_bits() -> None:
    """PTQ against QAT: weights of 2 bits after training lose what training keeps.

    The toolkit's own calibration, whose scales are no largest magnitudes, loses less: printed.
    """
    own = quantize_after_training(trained_float(), data().x[:256], weight_bits=2)
    qat = {}
    for bits in (2, 4):
        module = trained(FixedPoint(weight_bits=bits, act_bits=8), trained_float(), epochs=2)
        settle(module)
        qat[bits] = right(module)
    ptq2, ptq4 = calibrated(2, 8, True), calibrated(4, 8, True)
    float_, less = right(trained_float()), right(own)
    print(
        f"\nfloat {float_:.1f} %; 2 bits: PTQ {ptq2:.1f} (ours {less:.1f}),"
        f" QAT {qat[2]:.1f}; 4 bits: PTQ {ptq4:.1f}, QAT {qat[4]:.1f}"
    )
    assert qat[2] - ptq2 >= 20
    assert qat[2] - less >= 5
    assert qat[4] >= float_ - 1


def test_integer_multiplications_and_one_scale_are_dorefa(tmp_path: Path) -> None:
    """The fake-quantized layer is a sum of odd integers times integers, times one scale."""
    scheme = Dorefa(weight_bits=2, act_bits=2)
    module = trained(scheme, trained_float(), epochs=1)
    name = "7"
    layer = module.get_submodule(name)
    levels, scale = weight_levels(layer)
    assert torch.all(levels.abs() % 2 == 1) and torch.all(scale == scale.reshape(-1)[0])
    seen: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda part, given, result: seen.extend((*given, result)))
    right(module)
    handle.remove()
    x, result = seen[:2]
    integers = torch.round(x.double() * 3)
    assert torch.allclose(integers / 3, x.double(), atol=1e-6)
    sums = nn.functional.conv2d(integers, levels, padding=1)
    off = float((sums * float(scale.reshape(-1)[0]) / 3 - result.double()).abs().max())
    print(f"\nodd integers times integers, one scale: {off:.1e} from the fake-quantized twin")
    assert torch.equal(sums, torch.round(sums))
    assert torch.allclose(sums * float(scale.reshape(-1)[0]) / 3, result.double(), atol=1e-5)


@pytest.mark.long
def test_learned_bits_get_fewer_the_more_a_bit_costs() -> None:
    from hwcompress.compress.schemes import learned_widths

    means = []
    for strength in (0.0, 0.5):
        module = trained(LearnedBits(strength=strength), trained_float(), epochs=2)
        widths = [round(float(bits.detach())) for bits, _ in learned_widths(module).values()]
        means.append(float(np.mean(widths)))
        print(f"\nstrength {strength:g}: bits {widths}, {right(module):.1f} %")
    assert means[0] == pytest.approx(8.0, abs=1.0)
    assert means[1] <= means[0] - 1
