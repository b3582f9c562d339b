"""Writing, compiling and running a project: what goes wrong is told, and leaves nothing behind."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import CheckFailed, InputError, MissingToolError, UnsupportedError
from hwcompress.hls.hls4ml import HlsProject, convert
from hwcompress.hls.hls4ml.linear import valid_reuse
from hwcompress.hls.hls4ml.model import build_model, check_types
from hwcompress.hls.hls4ml.plan import make_plan
from hwcompress.hls.hls4ml.precision import Precision
from hwcompress.ir import Graph, IntType, evaluate
from tests.hls4ml import graphs


def tiny() -> Graph:
    net = graphs.Net("tiny", (4,), graphs.U4, seed=9)
    net.dense(3, IntType(-4, 3), bias=True)
    net.threshold(IntType(0, 3))
    net.output()
    return net.graph()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> HlsProject:
    project = convert(tiny(), tmp_path_factory.mktemp("tiny") / "project")
    project.compile()
    return project


def test_precision_is_the_narrowest() -> None:
    assert str(Precision.of(IntType(-1, 1, 2))) == "ap_int<2>"
    assert str(Precision.of(IntType(0, 8))) == "ap_uint<4>"
    assert str(Precision.of_bounds(-9, 3)) == "ap_int<5>"
    assert Precision.signed_for(8) == Precision(True, 5)
    assert Precision.parse("ap_uint<7>") == Precision.parse("uint<7>") == Precision(False, 7)
    assert Precision.parse("ap_fixed<7,7>") is None


@pytest.mark.parametrize(("columns", "rows"), [(6, 4), (784, 3), (9, 10), (1, 7)])
def test_reuse_factors_are_those_of_hls4ml(columns: int, rows: int) -> None:
    import hls4ml

    backend = hls4ml.backends.get_backend("Vitis")
    assert valid_reuse(columns, rows) == backend.get_valid_reuse_factors(columns, rows)


def test_types_that_hls4ml_gives_a_second_meaning_are_widened() -> None:
    plan = make_plan(graphs.dense_net(), "auto", None)
    weights = {layer.name: str(layer.choice.types.get("weight")) for layer in plan.layers}
    assert weights["l6_dense_5"] == "ap_uint<2>"  # one-bit inputs and weights
    assert weights["l10_dense_9"] == "ap_int<3>"  # -2 ... 1


def test_a_changed_type_is_found(tmp_path: Path) -> None:
    plan = make_plan(graphs.image_net(), "io_stream", None)
    log = tmp_path / "log"
    model = build_model(plan, tmp_path, log, part="p", clock_ns=10.0, project="net", trace=False)
    check_types(model, plan)
    for name, key in (("l2_conv_1", "accum_t"), ("l3_threshold_2", "threshold_t")):
        kind = model.graph[name].types[key]
        kind.precision.width += 1
        with pytest.raises(CheckFailed, match=f"{name}: {key[:-2]} is ap_u?int.*, demanded ap_"):
            check_types(model, plan)
        kind.precision.width -= 1
    model.graph["l3_threshold_2"].get_output_variable().type.precision.signed = False
    with pytest.raises(CheckFailed, match="l3_threshold_2: result"):
        check_types(model, plan)


def test_everything_that_cannot_be_expressed_is_listed_and_nothing_written(
    tmp_path: Path,
) -> None:
    net = graphs.Net("huge", (2,), graphs.U4, seed=9)
    wide = net.dense(2, IntType(-(1 << 52), 1 << 52))
    net.threshold(IntType(0, 1))
    net.output()
    net.output(wide)
    with pytest.raises(UnsupportedError) as caught:
        convert(net.graph(), tmp_path / "project")
    assert [line.split(":")[0] for line in caught.value.problems] == [
        "Threshold 'threshold_2'",
        "Output 'output_4'",
    ]
    assert "2^53" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    with pytest.raises(InputError, match="io_type 'serial' is unknown"):
        convert(tiny(), folder, io_type="serial")
    with pytest.raises(InputError, match="'my-net' is no C\\+\\+ identifier"):
        convert(tiny(), folder, project="my-net")
    with pytest.raises(InputError, match="clock period 0 ns"):
        convert(tiny(), folder, clock_ns=0)
    with pytest.raises(InputError, match="reuse names 'fc9', which is no operation"):
        convert(tiny(), folder, reuse={"fc9": 2})
    with pytest.raises(InputError, match=r"reuse factor 5 does not fit a 3 x 4 matrix.*1, 2, 4"):
        convert(tiny(), folder, reuse={"dense_1": 5})
    assert not list(tmp_path.iterdir())
    folder.mkdir()
    (folder / "thesis.txt").write_text("my work")
    with pytest.raises(InputError, match="something else than an hls4ml project"):
        convert(tiny(), folder)
    assert (folder / "thesis.txt").read_text() == "my work"


def test_the_same_graph_gives_the_same_files_and_no_noise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = Path.cwd(), sorted(Path().iterdir())
    for name in ("one", "two"):
        convert(graphs.reused_net(), tmp_path / name, reuse={"dense_4": 128})
    assert (Path.cwd(), sorted(Path().iterdir())) == before
    assert capfd.readouterr() == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
    files = contents(tmp_path / "one")
    assert files == contents(tmp_path / "two")
    assert not [name for name, data in files.items() if str(tmp_path).encode() in data]
    for expected in ("build_prj.tcl", "build_opt.tcl", "project.tcl", "firmware/defines.h"):
        assert expected in files
    assert b"xc7z020clg400-1" in files["project.tcl"]


def test_wrong_inputs_are_refused(compiled: HlsProject) -> None:
    with pytest.raises(InputError, match=r"expected \(4,\)"):
        compiled.predict(np.zeros((2, 5), np.int64))
    with pytest.raises(InputError, match="not all of type u4"):
        compiled.predict(np.full((2, 4), 16))
    with pytest.raises(InputError, match="not an integer"):
        compiled.predict(np.zeros((2, 4)))


def test_a_compiled_project_is_taken_as_it_is_and_can_move(
    compiled: HlsProject, tmp_path: Path
) -> None:
    assert compiled.compile().seconds == 0.0
    again = convert(compiled.graph, compiled.folder)
    assert again.compile().seconds == 0.0
    feeds = graphs.samples(compiled.graph, 100, 5)
    (expected,) = evaluate(compiled.graph, feeds).values()
    moved = compiled.folder.with_name("moved")
    compiled.folder.rename(moved)
    try:
        elsewhere = HlsProject(compiled.graph, moved, compiled.plan, "p", 10.0, "hwcompress")
        assert elsewhere.compile().seconds == 0.0
        np.testing.assert_array_equal(expected, elsewhere.predict(feeds))
    finally:
        moved.rename(compiled.folder)


def test_one_wrong_weight_shows(tmp_path: Path) -> None:
    project = convert(tiny(), tmp_path / "project")
    feeds = graphs.samples(project.graph, 100, 5)
    weights = project.folder / "firmware" / "weights" / "w2.txt"
    values = weights.read_text().split(", ")
    values[0] = str(int(values[0]) ^ 3)
    weights.write_text(", ".join(values))
    (expected,) = evaluate(project.graph, feeds).values()
    assert np.any(project.predict(feeds) != expected)


def test_a_library_that_ends_its_process_is_an_error(tmp_path: Path) -> None:
    project = convert(tiny(), tmp_path / "project")
    (project.folder / "firmware" / "weights" / "b2.txt").unlink()
    with pytest.raises(CheckFailed, match=r"b2\.txt does not exist"):
        project.predict(np.zeros((2, 4), np.int64))


def test_without_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = convert(tiny(), tmp_path / "project")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt-get install g\\+\\+"):
        project.compile()


@pytest.mark.parametrize("end", ["kill -9 $$", "echo 'x.h: error: no' >&2; exit 1"])
def test_a_failed_compilation_leaves_no_library(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = convert(tiny(), tmp_path / "project")
    write = 'for last; do :; done; printf half > "$last"'
    script(
        tmp_path / "bin" / "g++", f"[ $1 = -dumpfullversion ] && echo 12 && exit\n{write}\n{end}"
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CheckFailed, match=r"g\+\+ (was ended by signal 9|failed with status 1)"):
        project.compile()
    assert not list(project.folder.rglob("*.so"))


def test_testbench_data(tmp_path: Path) -> None:
    project = convert(tiny(), tmp_path / "project")
    project.write_testbench(np.array([[0, 1, 2, 15], [4, 4, 4, 4]]))
    data = project.folder / "tb_data"
    assert (data / "tb_input_features.dat").read_text() == "0 1 2 15\n4 4 4 4\n"
    expected = evaluate(project.graph, np.array([[0, 1, 2, 15], [4, 4, 4, 4]]))
    (rows,) = expected.values()
    written = np.loadtxt(data / "tb_output_predictions.dat", dtype=np.int64)
    np.testing.assert_array_equal(rows, written)
