"""``compress`` and ``recipes`` as a user walks them, a killed run among them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.flow.build import build
from hwcompress.flow.compressing.pipeline import COMPRESSION
from hwcompress.flow.compressing.settings import compress_settings
from hwcompress.flow.request import make_settings
from hwcompress.frontend import import_model
from hwcompress.frontend.check import encoded
from hwcompress.packing import read_packed
from hwcompress.sim import Simulator
from tests.compress.recipe.tiny import tiny_data

ROOT = Path(__file__).resolve().parents[2]
NET = """
import sys
sys.path.insert(0, {root!r})
from tests.compress.recipe.tiny import tiny_net as make
"""
RECIPE = """
[[step]]
name = "quantize"
weight_bits = 3
act_bits = 4
layers = [{ match = "@first", weight_bits = 8 }]
[[step]]
name = "train"
epochs = 8
batch = 16
"""
WORDS = ("net.py:make", "--recipe", "own.toml", "--data", "data.npz", "--epochs", "3")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "hwcompress.cli.main", *words]


def inputs(folder: Path) -> None:
    (folder / "net.py").write_text(NET.format(root=str(ROOT)))
    (folder / "own.toml").write_text(RECIPE)
    train, test = tiny_data(), tiny_data(64, seed=1)
    np.savez(folder / "data.npz", x_train=train.x, y_train=train.y, x_test=test.x, y_test=test.y)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with ``out``, whose run was killed while it trained, and what the next one said."""
    folder = tmp_path_factory.mktemp("compress")
    inputs(folder)
    words = command("compress", *WORDS, "--no-synthesis", "--out", "out")
    first = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not list(folder.glob("out/work/train/checkpoints/*/train-1.pt")):
        assert first.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert first.stdout is not None
    first.stdout.close()
    assert not (folder / "out" / "model.onnx").exists()
    second = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    return folder, second.stdout


def test_goes_on_and_gives_the_same_bytes(done: tuple[Path, str], monkeypatch) -> None:
    folder, said = done
    assert re.search(r"\[1/8\] data +up to date", said)
    assert re.search(r"\[2/8\] float +up to date", said)
    assert re.search(r"\[3/8\] train +done in", said)
    monkeypatch.chdir(folder)
    settings = compress_settings(
        "own.toml", model="net.py:make", data="data.npz", epochs=3, board="pynq", synthesize=False
    )
    build(folder / "again", settings, steps=COMPRESSION)
    for name in ("model.onnx", "model.hwc", "result.txt"):
        one, other = (folder / where / name for where in ("out", "again"))
        assert one.read_bytes() == other.read_bytes(), name


def test_table(done: tuple[Path, str]) -> None:
    folder, said = done
    facts = json.loads((folder / "out" / "result.json").read_text())
    text = (folder / "out" / "result.txt").read_text()
    share = facts["accuracy"]["correct"] / facts["accuracy"]["samples"]
    for where in (said, text):
        assert re.search(rf"accuracy .*{share:.2%}", where)
        assert re.search(r"weight bits .*32 .*8 .*3\.\d", where)
        assert re.search(r"size on disk, bytes .*[\d,]+ .*[\d.]+x less", where)
        assert re.search(r"interval, cycles .*cycle model", where)
    assert "LUT" not in text
    assert facts["size"]["size"] == (folder / "out" / "model.hwc").stat().st_size
    # 3x3 of 1 -> 4 on 4x4 places, of 4 -> 6 on 2x2, 24 -> 3; the first layer of 8 bits.
    macs = [9 * 4 * 16, 9 * 24 * 4, 72]
    assert facts["size"]["macs"] == facts["before"]["size"]["macs"] == sum(macs)
    bits = macs[0] * 8 * 4 + (macs[1] + macs[2]) * 3 * 4
    assert facts["size"]["bit_operations"] == bits
    assert facts["before"]["size"]["bit_operations"] == 64 * sum(macs)
    assert facts["hardware"]["interval"] <= facts["before"]["hardware"]["target"]
    assert facts["original"]["weights"] == 36 + 216 + 72


def test_results_are_what_the_model_is(done: tuple[Path, str]) -> None:
    folder, _ = done
    test = tiny_data(64, seed=1)
    imported = import_model(folder / "out" / "model.onnx", samples=test.x)
    values = Simulator(imported.graph)(encoded(imported, test.x))
    facts = json.loads((folder / "out" / "result.json").read_text())
    assert int((values.argmax(1) == test.y).sum()) == facts["accuracy"]["correct"]
    packed = read_packed(folder / "out" / "model.hwc")
    assert np.array_equal(Simulator(packed)(encoded(imported, test.x)), values)


def test_simulate_takes_the_folder(done: tuple[Path, str]) -> None:
    """On the samples that it holds, scaled as they were."""
    folder, _ = done
    facts = json.loads((folder / "out" / "result.json").read_text())
    for words in ([], ["--accumulator-bits", "24"]):
        done_ = subprocess.run(
            command("simulate", "out", *words, "--json"),
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done_.returncode == 0, done_.stderr
        score = json.loads(done_.stdout)["score"]
        assert score["correct"] == facts["accuracy"]["correct"]


def test_build_takes_it(done: tuple[Path, str], monkeypatch) -> None:
    folder, _ = done
    monkeypatch.chdir(folder)
    settings = make_settings(board="pynq", model="out/model.onnx", data="data.npz")
    manifest = build(folder / "built", settings, targets=["simulate", "generate"])
    checks = manifest.records["simulate"].result["checks"]
    assert sum(check["mismatches"] for check in checks) == 0


def test_second_run_does_nothing(done: tuple[Path, str], monkeypatch) -> None:
    folder, _ = done
    monkeypatch.chdir(folder)
    settings = compress_settings(
        "own.toml", model="net.py:make", data="data.npz", epochs=3, board="pynq", synthesize=False
    )
    before = {path: path.stat().st_mtime_ns for path in (folder / "again").iterdir()}
    build(folder / "again", settings, steps=COMPRESSION)
    kept = ("model.onnx", "result.json", "float", "source")
    assert all(before[folder / "again" / name] == (folder / "again" / name).stat().st_mtime_ns
               for name in kept)  # fmt: skip


def test_refusals(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    inputs(tmp_path)
    options = {"model": "net.py:make", "data": "data.npz", "board": "pynq"}
    with pytest.raises(InputError, match="there is no recipe 'w3a3'.*w4a4"):
        compress_settings("w3a3", **options)
    with pytest.raises(InputError, match="there is no recipe file 'mine.toml'"):
        compress_settings("mine.toml", **options)
    (tmp_path / "own.toml").write_text(RECIPE.replace("weight_bits = 3", "weight_bits = 30"))
    with pytest.raises(InputError, match="own.toml.*weight_bits is 30|weight_bits is 30"):
        compress_settings("own.toml", **options)
    with pytest.raises(InputError, match="needs data"):
        compress_settings("w4a4", model="net.py:make", board="pynq")
    done = subprocess.run(
        command("compress", "net.py:make", "--recipe", "w3a3", "--data", "data.npz"),
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no recipe 'w3a3'. Remedy: give a file .toml, or")
    assert "Traceback" not in done.stderr
    (tmp_path / "own.toml").write_text(RECIPE.replace("@first", "conv9"))
    done = subprocess.run(command("compress", *WORDS), cwd=tmp_path, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "no layer is called 'conv9'" in done.stderr and "conv1, conv2, head" in done.stderr
    assert not (tmp_path / "hwc-compress").exists()


def test_folders_of_other_commands_are_refused(done: tuple[Path, str], monkeypatch) -> None:
    folder, _ = done
    monkeypatch.chdir(folder)
    settings = make_settings(board="pynq", model="out/model.onnx", data="data.npz")
    with pytest.raises(InputError, match="of format 'hwcompress-compress-1'"):
        build(folder / "out", settings)


@pytest.mark.long
def test_synthesis(tmp_path, monkeypatch) -> None:
    """LUTs of both designs, counted by Yosys, at the same interval; products of LUTs."""
    monkeypatch.chdir(tmp_path)
    inputs(tmp_path)
    settings = compress_settings(
        "own.toml",
        model="net.py:make",
        data="data.npz",
        epochs=1,
        board="pynq",
        multiplier="lut",
    )
    facts = build(tmp_path / "out", settings, steps=COMPRESSION).records["result"].result
    before, after = facts["before"]["hardware"], facts["hardware"]
    assert after["interval"] <= before["interval"]
    # Those of the layers are of LUTs; the 8-bit twin's rescaling may still take a DSP.
    assert after["resources"]["dsp"] <= before["resources"]["dsp"]
    assert 0 < after["resources"]["lut"] < before["resources"]["lut"]
    assert re.search(r"LUT .*measured: Yosys", (tmp_path / "out" / "result.txt").read_text())
