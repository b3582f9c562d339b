"""The generator: files, design.json, lint, golden text, refusals."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.folding import Folding, Lanes, Style, default_folding
from hwcompress.hls.rtl import Design, generate
from hwcompress.ir import (
    TERNARY,
    ArgMax,
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    Input,
    IntType,
    MaxPool,
    Output,
    Rescale,
    Reshape,
    SumPool,
    Threshold,
)
from hwcompress.tools import need

from .graphs import chain, random_folding, random_graph
from .icarus import LIBRARY

GOLDEN = Path(__file__).parent / "golden"


def tiny_net() -> tuple[Graph, Folding]:
    """Fixed numbers: every module family once."""
    weight = (np.arange(4 * 9 * 2).reshape(4, 3, 3, 2) * 5) % 7 - 3
    head = (np.arange(3 * 16).reshape(3, 16) * 7) % 3 - 1
    steps = np.arange(4)[:, None] * 3 + np.array([[-9, 0, 11]])
    ops = [
        Conv("conv", ("t0",), ("t1",), weight, IntType(-3, 3), np.array([5, -4, 3, -2]),
             padding=(1, 1, 1, 1)),
        Threshold("steps", ("t1",), ("t2",), steps, np.array([1, -1, 1, 1]), IntType(0, 3)),
        MaxPool("pool", ("t2",), ("t3",), (2, 2), (2, 2)),
        Rescale("scale", ("t3",), ("t4",), np.array([5]), np.array([-3]), np.array([2]),
                "half_even", IntType(-2, 3)),
        Reshape("flat", ("t4",), ("t5",), (16,)),
        Dense("head", ("t5",), ("t6",), head, TERNARY),
        ArgMax("top", ("t6",), ("t7",)),
    ]  # fmt: skip
    folding = {"conv": Lanes(2, 2), "steps": Lanes(2), "pool": Lanes(2), "scale": Lanes(2)}
    folding |= {"head": Lanes(1, 4), "top": Lanes(1)}
    return chain("tiny", (4, 4, 2), IntType(0, 3), ops), Folding(folding)


def _lint(folder: Path, top: str, files: list[str], *defines: str) -> None:
    tool = need("verilator")
    argv = [*tool.argv, "--lint-only", "-Wall", *defines, "--top-module", top, *files]
    done = subprocess.run(argv, cwd=folder, env=tool.env(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_golden(tmp_path: Path) -> None:
    """A refactoring leaves top, memories and design.json of a tiny net byte for byte.

    If a change is meant: copy the new files from the folder that the message names.
    """
    graph, folding = tiny_net()
    design = generate(graph, folding, tmp_path)
    names = sorted(path.name for path in GOLDEN.iterdir())
    hexes = [memory.file for memory in design.memories]
    assert names == sorted([*hexes, "design.json", "hwcompress_top.v"]), tmp_path
    for name in names:
        assert (tmp_path / name).read_text() == (GOLDEN / name).read_text(), tmp_path / name


def test_same_bytes_and_nothing_half_written(tmp_path: Path) -> None:
    """Two runs agree; the record of the design is loaded as it was made."""
    graph, folding = tiny_net()
    first = generate(graph, folding, tmp_path / "a")
    second = generate(graph, folding, tmp_path / "b")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted({*first.files, *(m.file for m in first.memories), "design.json"})
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert Design.load(tmp_path / "a") == first
    assert first.to_json() == second.to_json()
    for memory in first.memories:
        lines = (tmp_path / "a" / memory.file).read_text().split()
        assert len(lines) == memory.depth
        assert all(int(line, 16) < 1 << memory.width for line in lines)


def test_design_record() -> None:
    """Ports, taps in graph order, and the interval."""
    design = Design.load(GOLDEN)
    assert [tap.op for tap in design.taps] == [
        "conv", "steps", "pool", "scale", "flat", "head", "top",
    ]  # fmt: skip
    assert [layer.cycles for layer in design.layers] == [288, 32, 32, 8, 0, 12, 3]
    assert design.interval == 288
    assert design.inputs[0].port == "s_axis" and design.inputs[0].tdata_bits == 8
    assert design.outputs[0].port == "m_axis" and design.outputs[0].beats_per_frame == 1


def test_library_lints(tmp_path: Path) -> None:
    """Every module alone with its default parameters.

    The recursive trees cannot be Verilator tops; hwc_popcount and hwc_reduce_taps hold them.
    """
    for path in sorted(LIBRARY.glob("*.v")):
        if path.stem not in ("hwc_adder_tree", "hwc_max_tree"):
            _lint(LIBRARY, path.stem, ["-y", ".", path.name])


@pytest.mark.parametrize("seed", range(6))
def test_tops_lint(tmp_path: Path, seed: int) -> None:
    """Generated designs, with and without observation ports."""
    rng = np.random.default_rng([seed, 3])
    graph, folding = tiny_net() if seed == 0 else (random_graph(rng), None)
    design = generate(graph, folding or random_folding(graph, rng), tmp_path)
    _lint(tmp_path, design.top, list(design.files))
    _lint(tmp_path, design.top, list(design.files), "-DHWC_TAPS")


def test_transposed_convolution_lints(tmp_path: Path) -> None:
    """Strides whose numbers of phases are no powers of two."""
    rng = np.random.default_rng(4)
    op = ConvTranspose(
        "up", ("t0",), ("t1",), rng.integers(-3, 4, (2, 2, 4, 3)), IntType(-3, 3), stride=(5, 3)
    )
    graph = chain("up", (2, 3, 3), IntType(0, 3), [op])
    design = generate(graph, random_folding(graph, rng), tmp_path)
    _lint(tmp_path, design.top, list(design.files))


def test_names_are_made_safe(tmp_path: Path) -> None:
    """Odd, clashing and keyword names give distinct legal identifiers."""
    ones = np.ones((2, 2), np.int64)
    ops = [
        Dense("7/a.b", ("t0",), ("t1",), ones, IntType(0, 1)),
        Dense("7_a b", ("t1",), ("t2",), ones, IntType(0, 1)),
        Dense("module", ("t2",), ("t3",), ones, IntType(0, 1)),
        Dense("s_axis", ("t3",), ("t4",), ones, IntType(0, 1)),
    ]
    graph = chain('a "net"\nof odd names', (2,), IntType(0, 3), ops)
    design = generate(graph, default_folding(graph), tmp_path, top="my_top")
    instances = [name for layer in design.layers for name in layer.modules]
    assert len(set(instances)) == len(instances)
    _lint(tmp_path, "my_top", list(design.files))


def test_odd_names_of_layers_with_writable_weights(tmp_path: Path) -> None:
    """A name stands in comments; it must neither end one nor speak to a tool."""
    names = (
        "a\rendmodule",
        "verilator lint_off ALL",
        "x\\",
        "u\u2028`include",
        "synopsys translate_off",
    )
    ops = [
        Dense(name, (f"t{i}",), (f"t{i + 1}",), np.eye(2, dtype=np.int64), IntType(0, 1))
        for i, name in enumerate(names)
    ]
    graph = chain("odd", (2,), IntType(0, 3), ops)
    folding = Folding(default_folding(graph).lanes, {name: Style(reload=True) for name in names})
    design = generate(graph, folding, tmp_path)
    assert len(design.reloads) == len(names)
    _lint(tmp_path, design.top, list(design.files))


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    """Two independent chains get numbered ports."""
    eye = np.eye(2, dtype=np.int64)
    ops = [
        Input("i0", (), ("x",), (2,), (0,), (2,), IntType(0, 1), 1.0),
        Input("i1", (), ("u",), (2, 2, 1), (0, 1, 2), (2, 2, 1), IntType(0, 1), 1.0),
        Dense("a", ("x",), ("y",), eye, IntType(0, 1)),
        SumPool("b", ("u",), ("z",), (2, 2), (2, 2)),
        Output("oy", ("y",), ()),
        Output("oz", ("z",), ()),
    ]
    graph = Graph.build("pair", ops)
    design = generate(graph, default_folding(graph), tmp_path)
    assert [port.port for port in design.inputs] == ["s_axis_0", "s_axis_1"]
    assert [port.port for port in design.outputs] == ["m_axis_0", "m_axis_1"]
    _lint(tmp_path, design.top, list(design.files))


def test_refusals(tmp_path: Path) -> None:
    """A bad top name, an unwritable folder, and damaged records."""
    graph, folding = tiny_net()
    with pytest.raises(InputError, match="is not a Verilog module name"):
        generate(graph, folding, tmp_path, top="1top")
    for top in ("module", "logic", "hwc_skid"):
        with pytest.raises(InputError, match="the top cannot be called"):
            generate(graph, folding, tmp_path, top=top)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        generate(graph, folding, tmp_path / "file")
    with pytest.raises(InputError, match="no generated design"):
        Design.load(tmp_path / "none")
    golden = (GOLDEN / "design.json").read_text()
    odd_width = golden.replace('"tdata_bits": 8', '"tdata_bits": 9')
    for text in ("{", "{}", '{"format": "x"}', odd_width):
        (tmp_path / "design.json").write_text(text)
        with pytest.raises(InputError, match="cannot be read|not a design file"):
            Design.load(tmp_path)


def test_more_than_a_thousand_searched_lanes(tmp_path: Path) -> None:
    """Every lane has table files of its own, by five digits as hwc_threshold_search makes them."""
    channels = 1001
    thresholds = np.arange(32)[None] * 7 + np.arange(channels)[:, None] % 7
    steps = Threshold(
        "step", ("t0",), ("t1",), thresholds, np.ones(channels, np.int64), IntType(0, 32)
    )
    graph = chain("wide", (channels,), IntType(0, 255), [steps])
    design = generate(graph, Folding({"step": Lanes(channels)}), tmp_path)
    names = {f"step_thresholds_{stage:02d}_{lane:05d}.hex"
             for stage in range(6) for lane in range(channels)}  # fmt: skip
    assert {memory.file for memory in design.memories} == names
