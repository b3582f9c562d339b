"""Designs with reloadable weights on the benches: their AXI4-Lite port is held idle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.cosim.bench import run_bench
from hwcompress.hls.cosim.verilated import Stalls, VerilatedDesign
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.rtl import Design, generate
from hwcompress.hls.synth.netlist import gate_level
from hwcompress.ir import Dense, Graph, Input, IntType, Output

_RNG = np.random.default_rng(12)
_WEIGHT = _RNG.integers(-8, 8, (4, 6))
_SAMPLES = _RNG.integers(0, 16, (5, 6))
_EXPECTED = _SAMPLES @ _WEIGHT.T


def _design(folder: Path) -> Design:
    head = Input("in", (), ("x",), (6,), (0,), (6,), IntType(0, 15), 1.0)
    op = Dense("d", ("x",), ("y",), _WEIGHT, IntType(-8, 7))
    graph = Graph.build("reloadable", [head, op, Output("out", ("y",), ())])
    return generate(graph, Folding({"d": Lanes(2, 3)}, {"d": Style(reload=True)}), folder)


def test_first_contents_stay(tmp_path: Path) -> None:
    design = _design(tmp_path / "rtl")
    assert len(design.idle_inputs) == 9
    model = VerilatedDesign.build(design.folder, tmp_path / "work")
    for seed in (1, 2, 3):  # of all that is random before reset
        run = model.run(_SAMPLES, stalls=Stalls(200, 200, seed=seed))
        np.testing.assert_array_equal(run.outputs, _EXPECTED)


def test_cocotb_and_netlist(tmp_path: Path) -> None:
    """The netlist of iCE40 cells keeps what the memory begins with; plain gates cannot."""
    design = _design(tmp_path / "rtl")
    with pytest.raises(InputError, match="first contents"):
        gate_level(design, tmp_path / "gates", cells="gates")
    netlist = gate_level(design, tmp_path / "ice40", cells="ice40")
    for folder in (design.folder, netlist.folder):
        run_bench(
            folder, _SAMPLES, _EXPECTED, tmp_path / "bench", simulator="icarus", frames=4
        ).check()
