"""What the command line says of itself, and that saying it loads nothing heavy."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

import hwcompress

COMMANDS = (
    "build", "compress", "recipes", "sensitivity", "diff", "simulate", "verify", "synth", "report",
    "boards", "doctor",
)  # fmt: skip
HEAVY = (
    "torch", "onnx", "onnxruntime", "qonnx", "numba", "brevitas", "hls4ml", "sklearn", "jinja2",
    "scipy", "numpy",
)  # fmt: skip


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hwcompress.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "TERM": "dumb", "COLUMNS": "100"},
    )


@pytest.mark.parametrize("words", [(), *((command,) for command in COMMANDS)])
def test_help_shows_an_example(words: tuple[str, ...]) -> None:
    done = run(*words, "--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert re.search(rf"Examples?: hwcompress {words[0] if words else 'build'}", text)


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "hwcompress.cli.main", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    loaded = {name.partition(".")[0] for name in names}
    assert "hwcompress" in loaded
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_version() -> None:
    assert run("--version").stdout == f"hwcompress {hwcompress.__version__}\n"


def test_unknown_option_and_command() -> None:
    for words in (("build", "--bord", "x"), ("bild",), ("build", "--frames", "many")):
        done = run(*words)
        assert done.returncode == 2
        assert "Error" in done.stderr


def test_boards() -> None:
    done = run("boards")
    assert done.returncode == 0
    assert re.search(r"pynq-z2.*pynq.*xc7z020clg400-1.*53,200", done.stdout)
    rows = {row["name"]: row for row in json.loads(run("boards", "--json").stdout)}
    assert rows["pynq-z2"]["capacity"]["lut"] == 53200
    assert rows["icebreaker"]["capacity"]["lut"] == 5280


def test_doctor_tells_what_is_missing() -> None:
    rows = {row["name"]: row for row in json.loads(run("doctor", "--json").stdout)}
    assert rows["torch"]["found"]
    assert rows["vivado"]["how_to_get"]
    done = run("doctor")
    lacking = [name for name, row in rows.items() if row["needed"] and not row["found"]]
    assert done.returncode == (1 if lacking else 0)
    assert ("Everything that `hwcompress build` needs" in done.stdout) == (not lacking)
