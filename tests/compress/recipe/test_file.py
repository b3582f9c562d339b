"""Recipes as files: what they say, and what is refused with which words."""

from __future__ import annotations

import json

import pytest

import tests.compress.recipe.probes  # noqa: F401  (registers steps)
from hwcompress.compress.recipe import (
    Schedule,
    builtin_names,
    builtin_recipe,
    load_recipe,
    parse_recipe,
    step_kinds,
)
from hwcompress.errors import InputError

GOOD = """
summary = "all kinds of values"
[[step]]
name = "quantize"
weight_bits = 4
layers = [
    { match = ["@first", "@last"], weight_bits = 8, act_bits = 8 },
    { match = "conv*", act_bits = 3 },
]
[[step]]
name = "test-pull"
strength = 0.5
reach = { start = 2.0, end = 1, ramp = "cosine", begin = 0.25 }
[[step]]
name = "train"
epochs = 2
rate = 1
"""


def test_values() -> None:
    recipe = parse_recipe(GOOD, "mine")
    assert (recipe.name, recipe.summary) == ("mine", "all kinds of values")
    quantize, pull, train = recipe.steps
    assert (quantize.weight_bits, quantize.act_bits) == (4, 8)
    assert quantize.layers[0].match == ("@first", "@last")
    assert quantize.layers[1].options == {"act_bits": 3}
    assert pull.strength == Schedule.constant(0.5)
    assert pull.reach == Schedule(2.0, 1.0, "cosine", begin=0.25)
    assert (train.epochs, train.rate) == (2, 1.0)
    assert [recipe.trains(index) for index in (-1, 0, 1, 2)] == [True, True, True, False]


def test_canonical_form_knows_what_matters() -> None:
    recipe = parse_recipe(GOOD, "mine")
    other = GOOD.replace("all kinds", "# none\nmany").replace("rate = 1", "rate = 1.0")
    other = other.replace("# none\nmany", "many") + "momentum = 0.9  # the default\n"
    assert parse_recipe(other, "yours").described() == recipe.described()
    assert parse_recipe(GOOD.replace("begin = 0.25", "begin = 0.3"), "x").described() != (
        recipe.described()
    )
    first = json.loads(recipe.described())[0]
    assert first["layers"][0] == {
        "match": ["@first", "@last"], "weight_bits": 8, "act_bits": 8
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weight_bits = 4", "weight_bit = 4", "there is no option 'weight_bit'"),
        ("weight_bits = 4", "weight_bits = 4.5", "weight_bits is 4.5. Remedy: give a whole number"),
        ("weight_bits = 4", "weight_bits = true", "weight_bits is True"),
        ("weight_bits = 4", 'weight_bits = "4"', "weight_bits is '4'"),
        ("weight_bits = 4", "weight_bits = 9", "weight_bits is 9. Remedy: give 1 to 8 bits"),
        ('name = "quantize"', 'name = "quantise"', "there is no step 'quantise'"),
        ('name = "quantize"', "names = 1", "the step has no name"),
        ('match = "conv*", ', "", "an entry of 'layers' without 'match'"),
        ('match = "conv*", act_bits', 'match = "conv*", acts', "there is no option 'acts'"),
        ("reach = {", "rich = {", "there is no option 'rich'"),
        ('ramp = "cosine"', 'ramp = "sine"', "ramp is 'sine'"),
        ("start = 2.0, ", "", "the option 'start' is missing"),
        ("strength = 0.5", 'strength = "much"', "strength is 'much'. Remedy: give a number, or"),
        ("epochs = 2", "epochs = -1", "epochs is -1"),
        ("epochs = 2", 'epochs = 2\noptimizer = "lion"', "give one of adam, adamw, sgd"),
        ("rate = 1", "rate = nan", "rate is nan"),
        ("summary =", "title =", "unknown key 'title'"),
        ("[[step]]", "[step]", "this is no TOML"),
    ],
)  # fmt: skip
def test_refusals_name_the_place(old, new, said) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        parse_recipe(GOOD.replace(old, new), "mine", "mine.toml")
    assert said in str(caught.value)
    assert "mine.toml" in str(caught.value) or "step '" in str(caught.value)


def test_options_that_cannot_differ_by_layer() -> None:
    text = '[[step]]\nname = "train"\nlayers = [{ match = "*", epochs = 3 }]'
    with pytest.raises(InputError, match="'epochs' cannot differ from layer to layer"):
        parse_recipe(text, "x")


def test_empty() -> None:
    with pytest.raises(InputError, match="a recipe without a step"):
        parse_recipe("", "x")


def test_files(tmp_path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(GOOD)
    assert load_recipe(str(file)).described() == parse_recipe(GOOD, "own").described()
    assert load_recipe(str(file)).name == "own"
    with pytest.raises(InputError, match="there is no recipe file"):
        load_recipe(str(tmp_path / "other.toml"))
    with pytest.raises(InputError, match="there is no recipe 'w5'.*w4a4"):
        load_recipe("w5")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        load_recipe(str(file))


def test_built_in_ones_are_sound() -> None:
    assert {"w8a8-ptq", "w4a4", "w2a2", "ternary", "binary"} <= set(builtin_names())
    for name in builtin_names():
        recipe = builtin_recipe(name)
        assert recipe.summary
        assert recipe.name == name
        assert all(type(step) in step_kinds().values() for step in recipe.steps)


def test_other_options() -> None:
    recipe = builtin_recipe("w4a4").with_options("train", epochs=1)
    assert recipe.steps[-1].epochs == 1
    with pytest.raises(InputError, match="no option 'epoch'"):
        recipe.with_options("train", epoch=1)
    with pytest.raises(InputError, match="has no step 'prune'"):
        recipe.with_options("prune", share=0.5)
