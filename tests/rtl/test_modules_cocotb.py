"""Every stream module of the library under cocotb, all in one simulation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.rtl.modules_cocotb.batch import LIBRARY, Case, run_cases
from tests.rtl.modules_cocotb.table import ELSEWHERE, TABLE


def cases(seed: int) -> list[Case]:
    return [case for maker in TABLE for case in maker(np.random.default_rng([seed, 3]))]


def test_table_is_complete() -> None:
    """A stream module without a row, or a row for a module that is gone."""
    streams = {
        path.stem
        for path in LIBRARY.glob("hwc_*.v")
        if re.search(r"^ *output .*\bm_valid\b", path.read_text(), re.MULTILINE)
    }
    covered = {case.module for case in cases(1)}
    assert streams == covered | set(ELSEWHERE), streams ^ (covered | set(ELSEWHERE))


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.long) for n in range(2, 12))]
)
def test_modules(tmp_path: Path, seed: int) -> None:
    """Exact beats, free flow, random pauses, a late sink, a reset in the middle of frames."""
    result = run_cases(cases(seed), tmp_path, seed=seed).check()
    paused = [port.pauses > 0 for port in result.ports.values()]
    # A stream of one beat a frame may happen to see none.
    assert sum(paused) > 0.9 * len(paused)


def test_a_defect_is_named(tmp_path: Path) -> None:
    """A wrong expectation in one of the modules is reported with its name."""
    table = [case for case in cases(1) if case.module in ("hwc_skid", "hwc_split")]
    broken = table[-1].outputs[1].beats
    broken[2][0] ^= 1  # type: ignore[index]
    result = run_cases(table, tmp_path)
    assert result.mismatches > 0
    assert f"c{len(table) - 1}_split_m1[0] is" in result.first_mismatch
    assert "frame 2" in result.first_mismatch
