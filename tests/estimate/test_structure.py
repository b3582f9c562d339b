"""Rules that say how many LUTs something takes, beside the measurements."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.hls.estimate.contents import bits_of
from hwcompress.hls.estimate.memory import choice
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.rows import Rows, load
from hwcompress.hls.estimate.shape import Shape, shape_of
from hwcompress.hls.estimate.tables import logic_of


@pytest.fixture(scope="module")
def rows() -> Rows:
    return Rows(row for row in load() if row.family == "xc7")


def _shape(module: str, **given: int | str) -> Shape:
    return shape_of(Part.of(module, given), bits_of)


def test_tables_of_up_to_64_words(rows: Rows) -> None:
    """Most follow from the contents to the LUT; none is off by much."""
    off = []
    for row in rows:
        if row.module != "hwc_rom":
            continue
        part = Part(row.module, row.parameters)
        width, depth = part["WIDTH"], part["DEPTH"]
        block = choice(width, depth, part.text("STYLE"), written=False)
        if depth <= 64 and block is None:
            found = logic_of(part.text("TABLE"), width, depth, bits_of)
            assert found.registers == row.own.ff
            off.append(abs(found.tables - row.own.lut_logic) / max(row.own.lut_logic, 10))
    assert len(off) > 100
    assert np.median(off) == 0
    assert np.mean(np.array(off) == 0) > 0.7
    assert max(off) < 0.25


def test_a_table_of_unknown_contents_is_a_random_one() -> None:
    for depth in (2, 32, 64, 100, 250, 600):
        found = logic_of("", 8, depth, bits_of)
        drawn = logic_of("uniform-8-1.hex", 8, depth, bits_of)
        assert found.registers == 8
        total = found.tables + found.pairs + found.quads + found.deep
        assert total >= drawn.tables + drawn.pairs + drawn.quads + drawn.deep


def test_constant_halves_become_resets() -> None:
    """Of 32 words, 24 of them zero: a table of 8 words and one LUT for the reset."""
    column = np.zeros((32, 1), np.uint8)
    column[:8, 0] = [1, 0, 0, 1, 0, 1, 1, 1]
    found = logic_of("x", 1, 32, lambda name, width, depth: column)
    assert (found.registers, found.tables) == (1, 2)
    wire = (np.arange(32)[:, None] >> 3 & 1).astype(np.uint8)
    assert logic_of("x", 1, 32, lambda name, width, depth: wire).tables == 0


def test_simple_products_are_exact(rows: Rows) -> None:
    """One bit selects; a bipolar or ternary factor negates: a LUT a bit and a carry chain."""
    for row in rows:
        if row.module != "hwc_mul":
            continue
        logic = _shape("hwc_mul", **Part(row.module, row.parameters).values).logic
        if "single_bits" in logic:
            assert logic["single_bits"] == row.own.lut_logic
        elif "bipolar_bits" in logic:
            assert logic["bipolar_bits"] == row.own.lut_logic


def test_modules_with_the_same_logic_are_alike() -> None:
    both = {"X_BITS": 5, "X_KIND": 1, "W_BITS": 4, "W_KIND": 1, "P_BITS": 9, "MULT": 1}
    assert _shape("hwc_mul", **both).alike
    assert _shape("hwc_mul", **both).alike == _shape("hwc_mul", **both, FIXED=1).alike
    assert _shape("hwc_mul", **both).alike != _shape("hwc_mul", **{**both, "MULT": 0}).alike
    assert not _shape("hwc_mul", **{**both, "W_BITS": 1, "W_KIND": 2, "P_BITS": 6}).alike


def test_the_shorter_factor_is_that_of_the_module() -> None:
    """Where both are as wide, hwc_mul takes the weight's bits for the rows."""
    found = _shape(
        "hwc_mul", X_BITS=4, X_KIND=0, W_BITS=5, W_KIND=1, P_BITS=9, MULT=1
    ).alike  # fmt: skip
    assert found == "rows_su 5 4"
