"""CNV at FINN's published foldings: the interval, and the same integers in the Verilog."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from hwcompress.compress.export import export_qonnx
from hwcompress.flow.steps.cycles import check_cycles
from hwcompress.frontend import import_model
from hwcompress.hls.cosim.verilated import Stalls, VerilatedDesign
from hwcompress.hls.folding.complete import complete_folding, read_folding
from hwcompress.hls.rtl import generate
from hwcompress.hls.rtl.design import Design
from hwcompress.ir import Graph
from hwcompress.models.cnv import CNV_SHAPE, cnv
from hwcompress.sim import Simulator

_FOLDINGS = Path(__file__).resolve().parents[2] / "examples/folding"
_SMALL = ("cnv_small.json", 115_200)
_NETWORKS = [(1, 1, "cnv_w1a1.json", 32_768), (1, 2, *_SMALL), (2, 2, *_SMALL)]


def _made(bits: tuple[int, int], file: str, folder: Path) -> tuple[Graph, Design, np.ndarray]:
    rng = np.random.default_rng([*bits, 3])
    samples = rng.random((3, *CNV_SHAPE), dtype=np.float32)
    export_qonnx(cnv(*bits), CNV_SHAPE, folder / "model.onnx")
    start = time.perf_counter()
    graph = import_model(folder / "model.onnx", samples=samples).graph
    folding = complete_folding(graph, read_folding(_FOLDINGS / file))
    design = generate(graph, folding, folder / "rtl")
    assert time.perf_counter() - start < 60
    return graph, design, graph.inputs[0].encode(samples)


@pytest.mark.parametrize(("weight_bits", "act_bits", "file", "interval"), _NETWORKS)
def test_generation(
    weight_bits: int, act_bits: int, file: str, interval: int, tmp_path: Path
) -> None:
    """Import and generation take seconds; the pools and thresholds that follow slow nothing."""
    graph, design, _ = _made((weight_bits, act_bits), file, tmp_path)
    assert design.interval == interval
    named = read_folding(_FOLDINGS / file).lanes
    lanes = {layer.op: (layer.pe, layer.simd) for layer in design.layers}
    assert all(lanes[name] == (item.pe, item.simd) for name, item in named.items())
    # 1, 1: one boundary a channel; two bits, narrow: two.
    counts = {op.thresholds.shape[1] for op in graph.layers if op.kind == "Threshold"}
    assert counts == {2**act_bits - 1 if act_bits == 1 else 2}


def _run(weight_bits: int, act_bits: int, file: str, interval: int, folder: Path) -> None:
    graph, _, integers = _made((weight_bits, act_bits), file, folder)
    expected = Simulator(graph)(integers)
    assert len(np.unique(expected)) > 10  # the frames and classes do differ
    model = VerilatedDesign.build(folder / "rtl", folder / "build")
    free = model.run(integers)
    assert np.array_equal(free.outputs, expected)
    assert list(np.diff(free.frame_end_cycles)) == [interval, interval]
    check_cycles(model.design, free, "verilator")
    stalled = model.run(integers, stalls=Stalls(300, 300, 5))
    assert np.array_equal(stalled.outputs, expected)


def test_w1a1_is_exact(tmp_path: Path) -> None:
    """Three frames back to back at 32,768 cycles each, and three with random stalls."""
    _run(*_NETWORKS[0], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("weight_bits", "act_bits", "file", "interval"), _NETWORKS[1:])
def test_two_bits_are_exact(
    weight_bits: int, act_bits: int, file: str, interval: int, tmp_path: Path
) -> None:
    _run(weight_bits, act_bits, file, interval, tmp_path)
