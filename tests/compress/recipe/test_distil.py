"""Distillation: the formula, and its place in a loop with pruning and quantization."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import tests.compress.recipe.probes  # noqa: F401  (registers steps)
from hwcompress.compress.recipe import Data, parse_recipe, run_recipe
from hwcompress.compress.recipe.distil import Distil
from hwcompress.compress.recipe.state import Batch, State
from hwcompress.compress.train import accuracy, logits
from hwcompress.errors import InputError
from tests.compress.recipe.tiny import tiny_data, tiny_net

TRAIN = '[[step]]\nname = "train"\nepochs = {}\nbatch = 32\n'


def softmax(rows: np.ndarray, heat: float) -> np.ndarray:
    grown = np.exp((rows - rows.max(1, keepdims=True)) / heat)
    return grown / grown.sum(1, keepdims=True)


@pytest.mark.parametrize(("heat", "share"), [(1.0, 1.0), (4.0, 0.3), (2.5, 0.0)])
def test_loss_is_the_paper_s(heat, share) -> None:
    """Against the sum written out in NumPy."""
    data, teacher, student = tiny_data(16), tiny_net(1), tiny_net(2).eval()
    step = Distil(temperature=heat, share=share)
    state = State(student, data, 0, teacher.eval(), steps=(step,))
    step.prepare(state)
    x, y = torch.as_tensor(data.x), torch.as_tensor(data.y)
    outputs = student(x)
    loss = torch.nn.functional.cross_entropy(outputs, y)
    state.batch = Batch((x,), y, outputs, loss)
    total = float((loss + step.penalty(state)).detach())
    p = softmax(logits(teacher, data.x), heat)
    q = softmax(logits(student, data.x), heat)
    hard = softmax(logits(student, data.x), 1.0)
    distance = float(np.mean(np.sum(p * np.log(p / q), axis=1)))
    entropy = -float(np.mean(np.log(hard[np.arange(16), data.y])))
    assert math.isclose(
        total, share * heat**2 * distance + (1 - share) * entropy, rel_tol=1e-4, abs_tol=1e-6
    )


def test_student_learns_from_answers_alone() -> None:
    """With labels that say nothing, only the teacher can teach; the hard-label twin cannot."""
    data = tiny_data(384)
    teacher = run_recipe(tiny_net(), data, parse_recipe(TRAIN.format(5), "t")).module
    wrong = Data(data.x, np.random.default_rng(99).integers(0, 3, 384))
    pick = '[[step]]\nname = "distil"\nteacher = "original"\nshare = {}\n[[step]]\n'
    pick += 'name = "quantize"\nweight_bits = 4\nact_bits = 4\n' + TRAIN.format(5)
    # The student starts anew: its weights are drawn again, the teacher is the module given.
    again = '[[step]]\nname = "test-again"\n'
    test = tiny_data(200, seed=1)
    found = {}
    for share in (1.0, 0.0):
        recipe = parse_recipe(again + pick.format(share), "x")
        made = run_recipe(teacher, wrong, recipe)
        found[share] = accuracy(logits(made.module, test.x), test.y)
    print(f"teacher's answers {found[1.0]:.1%}, labels without sense {found[0.0]:.1%}")
    assert accuracy(logits(teacher, test.x), test.y) > 0.95
    assert found[1.0] > 0.9
    assert found[0.0] < 0.7


def test_current_module_as_teacher() -> None:
    text = TRAIN.format(2) + '[[step]]\nname = "distil"\nteacher = "current"\n' + TRAIN.format(1)
    made = run_recipe(tiny_net(), tiny_data(), parse_recipe(text, "x"))
    before = run_recipe(tiny_net(), tiny_data(), parse_recipe(TRAIN.format(2), "x")).module
    (teacher,) = (item["teacher"] for item in made.state._objects.values())
    assert np.array_equal(logits(teacher, made.state.data.x), logits(before, made.state.data.x))


def test_prune_quantize_and_distil_in_one_training() -> None:
    text = (
        '[[step]]\nname = "prune"\nsparsity = { start = 0.0, end = 0.75, ramp = "cubic" }\n'
        '[[step]]\nname = "quantize"\nweight_bits = 4\nact_bits = 4\n'
        '[[step]]\nname = "distil"\n' + TRAIN.format(4)
    )
    teacher = run_recipe(tiny_net(), tiny_data(), parse_recipe(TRAIN.format(5), "t")).module
    made = run_recipe(teacher, tiny_data(), parse_recipe(text, "x"))
    assert "trained for 4 epochs with prune, quantize, distil, seed 0" in made.notes
    layers = [made.module.conv1, made.module.conv2, made.module.head]
    for layer in layers:
        steps = (layer.quant_weight().value / layer.quant_weight().scale).detach()
        assert torch.equal(steps, steps.round())
        assert steps.abs().max() <= 7
        assert (steps == 0).float().mean() >= 0.74
    test = tiny_data(200, seed=1)
    assert accuracy(logits(made.module, test.x), test.y) > 0.85


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"share": 1.5}])
def test_refusals(options) -> None:
    with pytest.raises(InputError, match="temperature .*, share"):
        Distil(**options)
