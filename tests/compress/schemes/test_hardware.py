"""Trained schemes in Verilog: the same integers, and what becomes of the multiplications."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.boards import load
from hwcompress.compress.schemes import (
    AccumulatorWidth,
    BinaryNetwork,
    BinaryWeights,
    Dorefa,
    FixedPoint,
    GridNetwork,
    IntegerOnly,
    LearnedBits,
    LearnedStep,
    LocalBinary,
    LogarithmicWeights,
    Scheme,
    SeparableNetwork,
    Ternary,
    Xnor,
    settle,
)
from hwcompress.flow.steps.cycles import check_cycles
from hwcompress.hls.cosim.verilated import VerilatedDesign
from hwcompress.hls.folding import Folding, Lanes, default_folding
from hwcompress.hls.rtl import generate
from hwcompress.hls.synth import synthesize
from hwcompress.ir import BIPOLAR, IntType
from hwcompress.sim import Simulator
from tests.compress.schemes.cells import cells, dense_graph
from tests.compress.schemes.networks import block, data, imported, trained

SCHEMES: dict[str, Scheme] = {
    "ternary": Ternary(act_bits=4),
    "bwn": BinaryWeights(act_bits=4),
    "bnn": BinaryNetwork(),
    "xnor": Xnor(),
    "separable": SeparableNetwork(),
    "lbcnn": LocalBinary(act_bits=4, weight_bits=4),
    "dorefa": Dorefa(),
    "lsq": LearnedStep(),
    "fixed-point": FixedPoint(weight_bits=4, act_bits=4, edge_bits=0),
    "learned-bits": LearnedBits(weight_bits=5, act_bits=5),
    "qnn": GridNetwork(),
    "log2": LogarithmicWeights(act_bits=4),
    "a2q": AccumulatorWidth(centred=True),
    "integer-only": IntegerOnly(weight_bits=4, act_bits=4, delay=5, freeze_after=30),
}


def small() -> nn.Module:
    """Two convolutions and a head: quick in Verilog."""
    torch.manual_seed(0)
    pool = nn.MaxPool2d(2)
    return nn.Sequential(
        *block(1, 4), pool, *block(4, 8), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32, 10)
    )


@pytest.mark.long
@pytest.mark.parametrize("name", SCHEMES)
def test_the_verilog_gives_the_same_integers(name: str, tmp_path: Path) -> None:
    module = trained(replace(SCHEMES[name], input_bits=5), small(), epochs=1)
    settle(module)
    graph = imported(module, tmp_path).graph
    generate(graph, default_folding(graph), tmp_path / "rtl")
    design = VerilatedDesign.build(tmp_path / "rtl", tmp_path / "build")
    integers = graph.inputs[0].encode(data().test_x)
    run = design.run(integers)
    check_cycles(design.design, run, "verilator")
    result = run.outputs
    assert np.array_equal(result.reshape(len(integers), -1), Simulator(graph)(integers))
    print(f"\n{name}: {len(integers)} samples, Verilog exact")


KINDS = {
    "4-bit": (IntType(-7, 7), IntType(0, 15)),
    "shift-only": (IntType(-127, 127), IntType(0, 15)),
    "ternary": (IntType(-1, 1), IntType(0, 15)),
    "binary": (BIPOLAR, BIPOLAR),
}


def test_what_multiplies(tmp_path: Path) -> None:
    """Shift-only, ternary and binary layers have no ``*``; their 4-bit twin has."""
    random = np.random.default_rng(6)
    drawn = {
        "4-bit": random.integers(-7, 8, (2, 16)),
        "shift-only": random.choice([-1, 1], (2, 16)) * 2 ** random.integers(0, 7, (2, 16)),
        "ternary": random.integers(-1, 2, (2, 16)),
        "binary": random.choice([-1, 1], (2, 16)),
    }
    found = {}
    for name, (wtype, atype) in KINDS.items():
        (tmp_path / name).mkdir()
        graph = dense_graph([drawn[name]], atype, wtype)
        found[name] = cells(graph, tmp_path / name).get("$mul", 0)
    print(f"\nmultiplications left of 32: {found}")
    assert found["4-bit"] > 0
    assert found["shift-only"] == found["ternary"] == found["binary"] == 0


@pytest.mark.long
def test_a_binary_layer_takes_no_dsp(tmp_path: Path) -> None:
    """Synthesized whole, folded, multipliers as Yosys likes: the 8-bit twin takes DSPs."""
    random = np.random.default_rng(7)
    drawn = {
        "binary": (random.choice([-1, 1], (8, 72)), BIPOLAR, BIPOLAR),
        "8-bit": (random.integers(-127, 128, (8, 72)), IntType(-127, 127), IntType(0, 255)),
    }
    found = {}
    for name, (weight, wtype, atype) in drawn.items():
        graph = dense_graph([weight], atype, wtype)
        generate(graph, Folding({"layer0": Lanes(4, 24)}), tmp_path / name / "rtl")
        report = synthesize(tmp_path / name / "rtl", tmp_path / name / "synth", board=load("pynq"))
        found[name] = report.total
    said = ", ".join(f"{name} {item.dsp:g} DSP, {item.lut:g} LUT" for name, item in found.items())
    print(f"\n8 x 72 weights, 96 products a cycle: {said}")
    assert found["binary"].dsp == 0
    assert found["8-bit"].dsp > 0
