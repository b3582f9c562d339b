"""What the search believes of a design is what the generator makes."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.hls.fit.network import menus_of
from hwcompress.hls.folding import Folding
from tests.property.cases import case

from .ledger import Ledger, total


@pytest.mark.parametrize("number", range(40))
def test_area_and_cycles_are_those_of_the_design(number: int) -> None:
    """Every converter, fork, port and engine, in whole networks with random foldings."""
    found = case(number)
    menus = menus_of(found.graph, Ledger(), fixed=_styled(found.folding))
    problem = menus.problem
    assert all(len(options) == 1 for options in menus.engines.values())
    choice = menus.choice(_styled(found.folding))
    assert problem.allows(choice)
    design = found.plan.design("", dict.fromkeys(found.plan.builder.fifos, 0))
    assert np.array_equal(problem.area(choice), total(design.instances).astype(np.int64))
    assert problem.cycles(choice) == design.interval
