"""ECP5 and iCE40: memories, DSP blocks and registers as measured, small designs as synthesized."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hwcompress import boards
from hwcompress.errors import UnsupportedError
from hwcompress.hls.estimate import Estimate, estimate_graph
from hwcompress.hls.estimate.contents import bits_of
from hwcompress.hls.estimate.dsp import dsp_blocks
from hwcompress.hls.estimate.memory import choice
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.rows import FAMILIES, Measured, Rows, load
from hwcompress.hls.estimate.shape import has_model, shape_of
from hwcompress.hls.estimate.small_tables import small_table_features
from hwcompress.hls.folding import Folding, Lanes
from hwcompress.hls.rtl.generate import generate
from hwcompress.hls.synth import synthesize
from hwcompress.ir import Dense, Graph, IntType
from tests.rtl.graphs import chain, draw

_LATTICE = ("ecp5", "ice40")
_U3, _S3 = IntType(0, 7), IntType(-4, 3)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return load()


def _of(rows: Rows, family: str) -> list[Measured]:
    return [row for row in rows if row.family == family and has_model(row.module)]


@pytest.mark.parametrize("family", _LATTICE)
def test_memories_and_dsp_blocks_are_those_measured(rows: Rows, family: str) -> None:
    right = Counter[bool]()
    memories = 0
    for row in _of(rows, family):
        shape = shape_of(Part(row.module, row.parameters), bits_of, family)
        assert (shape.bram18, shape.bram36) == (0, 0)
        guess = (shape.lut_memory, shape.ebr, shape.dsp)
        real = (row.own.lut_memory, row.own.ebr, row.own.dsp)
        right[guess == real] += 1
        if row.module in ("hwc_rom", "hwc_weights", "hwc_fifo", "hwc_replay"):
            assert guess == real, (row.module, row.parameters)
            memories += sum(real) > 0
    assert memories >= 20
    assert right[True] >= 0.98 * right.total()


@pytest.mark.parametrize("family", _LATTICE)
def test_registers_are_those_measured(rows: Rows, family: str) -> None:
    """Exact but where registers turn out constant in more ways than the models follow."""
    loose = {"hwc_add", "hwc_permute", "hwc_rescale", "hwc_window",
             "hwc_window_parallel"}  # fmt: skip
    exact = Counter[bool]()
    for row in _of(rows, family):
        shape = shape_of(Part(row.module, row.parameters), bits_of, family)
        exact[shape.ff == row.own.ff] += 1
        if row.module not in loose:
            assert abs(shape.ff - row.own.ff) <= 2, (row.module, row.parameters)
    assert exact[True] >= 0.95 * exact.total()


@pytest.mark.parametrize("family", _LATTICE)
def test_the_models_know_what_is_inside(rows: Rows, family: str) -> None:
    for row in _of(rows, family):
        shape = shape_of(Part(row.module, row.parameters), bits_of, family)
        inside = sorted(
            (times, Measured.key_of(family, part.module, part.parameters))
            for part, times in shape.parts.items()
        )
        if row.module == "hwc_rescale":
            # A result that is always clipped to the same value leaves its table unread.
            assert set(row.children) <= set(inside)
        else:
            assert inside == sorted(row.children), (row.module, row.parameters)


def test_the_cheapest_memory_is_taken() -> None:
    # A ROM stays logic up to 16 bits for each point of a block RAM's price.
    assert choice(8, 256, written=False, family="ecp5") is None
    found = choice(8, 1024, written=False, family="ecp5")
    assert found is not None and (found.kind, found.count) == ("ebr", 1)
    # Few words are written to distributed RAM, which iCE40 lacks.
    found = choice(4, 16, written=True, family="ecp5")
    assert found is not None and (found.kind, found.count) == ("lutram", 6)
    assert choice(4, 16, written=True, family="ice40") is None
    found = choice(16, 512, written=True, family="ice40")
    assert found is not None and (found.kind, found.count, found.rows) == ("ebr", 2, 1)
    with pytest.raises(UnsupportedError, match="ice40 devices have no distributed RAM"):
        choice(8, 64, "distributed", written=True, family="ice40")


def test_dsp_blocks_of_each_family() -> None:
    for family, narrow, wide in (("xc7", 0, 2), ("ecp5", 1, 2), ("ice40", 0, 2)):
        assert dsp_blocks(family, 4, 4, 8) == narrow
        assert dsp_blocks(family, 8, 8, 16) == 1
        assert dsp_blocks(family, 1, 8, 9) == 0
        assert dsp_blocks(family, 30, 8, 38) == wide
    assert dsp_blocks("ice40", 17, 8, 25) == 1  # a part of one bit is logic


def test_tables_of_unknown_contents_are_no_smaller_than_known_ones() -> None:
    name, width, depth = "curve-6-1.hex", 6, 64
    known = small_table_features(name, width, depth, bits_of)
    unknown = small_table_features("", width, depth, bits_of)
    assert unknown == {"columns_6": width, "entropy_6": width}
    assert 0 < known["columns_6"] <= width
    assert 0 < known["entropy_6"] < known["columns_6"]


def test_block_rams_are_in_the_unit_of_the_board() -> None:
    assert Estimate(bram18=1, bram36=2).bram == 2.5
    assert Estimate(ebr=3).bram == 3
    assert Estimate(ebr=3).plus(Estimate(ebr=2), 2).ebr == 7


def _net(rng: np.random.Generator) -> Graph:
    op = Dense("fc", ("t0",), ("t1",), draw(rng, _S3, (4, 8)), _S3, None)
    return chain("net", (8,), _U3, [op])


@pytest.mark.parametrize("family", _LATTICE)
def test_a_tiny_design_against_synthesis(tmp_path: Path, family: str) -> None:
    graph, folding = _net(np.random.default_rng(5)), Folding({"fc": Lanes(2, 2)})
    guess = estimate_graph(graph, folding, family=family).total
    generate(graph, folding, tmp_path / "rtl")
    board = boards.load(FAMILIES[family])
    real = synthesize(tmp_path / "rtl", tmp_path / "synth", board=board).total
    assert (guess.ff, guess.lut_memory, guess.ebr, guess.dsp) == (
        real.ff, real.lut_memory, real.ebr, real.dsp,
    )  # fmt: skip
    assert guess.bram == real.bram
    assert abs(guess.lut - real.lut) <= 0.15 * real.lut
