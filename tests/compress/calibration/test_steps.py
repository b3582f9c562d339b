"""The steps in recipes: order, overrides by layer, frozen scales under training, messages."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import hwcompress.compress.recipe as recipes
from hwcompress.compress.calibration.observe import activation_quantizers
from hwcompress.compress.calibration.post_training import post_training
from hwcompress.compress.recipe import Compressed, Data, builtin_recipe, parse_recipe, run_recipe
from hwcompress.errors import InputError
from tests.compress.calibration.digits import cnn8, d8, points, trained
from tests.compress.calibration.exact import beside


def run(text: str) -> Compressed:
    data = d8(0)
    return run_recipe(trained(0), Data(data.x[:640], data.y[:640]), parse_recipe(text, "test"))


def test_the_call_is_the_function() -> None:
    data = d8(0)
    ours = post_training(trained(0), data.x[:100])
    call = recipes.post_training(trained(0), Data(data.x[:100]))
    x = torch.tensor(data.test[:50])
    with torch.no_grad():
        assert torch.equal(call.eval()(x), ours(x))


def test_a_whole_chain_in_integers(tmp_path: Path) -> None:
    found = run("""
        [[step]]
        name = "equalize"

        [[step]]
        name = "post-training"
        weight_bits = 4
        weight_method = "mse"
        act_method = "kl"

        [[step.layers]]
        match = ["@first", "@last"]
        weight_bits = 8

        [[step]]
        name = "bias-correction"

        [[step]]
        name = "gptq"
    """)
    module = found.module
    bits = [
        int(part.weight_quant.bit_width().item())
        for part in module.modules()
        if hasattr(part, "weight_quant")
    ]
    assert bits == [8, 4, 4, 8]
    assert any("channels equalized between 3 groups" in line for line in found.notes)
    assert any("values saturate" in line for line in found.notes)
    data = d8(0)
    assert points(module, data) > 98
    result = beside(module, data.test, tmp_path)
    assert (result.mismatches, result.in_float64) == (0, 0)


def test_scales_are_frozen_while_weights_are_tuned(tmp_path: Path) -> None:
    text = """
        [[step]]
        name = "post-training"
        weight_bits = 3
        act_bits = 4
        per_channel = false
    """
    before = run(text)
    after = run(f"{text}\n[[step]]\nname = 'train'\nepochs = 1\nrate = 0.001")
    for name, part in before.module.named_modules():
        for kind in ("weight_quant", "act_quant"):
            proxy = getattr(part, kind, None)
            if proxy is not None and getattr(proxy, "is_quant_enabled", False):
                twin = getattr(after.module.get_submodule(name), kind)
                assert torch.equal(proxy.scale(), twin.scale())
    data = d8(0)
    assert points(after.module, data) > points(before.module, data)
    assert beside(after.module, data.test[:200], tmp_path).mismatches == 0


def test_scales_follow_the_training_and_are_frozen(tmp_path: Path) -> None:
    data = d8(0)
    recipe = parse_recipe(
        """
        [[step]]
        name = "quantize"
        weight_bits = 4
        act_bits = 4

        [[step]]
        name = "scale-tracking"
        strategy = "moving_average"

        [[step]]
        name = "train"
        epochs = 2
        """,
        "test",
    )
    torch.manual_seed(0)
    found = run_recipe(cnn8(), Data(data.x, data.y), recipe).module
    assert points(found, data) > 90
    scales = [float(p.act_quant.scale()) for p in activation_quantizers(found).values()]
    assert all(torch.log2(torch.tensor(scale)) % 1 == 0 for scale in scales)
    assert beside(found, data.test[:200], tmp_path).mismatches == 0


@pytest.mark.long
def test_built_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = d8(0)
    found = run_recipe(trained(0), Data(data.x[:200]), builtin_recipe("w4a8-ptq")).module
    with capsys.disabled():
        print(f"\nw4a8-ptq: {points(trained(0), data):.1f} -> {points(found, data):.1f} %")
    assert points(found, data) > points(trained(0), data) - 1
    assert beside(found, data.test[:100], tmp_path).mismatches == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = 'post-training'\nweight_bits = 1", "weights of 1 bits after training"),
        ("name = 'post-training'\nact_method = 'median'", "act_method is 'median'"),
        ("name = 'post-training'\npercentile = 0.0", "the percentile 0"),
        ("name = 'gptq'", "no layer has quantized weights"),
        ("name = 'bias-correction'", "no layer has quantized weights"),
        ("name = 'equalize'\niterations = 0", "0 iterations of equalization"),
    ],
)
def test_refusals(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(f"[[step]]\n{text}")
