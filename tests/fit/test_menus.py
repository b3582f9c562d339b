"""What the search believes of a design is what the generator makes."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.hls.fit.network import menus_of
from hwcompress.hls.folding import Folding, Style
from tests.property.cases import case

from .ledger import Ledger, total


@pytest.mark.parametrize("number", range(24))
def test_area_and_cycles_are_those_of_the_design(number: int) -> None:
    """Every converter, fork, port and engine, in whole networks with random foldings."""
    found = case(number)
    styles = {name: found.folding.styles.get(name, Style()) for name in found.folding.lanes}
    folding = Folding(found.folding.lanes, styles)
    menus = menus_of(found.graph, Ledger(), fixed=folding)
    choice = menus.choice(folding)
    problem = menus.problem
    assert menus.folding(choice) == found.folding
    assert problem.allows(choice)
    design = found.plan.design("", dict.fromkeys(found.plan.builder.fifos, 0))
    assert np.array_equal(problem.area(choice), total(design.instances).astype(np.int64))
    assert problem.cycles(choice) == design.interval == found.sizes.interval
