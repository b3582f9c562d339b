"""Trained schemes in Verilog: the same integers, and what becomes of the multiplications."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

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
from hwcompress.hls.cosim.verilated import VerilatedDesign
from hwcompress.hls.folding import Folding, Lanes, default_folding
from hwcompress.hls.rtl import generate
from hwcompress.ir import BIPOLAR, Dense, Graph, Input, IntType, Output
from hwcompress.sim import Simulator
from hwcompress.tools import need, run
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
    result = design.run(integers).outputs
    assert np.array_equal(result.reshape(len(integers), -1), Simulator(graph)(integers))
    print(f"\n{name}: {len(integers)} samples, Verilog exact")


KINDS = {
    "4-bit": (IntType(-7, 7), IntType(0, 15)),
    "shift-only": (IntType(-127, 127), IntType(0, 15)),
    "ternary": (IntType(-1, 1), IntType(0, 15)),
    "binary": (BIPOLAR, BIPOLAR),
}


def multiplications(weight: np.ndarray, wtype: IntType, atype: IntType, path: Path) -> int:
    """``*`` left in an unrolled layer whose weights are known, before any mapping."""
    rows, columns = weight.shape
    shape = (columns,)
    graph = Graph.build(
        "layer",
        [
            Input("input", (), ("x",), shape, (0,), shape, atype, 1.0),
            Dense("layer", ("x",), ("y",), weight, wtype, None),
            Output("output", ("y",), (), (), ()),
        ],
    )
    design = generate(graph, Folding({"layer": Lanes(rows, columns)}), path / "rtl")
    (path / "synth").mkdir()
    stat = path / "synth" / "stat.json"
    script = [
        *(f'read_verilog -defer "{name}"' for name in design.files),
        f"hierarchy -check -top {design.top}",
        "proc",
        "flatten",
        "opt_expr",
        "opt_clean",
        "memory_dff",
        "opt_mem",
        "opt -full",
        f'tee -q -o "{os.path.relpath(stat, design.folder)}" stat -json',
        "",
    ]
    (design.folder / "count.ys").write_text("\n".join(script), encoding="utf-8")
    yosys = need("yosys", purpose="counting multiplications")
    run(yosys, ["-s", "count.ys"], cwd=design.folder, log=path / "yosys.log")
    modules = json.loads(stat.read_text(encoding="utf-8"))["modules"]
    return int(modules[f"\\{design.top}"]["num_cells_by_type"].get("$mul", 0))


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
        found[name] = multiplications(drawn[name], wtype, atype, tmp_path / name)
    print(f"\nmultiplications left of 32: {found}")
    assert found["4-bit"] > 0
    assert found["shift-only"] == found["ternary"] == found["binary"] == 0
