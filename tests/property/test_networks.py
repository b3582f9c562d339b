"""Random whole networks: every integer and every cycle, back to back and with pauses.

``pytest -m long tests/property`` runs 200 more than the default ones;
``HWC_NETWORKS=1000`` in the environment that many.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .cases import case
from .check import Facts, check_network

DEFAULT = range(40)
_FIRST = 1000
LONG = range(_FIRST, _FIRST + int(os.environ.get("HWC_NETWORKS", "200")))


@pytest.mark.parametrize("number", DEFAULT)
def test_network(tmp_path: Path, number: int, totals: Facts) -> None:
    totals.add(check_network(case(number), tmp_path))


@pytest.mark.long
@pytest.mark.parametrize("number", LONG)
def test_many_networks(tmp_path: Path, number: int, totals: Facts) -> None:
    totals.add(check_network(case(number), tmp_path))
