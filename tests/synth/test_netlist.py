"""Netlists of synthesized designs against the reference, gate by gate, with stalls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import CheckFailed, InputError
from hwcompress.hls.cosim.bench import run_bench
from hwcompress.hls.cosim.verilated import Stalls, VerilatedDesign
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl import Design, generate
from hwcompress.hls.synth.netlist import gate_level
from hwcompress.ir import Graph, evaluate
from tests.rtl.designs import random_frames
from tests.synth.small_nets import NETS, random_net


def build(graph: Graph, folding: Folding, folder: Path, cells: str) -> Design:
    design = generate(graph, folding, folder / "rtl")
    netlist = gate_level(design, folder / "netlist", cells=cells)
    # Everything is in the netlist: the design's own files are not needed any more.
    for path in (folder / "rtl").iterdir():
        path.unlink()
    return netlist


def check(graph: Graph, netlist: Design, folder: Path, seed: int, *, verilate: bool) -> None:
    samples = random_frames(graph, 4, np.random.default_rng(seed))
    wanted = {spec.tensor: evaluate(graph, samples)[spec.tensor] for spec in netlist.outputs}
    if verilate:
        model = VerilatedDesign.build(netlist.folder, folder / "build")
        for stalls in (None, Stalls(300, 300, seed), Stalls(60, 200, seed + 1, burst=20)):
            run = model.run(samples, stalls=stalls)
            for tensor, values in wanted.items():
                np.testing.assert_array_equal(run.values[tensor], values)
    run_bench(
        netlist.folder, samples, wanted, folder / "bench", simulator="icarus", frames=4, seed=seed
    ).check()


@pytest.mark.parametrize(
    ("net", "cells", "verilate", "used"),
    [
        ("bipolar", "xc7", False, {"LUT6", "FDRE", "CARRY4"}),
        ("dense", "ice40", False, {"SB_RAM40_4K", "SB_LUT4"}),
        ("rescaled", "ice40", False, {"SB_MAC16", "SB_CARRY"}),
        ("levels", "xc7", True, {"FDRE", "LUT3"}),
        ("searched", "gates", False, {"\\$_DFFE_PP_", "\\$_XOR_"}),
    ],
)
def test_netlist(tmp_path: Path, net: str, cells: str, verilate: bool, used: set[str]) -> None:
    """Exact with stalls, after a reset in the middle of a frame, and really of such cells."""
    graph, folding = NETS[net](np.random.default_rng(7))
    netlist = build(graph, folding, tmp_path, cells)
    text = (netlist.folder / "netlist.v").read_text()
    lacking = [cell for cell in used if f"{cell} " not in text]
    assert not lacking, lacking
    assert "hwc_" not in text.split("(", 1)[0]
    check(graph, netlist, tmp_path, 7, verilate=verilate)


@pytest.mark.long
@pytest.mark.parametrize("cells", ["xc7", "ice40", "gates"])
@pytest.mark.parametrize("net", [*NETS, 1, 2, 3, 4, 5])
def test_every_library(tmp_path: Path, net: str | int, cells: str) -> None:
    """Every small network in cells of every library, and random ones."""
    rng = np.random.default_rng(net if isinstance(net, int) else 8)
    graph, folding = random_net(rng) if isinstance(net, int) else NETS[net](rng)
    check(graph, build(graph, folding, tmp_path, cells), tmp_path, 8, verilate=True)


def test_a_wrong_cell_is_found(tmp_path: Path) -> None:
    """One inverted gate of the netlist gives wrong frames or a stop."""
    graph, folding = NETS["searched"](np.random.default_rng(9))
    netlist = build(graph, folding, tmp_path, "gates")
    path = netlist.folder / "netlist.v"
    text = path.read_text()
    assert "\\$_XOR_ " in text
    path.write_text(text.replace("\\$_XOR_ ", "\\$_XNOR_ ", 1))
    with pytest.raises(CheckFailed):
        check(graph, netlist, tmp_path, 9, verilate=False)


def test_refused(tmp_path: Path) -> None:
    graph, folding = NETS["searched"](np.random.default_rng(9))
    design = generate(graph, folding, tmp_path / "rtl")
    with pytest.raises(InputError, match="no cells 'asic'"):
        gate_level(design, tmp_path / "netlist", cells="asic")
    with pytest.raises(InputError, match="folder is the design's"):
        gate_level(design, tmp_path / "rtl")
    (tmp_path / "rtl" / "hwcompress_top.v").write_text("module hwcompress_top; endmodul\n")
    with pytest.raises(CheckFailed, match="syntax error"):
        gate_level(design, tmp_path / "netlist")
    assert not (tmp_path / "netlist" / "design.json").exists()
