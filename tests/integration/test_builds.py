"""Whole builds as a user runs them: the embedded network, models of others, Fashion-MNIST."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.shared_data import shared_file

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Result:
    """A finished build."""

    folder: Path
    screen: str
    report: dict[str, list[dict[str, object]]]

    def samples(self, level: str, against: str) -> int:
        """Samples that a row of the exactness table compared, which must all agree."""
        rows = [
            row
            for row in self.report["checks"]
            if row["level"] == level and row["against"] == against
        ]
        assert len(rows) == 1, f"{level} against {against}: {rows}"
        assert rows[0]["mismatches"] == 0
        assert rows[0]["explained"] == 0
        return int(str(rows[0]["samples"]))

    def share(self, who: str) -> float:
        """Accuracy of one realisation."""
        (row,) = [row for row in self.report["accuracy"] if row["who"] == who]
        return int(str(row["correct"])) / int(str(row["samples"]))

    def check_hardware(self, samples: int) -> None:
        """Every level below the integer graph, on the promised number of samples."""
        assert self.samples("Numba simulator", "integer graph") == samples
        assert self.samples("Verilog", "Numba simulator") == samples
        assert self.samples("hls4ml C++", "Numba simulator") >= 100
        assert self.samples("Verilog, random stalls", "Numba simulator") >= 20
        resources = {str(row["name"]): row for row in self.report["resources"]}
        assert 0 < float(str(resources["LUT"]["used"])) < 53200
        assert "Yosys" in str(resources["LUT"]["by"])


def build(folder: Path, *arguments: str) -> Result:
    command = [sys.executable, "-m", "hwcompress.cli.main", "build", *arguments]
    done = subprocess.run(
        [*command, "--board", "pynq", "--out", str(folder)],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return Result(folder, done.stdout, report)


def test_embedded_network(tmp_path: Path) -> None:
    result = build(tmp_path / "digits")
    samples = 450
    assert result.samples("integer graph", "PyTorch") == samples
    assert result.samples("integer graph", "QONNX executor") == samples
    assert result.samples("integer graph", "source in float64") == samples
    result.check_hardware(samples)
    assert result.share("PyTorch") == result.share("Simulator") >= 0.97
    for made in (
        "report.html",
        "graph/graph.json",
        "rtl/hwcompress_top.v",
        "source/model.onnx",
        "deploy/README.md",
    ):
        assert (result.folder / made).is_file(), made
    for word in ("mismatches", "frames/s", "LUT", "FF", "BRAM36", "DSP", "report.html"):
        assert word in result.screen


@pytest.mark.parametrize(
    ("name", "accuracy"), [("tfc_1w1a_mnist", 0.9296), ("tfc_2w2a_mnist", 0.9660)]
)
def test_tfc_on_all_of_mnist(name: str, accuracy: float, tmp_path: Path) -> None:
    result = build(
        tmp_path / name,
        str(shared_file(f"models/qonnx/{name}.onnx")),
        "--data",
        str(shared_file("data/mnist/t10k-images-idx3-ubyte.gz")),
    )
    assert result.samples("integer graph", "QONNX executor") == 10_000
    result.check_hardware(10_000)
    assert result.share("Simulator") == accuracy == result.share("QONNX executor")


def random_samples(name: str, count: int) -> np.ndarray:
    """The reference's samples, then random ones of the same kind."""
    reference = np.load(shared_file(f"models/qonnx/{name}.io.npz"))["x"][:, 0]
    random = np.random.default_rng(5)
    shape = (count - len(reference), *reference.shape[1:])
    if name.startswith("unsw"):
        # Rows near the reference's, so that both classes occur.
        rows = reference[random.integers(0, len(reference), shape[0])]
        more = np.where(random.random(shape) < 0.03, -rows, rows)
    else:
        more = random.normal(0, 1, shape)
    return np.concatenate([reference, more]).astype(np.float32)


@pytest.mark.parametrize("name", ["jets_qkeras_w6a6", "unsw_nb15_mlp_w2a2"])
def test_models_without_data(name: str, tmp_path: Path) -> None:
    samples = random_samples(name, 1000)
    np.savez(tmp_path / "samples.npz", x=samples)
    result = build(
        tmp_path / name,
        str(shared_file(f"models/qonnx/{name}.onnx")),
        "--data",
        str(tmp_path / "samples.npz"),
    )
    assert result.samples("integer graph", "QONNX executor") == 1000
    result.check_hardware(1000)
    with np.load(tmp_path / name / "sim" / "vectors.npz") as vectors:
        given = vectors["output0"]
    assert len(np.unique(given, axis=0)) > 1  # not one answer for everything
    if name.startswith("unsw"):
        reference = np.load(shared_file(f"models/qonnx/{name}.io.npz"))["y"][:, 0]
        assert np.array_equal(given[: len(reference)], reference)


def check_fashion(folder: Path, epochs: int, accuracy: float) -> None:
    result = build(
        folder,
        f"{ROOT / 'examples' / 'fashion_cnn.py'}:make_net",
        "--data",
        str(shared_file("data/fashion_mnist/t10k-images-idx3-ubyte.gz").parent),
        "--epochs",
        str(epochs),
    )
    assert result.samples("integer graph", "PyTorch") == 10_000
    assert result.samples("integer graph", "QONNX executor") == 10_000
    result.check_hardware(10_000)
    assert result.share("PyTorch") == result.share("Simulator") >= accuracy


def test_fashion_mnist_conv_net(tmp_path: Path) -> None:
    check_fashion(tmp_path / "fashion", 1, 0.85)


@pytest.mark.long
def test_fashion_mnist_conv_net_for_a_few_epochs(tmp_path: Path) -> None:
    check_fashion(tmp_path / "fashion", 3, 0.88)
