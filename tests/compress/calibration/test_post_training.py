"""Post-training quantization (D8): exact in integers, accuracy by bits, beside other tools."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.calibration.observe import activation_quantizers
from hwcompress.compress.calibration.post_training import post_training, readers
from hwcompress.compress.calibration.thresholds import ActivationRange
from hwcompress.compress.calibration.weights import WeightRange
from hwcompress.compress.freeze import freeze_bias
from hwcompress.compress.quantize import input_scale_for, quantize_module
from hwcompress.compress.train import train_classifier
from hwcompress.errors import InputError
from hwcompress.ir import Op
from tests.compress.calibration.digits import cnn8, d8, points, trained
from tests.compress.calibration.exact import beside
from tests.compress.networks import CASES
from tests.compress.test_exactness import INEXACT, SHAPE, shake

WEIGHTS = {
    "symmetric, per channel": WeightRange(),
    "symmetric, per tensor": WeightRange(per_channel=False),
    "asymmetric, per channel": WeightRange(symmetric=False),
    "asymmetric, per tensor": WeightRange(symmetric=False, per_channel=False),
    "4 bits, least squares": WeightRange(4, method="mse"),
    "float scales": WeightRange(power_of_two=False),
    "float scales, asymmetric": WeightRange(power_of_two=False, symmetric=False),
}
ACTIVATIONS = {
    "least squares": ActivationRange(),
    "asymmetric": ActivationRange(symmetric=False, method="max"),
    "divergence, 6 bits": ActivationRange(6, method="kl"),
    "percentile, 4 bits": ActivationRange(4, method="percentile"),
    "float scales": ActivationRange(power_of_two=False, method="moving_average"),
    "float scales, asymmetric": ActivationRange(symmetric=False, power_of_two=False, method="kl"),
}


def _exact(weights: str, activations: str, folder: Path) -> None:
    data = d8(0)
    chosen = WEIGHTS[weights], ACTIVATIONS[activations]
    # Signed, so that asymmetric ranges have something to do; and no sixteenths, which lie on the
    # boundaries of a scale such as 1/255 by the dozen.
    random = np.random.default_rng(0)
    x, test = (
        (part - 0.25 + random.uniform(-0.03, 0.03, part.shape)).astype(np.float32)
        for part in (data.x[:100], data.test[:200])
    )
    module = post_training(_shifted(), x, *chosen)
    found = beside(module, test, folder)
    assert found.in_float64 == 0  # every tensor, every scale
    if all(item.power_of_two for item in chosen):
        assert found.mismatches == 0
    assert found.unexplained == 0


def _shifted() -> nn.Module:
    """CNN8 for images from -1/4 to 3/4."""
    module = trained(0)
    first = module[0]
    with torch.no_grad():
        first.padding = (0, 0)
        first.bias += 0.25 * first.weight.sum((1, 2, 3))
    return nn.Sequential(nn.ConstantPad2d(1, -0.25), *module).eval()


@pytest.mark.parametrize(
    ("weights", "activations"),
    [
        ("symmetric, per channel", "least squares"),
        ("asymmetric, per channel", "asymmetric"),
        ("float scales", "float scales, asymmetric"),
    ],
)
def test_integers_are_pytorchs(weights: str, activations: str, tmp_path: Path) -> None:
    _exact(weights, activations, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("weights", "activations"), itertools.product(WEIGHTS, ACTIVATIONS))
def test_integers_are_pytorchs_for_every_choice(
    weights: str, activations: str, tmp_path: Path
) -> None:
    _exact(weights, activations, tmp_path)


def test_full_integers(tmp_path: Path) -> None:
    """No float op in the whole network, the same predictions, and the same logits bit by bit."""
    data = d8(0)
    module = post_training(trained(0), data.x[:300])
    found = beside(module, data.test, tmp_path)
    graph = found.graph
    for op in graph.ops:
        assert isinstance(op, Op)
        for field in vars(op).values():
            if isinstance(field, np.ndarray) and op.kind not in ("Input",):
                assert field.dtype == np.int64, (op.name, field.dtype)
    assert not graph.outputs[0].host  # nothing is left to the host's floats
    assert all(np.issubdtype(item.dtype, np.integer) for item in found.integers.values())
    assert found.mismatches == 0
    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    scaled = tensor.affine.apply(found.outputs).reshape(found.real.shape)
    assert np.array_equal(scaled, found.real)  # power-of-two scales: the very same floats
    print(
        f"\nW8A8: {len(graph.ops)} operations in integers, 0 logits of {found.real.size} differ"
        f" from the fake-quantized twin; {points(module, data):.1f} %,"
        f" float {points(trained(0), data):.1f} %"
    )
    predicted = found.outputs.reshape(len(data.test), -1).argmax(1)
    assert np.array_equal(predicted, found.real.argmax(1))


def _weights_only(module: nn.Module, wanted: WeightRange, samples: np.ndarray) -> nn.Module:
    result = post_training(module, samples, wanted)
    for part in activation_quantizers(result).values():
        part.act_quant.disable_quant = True
    return result


def _table(seeds: range, bits: tuple[int, ...]) -> dict[str, list[float]]:
    kinds = {
        "per tensor": {"per_channel": False, "power_of_two": False},
        "per channel": {"power_of_two": False},
        "per tensor, powers of two": {"per_channel": False},
    }
    return {
        name: [
            float(
                np.mean(
                    [
                        points(
                            _weights_only(trained(s), WeightRange(b, **options), d8(s).x[:50]),
                            d8(s),
                        )
                        for s in seeds
                    ]
                )
            )
            for b in bits
        ]
        for name, options in kinds.items()
    }


def _qat(seed: int, bits: int, epochs: int) -> float:
    data = d8(seed)
    torch.manual_seed(seed)
    module = quantize_module(
        cnn8(),
        weight_bits=bits,
        act_bits=bits,
        input_scale=input_scale_for(data.x, bits, False),
        signed_input=False,
    )
    train_classifier(module, data.x, data.y, epochs=epochs, seed=seed)
    return points(module, data)


def test_weights_by_bits(capsys: pytest.CaptureFixture[str]) -> None:
    """Weights alone, nearest on the scale of the largest: fine at 8 bits, nothing left at 2;
    and the twin that is trained with 2 bits."""
    found = _table(range(1), (8, 4, 2))
    trained_with_two = _qat(0, 2, 4)
    with capsys.disabled():
        print("\nD8, weights of 8/4/2 bits after training:")
        for name, values in found.items():
            print(f"  {name}: {' / '.join(f'{value:.1f}' for value in values)}")
        print(f"  trained with W2A2: {trained_with_two:.1f}")
    base = points(trained(0), d8(0))
    for values in found.values():
        assert values[0] > base - 0.5
    assert found["per channel"][1] > base - 1.5
    assert trained_with_two - found["per channel"][2] >= 20


@pytest.mark.long
def test_weights_by_bits_for_every_seed(capsys: pytest.CaptureFixture[str]) -> None:
    bits = (8, 6, 4, 3, 2)
    found = _table(range(3), bits)
    two, four = (np.mean([_qat(s, b, 15) for s in range(3)]) for b in (2, 4))
    base = np.mean([points(trained(s), d8(s)) for s in range(3)])
    with capsys.disabled():
        print(f"\nD8 (float {base:.1f}), weights of 8/6/4/3/2 bits after training:")
        for name, values in found.items():
            print(f"  {name}: {' / '.join(f'{value:.1f}' for value in values)}")
        print(f"  trained: W4A4 {four:.1f}, W2A2 {two:.1f}")
    assert two - found["per channel"][-1] >= 20
    assert four > base - 1
    assert found["per channel"][3] > found["per tensor"][3] + 2


def _tuned(seed: int, act_bits: int = 4, per_channel: bool = False) -> tuple[float, float]:
    data = d8(seed)
    wanted = WeightRange(3, per_channel=per_channel, power_of_two=False)
    module = post_training(trained(seed), data.x[:300], wanted, ActivationRange(act_bits))

    def scales() -> list[list[float]]:
        found = [p.weight_quant.scale() for p in module.modules() if hasattr(p, "weight_quant")]
        return [item.detach().flatten().tolist() for item in found]

    before, frozen = points(module, data), scales()
    train_classifier(module, data.x, data.y, epochs=3, rate=1e-3, seed=seed)
    freeze_bias(module)
    assert scales() == frozen
    return before, points(module, data)


def test_tuned_with_frozen_scales(capsys: pytest.CaptureFixture[str]) -> None:
    """IAO's QAFT: three epochs with all scales frozen, against the same net not tuned; one scale
    a tensor, of the largest weight."""
    before, after = _tuned(0)
    with capsys.disabled():
        print(
            f"\nW3A4 after training {before:.1f} %, three epochs with frozen scales {after:.1f} %"
        )
    assert after >= before + 3


@pytest.mark.long
def test_tuned_with_frozen_scales_for_every_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """With a scale for each channel there are no three points left to win: printed."""
    for act_bits in (4, 8):
        found = np.mean([_tuned(seed, act_bits) for seed in range(3)], axis=0)
        best = np.mean([_tuned(seed, act_bits, True) for seed in range(3)], axis=0)
        with capsys.disabled():
            print(
                f"\nW3A{act_bits} after training {found[0]:.1f} %, tuned {found[1]:.1f} %"
                f" (3 seeds); scales by channel {best[0]:.1f} %, tuned {best[1]:.1f} %"
            )
        assert found[1] >= found[0] + 3
        assert best[1] >= best[0]


def test_layers_have_their_own_ranges(tmp_path: Path) -> None:
    data = d8(0)
    module = post_training(
        trained(0),
        data.x[:100],
        lambda name: WeightRange(8 if name in ("0", "12") else 4),
        lambda name: ActivationRange(8 if name == "0" else 5),
    )
    weights = {
        name: int(part.weight_quant.bit_width().item())
        for name, part in module.named_modules()
        if hasattr(part, "weight_quant")
    }
    assert weights == {"0": 8, "3": 4, "7": 4, "12": 8}
    bits = {
        name: int(part.act_quant.bit_width().item())
        for name, part in activation_quantizers(module).items()
    }
    assert list(bits.values()) == [8, 5, 5, 5]
    assert readers(module) == dict(zip(bits, (["0"], ["3"], ["7"], ["12"]), strict=True))
    assert beside(module, data.test[:100], tmp_path).mismatches == 0


def test_a_channel_of_zeros(tmp_path: Path) -> None:
    data, module = d8(0), trained(0)
    with torch.no_grad():
        module[3].weight[5] = 0.0
        module[0].weight[:, 0, 1, 1] = 0.0
    found = beside(post_training(module, data.x[:50]), data.test[:50], tmp_path)
    assert found.mismatches == 0


def test_refusals() -> None:
    data = d8(0)
    with pytest.raises(InputError, match="no calibration samples"):
        post_training(trained(0), data.x[:0])
    dead = trained(0)
    dead[1].bias.data -= 100
    with pytest.raises(InputError, match="act_quant_1: an activation is zero for all"):
        post_training(dead, data.x[:20])
    with pytest.raises(InputError, match="weights of 1 bits after training"):
        WeightRange(1)
    with pytest.raises(InputError, match="no calibration method 'kl' for weights"):
        WeightRange(method="kl")  # type: ignore[arg-type]


def _every_network(name: str, folder: Path) -> None:
    """Any module that the importer accepts: branches, concatenations, transposed convolutions."""
    x = np.random.default_rng(5).random((64, *SHAPE)).astype(np.float32)
    weights = WeightRange(5, symmetric=False, method="mse")
    for seed in range(4, 14):
        torch.manual_seed(3)
        module = CASES[name]()
        shake(module, seed)
        if name == "norm first":  # a falling function before the input's quantizer is refused
            with torch.no_grad():
                module[0].weight.abs_()
        try:
            quantized = post_training(module, x, weights, ActivationRange(6, False, method="max"))
        except InputError:
            continue  # nothing but zeros passes some ReLU
        found = beside(quantized, x, folder)
        assert found.in_float64 == 0
        assert found.mismatches == 0 or name in INEXACT
        return
    pytest.fail(f"no seed gives {name} an activation")


@pytest.mark.parametrize("name", ["enlarged", "residual"])
def test_networks(name: str, tmp_path: Path) -> None:
    _every_network(name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(CASES))
def test_every_network(name: str, tmp_path: Path) -> None:
    _every_network(name, tmp_path)
