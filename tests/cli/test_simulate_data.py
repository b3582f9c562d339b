"""``simulate`` on data, as a user types it: what it prints, and how much memory it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import import_model
from hwcompress.frontend.check import encoded
from hwcompress.ir import evaluate
from tests.cli.test_models import run
from tests.frontend.onnx_builder import ModelBuilder
from tests.inspect.nets import image_net

MB = 1_000_000


def jet_net(folder: Path) -> Path:
    """16-64-32-32-5, weights and activations of 4 bits, 8-bit input: of the size of jet taggers."""
    random = np.random.default_rng(0)
    model = ModelBuilder((1, 16))
    model.act(1 / 16, 8)
    width = 16
    for count in (64, 32, 32):
        model.dense(random.integers(-7, 8, (count, width)), 1 / 16, 4)
        model.node("Relu", model.last)
        model.act(1 / 4, 4, signed=False)
        width = count
    model.dense(random.integers(-7, 8, (5, width)), 1 / 16, 4)
    return model.save(folder / "jet.onnx")


def jet_data(path: Path, count: int) -> None:
    """Samples drawn piece by piece; a block of a million is repeated."""
    random = np.random.default_rng(1)
    block = random.normal(0, 1, (min(count, 1_000_000), 16)).astype(np.float32)
    array = np.lib.format.open_memmap(path, "w+", np.float32, (count, 16))  # type: ignore[no-untyped-call]
    for start in range(0, count, len(block)):
        array[start : start + len(block)] = block[: count - start]
    np.save(path.with_name("labels.npy"), (np.arange(count) % 5).astype(np.uint8))


def measured(folder: Path, *words: str) -> tuple[dict[str, object], int]:
    """Facts of a run in a process of its own, and its largest memory in bytes."""
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'hwcompress.cli.main', *sys.argv[1:]])\n"
        "usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print('peak', usage.ru_maxrss * 1024, file=sys.stderr)\n"
        "sys.exit(done.returncode)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "simulate", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), int(done.stderr.split("peak ")[-1])


def test_tables(tmp_path: Path) -> None:
    path = image_net(tmp_path)
    x = np.random.default_rng(0).integers(-8, 8, (50, 2, 6, 6)).astype(np.float32)
    y = np.arange(50) % 5
    np.savez(tmp_path / "d.npz", x=x, y=y)
    said, error = run(
        tmp_path, "simulate", "image.onnx", "--data", "d.npz", "--ranges", "--out", "out.npy",
        "--integers", "--accumulator-bits", "6", "--faults", "weights=0.01", "--seed", "2",
    )  # fmt: skip
    assert error == ""
    imported = import_model(path)
    (values,) = evaluate(imported.graph, encoded(imported, x)).values()
    right = int((np.argmax(values, axis=1) == y).sum())
    assert f"Accuracy {right / 50:.2%}: {right} of 50 right" in said
    assert "image.onnx: QONNX; 50 samples of d" in said
    assert "samples/s in" in said
    assert "reachable" in said and "observed" in said and "dead" in said
    assert "With accumulators of 6 bits, wrap; faults weights=0.01, seed 2:" in said
    assert "bits of weights and thresholds flipped" in said and "instead of" in said
    assert "Written: out.npy" in said
    assert np.load(tmp_path / "out.npy").shape == (50, 5)


def test_many_samples_in_little_memory(tmp_path: Path) -> None:
    """300,000 samples, 19 MB as stored, with 16 MB on top of what the program takes itself."""
    jet_net(tmp_path)
    jet_data(tmp_path / "x.npy", 300_000)
    few, least = measured(tmp_path, "jet.onnx", "--random", "64", "--json")
    assert few["samples"] == 64
    words = ("jet.onnx", "--data", "x.npy,labels.npy", "--memory", "16M", "--json")
    facts, peak = measured(tmp_path, *words)
    assert facts["schema"] == "hwcompress-simulate-1"
    assert facts["samples"] == 300_000 and facts["memory"] == 16 * MB
    score = facts["score"]
    assert isinstance(score, dict) and score["samples"] == 300_000
    assert np.sum(score["confusion"]) == 300_000
    assert score["share"] == np.trace(score["confusion"]) / 300_000
    assert peak < least + 24 * MB, (least, peak)


@pytest.mark.long
def test_ten_million_samples(tmp_path: Path) -> None:
    jet_net(tmp_path)
    jet_data(tmp_path / "x.npy", 10_000_000)
    words = ("jet.onnx", "--data", "x.npy,labels.npy", "--memory", "200M", "--json")
    facts, peak = measured(tmp_path, *words, "--out", "out.npy", "--integers")
    assert facts["samples"] == 10_000_000
    assert peak < 1 << 30, peak
    # The block of a million samples is repeated, and so are the outputs.
    out = np.load(tmp_path / "out.npy", mmap_mode="r")
    assert out.shape == (10_000_000, 5)
    for start in (1_000_000, 5_000_000, 9_000_000):
        assert np.array_equal(out[start : start + 1_000_000], out[:1_000_000])
    score = facts["score"]
    assert isinstance(score, dict)
    labels = np.arange(1_000_000) % 5  # a million is a multiple of five: the same each time
    assert score["correct"] == 10 * int((np.argmax(out[:1_000_000], axis=1) == labels).sum())
    (tmp_path / "x.npy").unlink()
    (tmp_path / "out.npy").unlink()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["image.onnx"], "no samples to simulate. Remedy: give --data FILE, or --random N"),
        (["out", "--memory", "1G"], "--memory without data. Remedy: give --data FILE"),
    ],
)
def test_wrong_input_is_one_line(tmp_path: Path, words: list[str], said: str) -> None:
    image_net(tmp_path)
    (tmp_path / "out").mkdir()
    out, error = run(tmp_path, "simulate", *words, code=2)
    assert out == ""
    assert error.startswith("error: ") and len(error.splitlines()) == 1
    assert said in error
