"""The areas that the search adds up are those of the whole design's estimate."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress import boards
from hwcompress.errors import InputError
from hwcompress.hls.estimate.design import estimate_plan
from hwcompress.hls.fit import EstimatedCost, budget_of, capacity_of
from hwcompress.hls.fit.network import menus_of
from hwcompress.hls.folding import Folding, Style
from tests.property.cases import case


@pytest.mark.parametrize("number", [3, 4, 7, 8, 10, 13, 16, 18, 19, 20])
def test_the_sum_is_the_estimate_of_the_design(number: int) -> None:
    found = case(number)
    styles = {name: found.folding.styles.get(name, Style()) for name in found.folding.lanes}
    assert not any(style.reload for style in styles.values())
    folding = Folding(found.folding.lanes, styles)
    menus = menus_of(found.graph, EstimatedCost(), fixed=folding)
    area = menus.problem.area(menus.choice(folding))
    whole = estimate_plan(found.plan, dict.fromkeys(found.plan.builder.fifos, 0)).total
    exact = [whole.ff, whole.bram18 + 2 * whole.bram36, whole.dsp]
    assert np.array_equal(area[1:], exact)
    # The whole design has an inverter more; each of our numbers is rounded.
    parts = len(found.plan.builder.netlist.instances) + len(found.graph.ops)
    assert abs(area[0] - (whole.lut - 1)) <= 0.5 * parts


def test_budgets_of_a_board() -> None:
    board = boards.load("pynq-z2")
    assert capacity_of(board) == {"lut": 53_200, "ff": 106_400, "bram18": 280, "dsp": 220}
    assert budget_of(board, 0.7) == {"lut": 37_240, "ff": 74_480, "bram18": 196, "dsp": 154}
    assert budget_of(board, max_lut=100)["lut"] == 100
    assert budget_of(board, 0.5, max_lut=50_000)["lut"] == 26_600
    assert capacity_of(boards.load("icebreaker")) == {"lut": 5280, "ff": 5280, "ebr": 30, "dsp": 8}
    for share, most in ((0, None), (1.1, None), (0.5, 0)):
        with pytest.raises(InputError):
            budget_of(board, share, most)
    with pytest.raises(InputError, match="no family"):
        EstimatedCost("virtex")
