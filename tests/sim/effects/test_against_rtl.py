"""Flipped bits in the memory files of generated RTL do what the simulator says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.flow.steps.cycles import check_cycles
from hwcompress.hls.cosim.verilated import VerilatedDesign
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.rtl.generate import generate
from hwcompress.ir import BIPOLAR, TERNARY, Conv, Dense, Graph, Input, IntType, Output, Threshold
from hwcompress.sim.effects import EffectSimulator, Faults, Flip
from tests.conformance.generators import random_inputs


def _graph() -> Graph:
    """Four kinds of weights; thresholds rising and falling, within the range of the sums."""
    rng = np.random.default_rng(11)
    image = (5, 5, 2)
    rows = np.sort(rng.integers(-40, 40, (4, 3)), axis=1)
    more = np.sort(rng.integers(-12, 12, (3, 1)), axis=1)
    last = np.sort(rng.integers(-8, 8, (3, 3)), axis=1)
    weights = (
        rng.integers(-8, 8, (4, 3, 3, 2)),
        rng.integers(-1, 2, (3, 2, 2, 4)),
        rng.choice([-1, 1], (3, 3, 3, 3)),
        rng.integers(0, 2, (6, 3)),  # sums of a few bits: a flip makes them wrap
    )
    return Graph.build(
        "flips",
        [
            Input("in", (), ("x",), image, (0, 1, 2), image, IntType(0, 15), 1.0),
            Conv("c1", ("x",), ("s1",), weights[0], IntType(-8, 7), padding=(1, 1, 0, 0)),
            Threshold("t1", ("s1",), ("q1",), rows, np.array([1, -1, 1, -1]), IntType(0, 3)),
            Conv("c2", ("q1",), ("s2",), weights[1], TERNARY),
            Threshold("t2", ("s2",), ("q2",), more, np.array([1]), BIPOLAR),
            Conv("c3", ("q2",), ("s3",), weights[2], BIPOLAR),
            Threshold("t3", ("s3",), ("q3",), last, np.array([-1, 1, 1]), IntType(-2, 1)),
            Conv("c4", ("q3",), ("y",), weights[3][:, None, None, :], IntType(-8, 7)),
            Output("out", ("y",), ()),
        ],
    )


def _flip_files(graph: Graph, folder: Path, flips: tuple[Flip, ...]) -> None:
    """Flip the bits in the hex files; with one lane everywhere a word is easy to find."""
    for flip in flips:
        op = next(op for op in graph.layers if op.name == flip.where)
        assert isinstance(flip.index, tuple)
        if isinstance(op, Threshold):
            file, (word, k) = folder / f"{op.name}_thresholds.hex", flip.index
            falling = bool(np.broadcast_to(op.sign, len(op.thresholds))[word] < 0)
            levels = op.thresholds.shape[1]
            source = graph.tensors[op.inputs[0]].dtype
            width = IntType(source.lo, source.hi + 1).bits if source.lo < 0 else source.bits + 1
            bit = (levels - 1 - k if falling else k) * width + flip.bit
        else:
            assert isinstance(op, Conv | Dense)
            file, bit = folder / f"{op.name}_weights.hex", flip.bit
            word = int(np.ravel_multi_index(flip.index, op.weight.shape))
        lines = file.read_text(encoding="utf-8").split()
        lines[word] = f"{int(lines[word], 16) ^ (1 << bit):0{len(lines[word])}x}"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.long
def test_flipped_memory_files(tmp_path: Path) -> None:
    graph = _graph()
    # c4 has powers of two, which would be stored as codes.
    styles = {"c4": Style(multiplier="dsp")}
    folding = Folding({op.name: Lanes(1) for op in graph.layers}, styles)
    generate(graph, folding, tmp_path / "rtl")
    design = VerilatedDesign.build(tmp_path / "rtl", tmp_path / "build")
    feeds = random_inputs(graph, 40, 1)
    wrapped = 0
    for seed in range(40):
        faults = Faults(weights=0.02, thresholds=0.02, seed=seed)
        simulator = EffectSimulator(graph, faults=faults)
        flips = simulator.flips()
        expected = simulator.outputs(feeds)["y"]
        _flip_files(graph, tmp_path / "rtl", flips)
        found = design.run(feeds["x"]).outputs
        assert np.array_equal(found, expected), (seed, flips)
        _flip_files(graph, tmp_path / "rtl", flips)  # back
        wrapped += sum(counter.changed for counter in simulator.counters.values())
    assert wrapped > 0
    healthy = EffectSimulator(graph).outputs(feeds)["y"]
    run = design.run(feeds["x"])
    assert np.array_equal(run.outputs, healthy)
    check_cycles(design.design, run, "verilator")
