"""Counts for the Lattice families, and a serial network on the smallest device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.boards import load
from hwcompress.hls.folding import Folding, default_folding, legal_foldings
from hwcompress.hls.folding.search import lut_budget_of
from hwcompress.hls.rtl import generate
from hwcompress.hls.synth import SynthReport, synthesize
from hwcompress.hls.synth.cells import Resources, resources_of
from hwcompress.ir import Conv, Dense, Graph, IntType, MaxPool, Op, Reshape, Threshold
from tests.cosim.tiny_designs import write_scale
from tests.rtl.graphs import chain, draw

W4, A4 = IntType(-7, 7), IntType(0, 15)


def digits_like(rng: np.random.Generator) -> Graph:
    """The shape of the embedded digits network at 4 bits, with random weights.

    Two convolutions with thresholds and pooling, and a dense layer: what is
    trained does not change the size of the hardware.
    """
    ops: list[Op] = []

    def names(name: str) -> tuple[str, tuple[str], tuple[str]]:
        return name, (f"t{len(ops)}",), (f"t{len(ops) + 1}",)

    def block(number: int, inputs: int, outputs: int, reach: int) -> None:
        weight = draw(rng, W4, (outputs, 3, 3, inputs))
        geometry = (1, 1), (1, 1, 1, 1), (1, 1), 1, 0
        ops.append(Conv(*names(f"conv{number}"), weight, W4, None, *geometry))
        thresholds = np.sort(rng.integers(0, reach, (outputs, 15)), axis=1)
        sign = np.ones(outputs, np.int64)
        ops.append(Threshold(*names(f"act{number}"), thresholds, sign, A4))
        ops.append(MaxPool(*names(f"pool{number}"), (2, 2), (2, 2), (0, 0, 0, 0)))

    block(1, 1, 8, 300)
    block(2, 8, 16, 1500)
    ops.append(Reshape(*names("flat"), (64,)))
    ops.append(Dense(*names("fc"), draw(rng, W4, (10, 64)), W4, rng.integers(-20, 20, 10)))
    return chain("digits-like", (8, 8, 1), A4, ops)


def test_serial_network_fits_the_up5k(tmp_path: Path) -> None:
    """One multiplier a layer: 5,280 LUT4 and 30 block RAMs are more than enough."""
    graph = digits_like(np.random.default_rng(0))
    serial = {
        name: min(choices, key=lambda lanes: lanes.pe * lanes.simd * lanes.pixels)
        for name, choices in legal_foldings(graph).items()
    }
    assert all((x.pe, x.simd, x.pixels) == (1, 1, 1) for x in serial.values())
    generate(graph, Folding(serial), tmp_path / "rtl")
    found = synthesize(tmp_path / "rtl", tmp_path / "synth", board=load("icebreaker"))
    assert found.fits
    # Half of the device is left: what the next layer needs.
    assert 0 < found.total.lut < 5280 // 2
    assert 0 < found.total.ebr < 30 // 2
    assert {share.name: share.available for share in found.shares} == {
        "LUT": 5280, "FF": 5280, "EBR": 30, "DSP": 8,
    }  # fmt: skip
    by_layer = Resources()
    for layer in found.layers:
        by_layer += layer.resources
    assert by_layer + found.top_only == found.total
    found.save(tmp_path / "report.json")
    assert SynthReport.load(tmp_path / "report.json") == found


def test_default_folding_fits_the_up5k(tmp_path: Path) -> None:
    """What `build` chooses for the board by itself: faster than serial, and it fits."""
    graph, board = digits_like(np.random.default_rng(0)), load("icebreaker")
    folding = default_folding(graph, lut_budget=lut_budget_of(board.capacity.lut, graph))
    design = generate(graph, folding, tmp_path / "rtl")
    assert max(layer.cycles for layer in design.layers) < 16 * 8 * 9 * 16 // 8  # the serial one's
    found = synthesize(tmp_path / "rtl", tmp_path / "synth", board=board)
    assert found.fits
    assert found.total.lut > 5280 // 2  # the device is made use of


def test_budget_of_a_device() -> None:
    """Large devices do not make it larger, as synthesis should stay short; large networks do."""
    small = digits_like(np.random.default_rng(0))
    assert lut_budget_of(5280, small) == 3168
    assert lut_budget_of(53200, small) == lut_budget_of(83640, small) == 5000
    rng, byte = np.random.default_rng(1), IntType(-128, 127)
    ops: list[Op] = []
    for index in range(0, 60, 2):  # each with a multiplier and thresholds of its own
        weight = draw(rng, byte, (64, 64))
        ops.append(Dense(f"d{index}", (f"t{index}",), (f"t{index + 1}",), weight, byte))
        levels = np.sort(rng.integers(-1000, 1000, (64, 255)), axis=1)
        act = (f"t{index + 1}",), (f"t{index + 2}",)
        ops.append(Threshold(f"q{index}", *act, levels, np.ones(64, np.int64), byte))
    large = chain("large", (64,), byte, ops)
    assert 5000 < lut_budget_of(83640, large) < lut_budget_of(10**6, large)
    assert lut_budget_of(83640, large) == 0.6 * 83640


@pytest.mark.parametrize(
    ("board", "command"),
    [("icebreaker", "synth_ice40 -device u -dsp"), ("ulx3s", "synth_ecp5")],
)
def test_tiny_design(tmp_path: Path, board: str, command: str) -> None:
    """Parts add up; the accumulator is eight flip-flops in every family."""
    write_scale(tmp_path / "rtl")
    found = synthesize(tmp_path / "rtl", tmp_path / "synth", board=load(board))
    assert command in (tmp_path / "synth" / "synth.ys").read_text()
    total = found.top_only
    for layer in found.layers:
        total += layer.resources
    assert total == found.total == resources_of(found.cells)
    modules = {use.module: use for use in found.modules}
    assert modules["tiny_sum"].resources.ff == 8
    assert modules["tiny_sum"].resources.lut > 0
    assert found.fits


def test_lattice_cells() -> None:
    """Every kind of cell is a resource of its kind."""
    ice = {"SB_LUT4": 9, "SB_CARRY": 4, "SB_DFFESR": 2, "SB_DFF": 1, "SB_RAM40_4KNW": 3,
           "SB_RAM40_4K": 1, "SB_MAC16": 5}  # fmt: skip
    assert resources_of(ice) == Resources(lut_logic=9, ff=3, dsp=5, carry=4, ebr=4)
    ecp = {"LUT4": 9, "CCU2C": 2, "TRELLIS_FF": 7, "TRELLIS_DPR16X4": 2, "DP16KD": 3,
           "PDPW16KD": 1, "MULT18X18D": 6, "PFUMX": 4, "L6MUX21": 2}  # fmt: skip
    found = resources_of(ecp)
    assert found == Resources(lut_logic=13, lut_memory=12, ff=7, dsp=6, carry=2, ebr=4)
    assert (found.lut, found.bram) == (25, 4)
