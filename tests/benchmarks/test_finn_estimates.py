"""FINN's estimates beside its synthesis: tables, statistics, and our engine for the same layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.estimate_records import Record
from benchmarks.finn_builds import ESTIMATES, TOP, Matrix, load
from benchmarks.finn_estimates import _designs, _exact, _figures, _nodes
from benchmarks.finn_matrix import built, counted, graph_of, name_of, ours, type_of
from hwcompress.errors import InputError
from hwcompress.hls.estimate import estimate_graph
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.ir import BIPOLAR, Dense, IntType, Threshold

_HEAD = "repo,build,node,post_LUT,post_BRAM_36K,post_BRAM_18K,post_DSP\n"
_BUILDS = _HEAD + (
    "a/b,x/report/,(top),1000,2,1,0\n"
    "a/b,x/report/,StreamingDataflowPartition_1_MVAU_hls_0,400,1,1,0\n"
    "a/b,x/report/,StreamingDataflowPartition_1_StreamingFIFO_rtl_10,50,0,0,0\n"
)
_ESTIMATES = (
    "repo,build,node,est_lut,est_bram18,est_dsp,hls_lut,mw,mh,pe,simd,weights,inputs,outputs,"
    "thresholds\n"
    "a/b,x/report/,(top),600,3,0,,,,,,,,,\n"
    "a/b,x/report/,StreamingDataflowPartition_1_MVAU_hls_0,500,3,0,800,16,8,2,4,INT2,UINT4,UINT3,1"
    "\n"
)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """A build of two nodes, one of them estimated."""
    (tmp_path / "builds.csv").write_text(_BUILDS)
    (tmp_path / "estimates.csv").write_text(_ESTIMATES)
    return tmp_path / "builds.csv", tmp_path / "estimates.csv"


def test_join(tables: tuple[Path, Path]) -> None:
    """Figures and estimates of a node meet; a node without an estimate has none."""
    top, unit, fifo = load(*tables)
    assert (top.name, top.build, top.bram18, top.est_lut) == (TOP, "a/b:x", 5, 600)
    assert (unit.kind, unit.lut, unit.bram18, unit.est_bram18) == ("MVAU_hls", 400, 3, 3)
    assert unit.hls_lut == 800
    assert unit.matrix == Matrix(16, 8, 2, 4, "INT2", "UINT4", "UINT3", True)
    assert (fifo.kind, fifo.est_lut, fifo.matrix) == ("StreamingFIFO_rtl", None, None)


def test_equal_builds_count_once(tables: tuple[Path, Path]) -> None:
    """A build with the figures of another one is that one again."""
    builds, estimates = tables
    again = _BUILDS.replace("x/report/", "y/report/").removeprefix(_HEAD)
    builds.write_text(_BUILDS + again)
    # The second one has no estimates, so it is not the same.
    assert len(load(builds, estimates)) == 6
    rows = _ESTIMATES.splitlines(keepends=True)
    rows += [row.replace("x/report/", "y/report/") for row in rows[1:]]
    estimates.write_text("".join(rows))
    assert len(load(builds, estimates)) == 3


def test_statistics() -> None:
    """Ratios and errors by hand; a count of zero has no ratio, but may be exact."""
    assert _figures([(50, 100), (100, 100), (150, 100), (7, 0)]) == [
        "1.00", "0.55", "1.45", "50%", "50%",
    ]  # fmt: skip
    assert _figures([]) == [""] * 5
    assert _exact([(0, 0), (1, 2)]) == "50%"


def test_sections(tables: tuple[Path, Path]) -> None:
    """Nodes by kind, and the design beside its whole and the nodes estimated."""
    nodes = load(*tables)
    assert "| `MVAU_hls` | 1 | 1.25 | 1.25 | 1.25 | 25% | 25% | 100% | 100% |" in _nodes(nodes)
    assert "| C synthesis | 1 | 2.00 |" in _nodes(nodes)
    assert "| `a/b:x` | 600 | 1,000 | 0.60 | 1.50 | 3 / 5 | 0 / 0 |" in _designs(nodes)


def test_committed_estimates() -> None:
    """Ten designs, and matrix units with parameters that fit each other."""
    text = ESTIMATES.read_text().splitlines()
    assert sum(f",{TOP}," in line for line in text) == 10
    names = text[0].split(",")
    units = [dict(zip(names, line.split(","), strict=True)) for line in text[1:]]
    units = [unit for unit in units if unit["mw"]]
    assert len(units) > 60
    for unit in units:
        assert int(unit["mw"]) % int(unit["simd"]) == int(unit["mh"]) % int(unit["pe"]) == 0
        type_of(unit["weights"])
        type_of(unit["inputs"])


def test_same_layer() -> None:
    """FINN's unit becomes a dense layer with thresholds, of the same lanes."""
    matrix = Matrix(16, 8, 2, 4, "INT2", "UINT4", "UINT3", True)
    graph = graph_of(matrix)
    dense, threshold = graph.layers
    assert isinstance(dense, Dense)
    assert (dense.weight.shape, dense.wtype) == ((8, 16), IntType(-2, 1))
    assert isinstance(threshold, Threshold)
    assert threshold.thresholds.shape == (8, 7)
    assert np.all(np.diff(threshold.thresholds, axis=1) >= 0)
    folding = Folding({"fc": Lanes(2, 4), "act": Lanes(2)}, {"fc": Style(multiplier="lut")})
    assert ours(matrix) == estimate_graph(graph, folding).total
    assert type_of("BINARY") == BIPOLAR


def test_counts_of_another_design_do_not_count() -> None:
    """A record stands for one design: other weights or other Verilog make it stale."""
    matrix = Matrix(8, 4, 2, 4, "INT2", "UINT2", "INT8", False)
    assert name_of(matrix) == "8x4-pe2-simd4-int2-uint2"
    record = Record(built(matrix).digest, {}, "Yosys", 1.0, 5, 0, 5, 0, 0, 0, 0)
    assert counted(matrix, {name_of(matrix): record}) == record
    assert counted(matrix, {name_of(matrix): replace(record, digest="other")}) is None
    assert counted(matrix, {}) is None


def test_bad_input(tables: tuple[Path, Path]) -> None:
    """What is wrong, and where."""
    builds, estimates = tables
    builds.write_text(_HEAD + "a/b,x/report/,(top),many,0,0,0\n")
    with pytest.raises(InputError, match=r"builds\.csv:2: no row of a build"):
        load(builds, estimates)
    with pytest.raises(InputError, match="cannot be read"):
        load(builds.with_name("none.csv"), estimates)
    with pytest.raises(InputError, match="no type of integers: 'FLOAT32'"):
        type_of("FLOAT32")
