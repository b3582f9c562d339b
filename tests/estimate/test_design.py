"""Estimates of whole designs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwcompress import boards
from hwcompress.errors import InputError
from hwcompress.hls.estimate import estimate_design, estimate_graph
from hwcompress.hls.estimate.estimate import Estimate
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.rtl.generate import generate
from hwcompress.hls.synth import synthesize
from hwcompress.ir import Dense, Graph, IntType, Threshold
from tests.rtl.graphs import chain, draw

_U4, _S4 = IntType(0, 15), IntType(-8, 7)


def _net(rng: np.random.Generator, outputs: int = 8) -> Graph:
    ops = [
        Dense("fc", ("t0",), ("t1",), draw(rng, _S4, (outputs, 16)), _S4, None),
        Threshold("act", ("t1",), ("t2",), np.sort(rng.integers(-90, 90, (outputs, 3)), axis=1),
                  np.ones(outputs, np.int64), IntType(0, 3)),
    ]  # fmt: skip
    return chain("net", (16,), _U4, ops)


_FOLDING = Folding({"fc": Lanes(2, 2), "act": Lanes(1)})


def test_plan_and_generated_design_are_the_same(tmp_path: Path) -> None:
    graph = _net(np.random.default_rng(0))
    for name, folding in (
        ("plain", _FOLDING),
        ("reload", Folding(dict(_FOLDING.lanes), {"fc": Style(reload=True)})),
    ):
        made = generate(graph, folding, tmp_path / name)
        assert estimate_design(made) == estimate_graph(graph, folding)


def test_instances_make_up_the_total() -> None:
    found = estimate_graph(_net(np.random.default_rng(1)), _FOLDING)
    instances = [item.estimate for item in found.instances]
    assert found.total.ff == sum(item.ff for item in instances)
    assert found.total.lut == pytest.approx(1 + sum(item.lut for item in instances))
    assert set(found.layers) == {"fc", "act"}
    assert 0 < found.total.below < found.total.lut
    assert 0 < found.total.above < found.total.lut


def test_equal_errors_add_up_and_others_do_not() -> None:
    one = Estimate(lut_logic=10, below=1, above=2)
    assert Estimate().plus(one, 4).above == pytest.approx(8)
    assert one.plus(replace(one, below=0, above=1.5)).above == pytest.approx(2.5)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    made = generate(_net(np.random.default_rng(0)), _FOLDING, tmp_path)
    (tmp_path / made.memories[0].file).unlink()
    with pytest.raises(InputError, match="a file of the design is missing"):
        estimate_design(made)


@pytest.mark.long
def test_a_small_design_against_synthesis(tmp_path: Path) -> None:
    graph = _net(np.random.default_rng(2), 4)
    guess = estimate_graph(graph, _FOLDING).total
    generate(graph, _FOLDING, tmp_path / "rtl")
    real = synthesize(tmp_path / "rtl", tmp_path / "synth", board=boards.load("pynq-z2")).total
    assert (guess.ff, guess.bram18, guess.bram36, guess.dsp, guess.lut_memory) == (
        real.ff, real.bram18, real.bram36, real.dsp, real.lut_memory,
    )  # fmt: skip
    assert abs(guess.lut - real.lut) <= 0.1 * real.lut
