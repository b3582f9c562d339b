"""The benchmarks on bit widths, on little data: figures, files, and going on after a stop."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import bits_table, requantize
from benchmarks.bits_data import TASKS, network
from benchmarks.bits_table import recipe_of, shares
from tests.shared_data import shared_file


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The benchmarks take one; other tests get theirs back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_accuracies() -> None:
    outputs = np.array([[1, 0], [1, 0], [0, 1], [1, 0]])
    assert shares(outputs, np.array([0, 0, 1, 1])) == (0.75, 0.75)
    assert shares(outputs, np.array([0, 0, 0, 1])) == (0.5, pytest.approx(1 / 3))


def test_recipes_quantize_every_layer() -> None:
    for bits in range(1, 9):
        step, train = recipe_of(bits, 7, 0.5).steps
        assert (step.weight_bits, step.act_bits) == (bits, bits)  # type: ignore[attr-defined]
        assert getattr(step, "edge_bits", 0) == 0 and train.epochs == 7  # type: ignore[attr-defined]
        assert step.name == ("quantize" if bits == 1 else "fixed-point")


def test_data_sets_have_what_the_networks_take() -> None:
    for task in TASKS:
        data = task.load(shared_file("data"))
        layers = [part for part in network(task.sizes) if hasattr(part, "weight")]
        assert data.x.shape[1] == data.x_test.shape[1] == task.sizes[0]
        assert data.y.max() < task.sizes[-1] == len(task.classes) and len(layers) == 5
        assert np.isfinite(data.x_test).all() and np.abs(data.x_test).max() <= 4
        few = data.first(100)
        assert few.x.shape == (100, task.sizes[0]) and len(few.y_test) == 100


def test_bits_table_goes_on_where_it_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", str(shared_file("data")), "--tasks", "magic", "--epochs", "1", "--samples",
             "400", "--no-synthesis", "--folder", str(tmp_path / "rows"), "--write",
             str(tmp_path / "bits.md")]  # fmt: skip
    bits_table.main([*words, "--bits", "2"])
    capsys.readouterr()
    kept = json.loads((tmp_path / "rows" / "rows.json").read_text())
    assert set(kept["rows"]) == {"magic/32", "magic/33", "magic/2"}
    bits_table.main([*words, "--bits", "1,2"])
    said = capsys.readouterr().out
    assert "magic, 1 bits" in said and "magic, 2 bits" not in said
    with (tmp_path / "bits.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["bits"] for row in rows] == ["32", "33", "2", "1"]
    assert {row["differing"] for row in rows} == {"0"}
    assert all(int(row["interval"]) == 128 for row in rows[2:])
    assert float(rows[2]["accuracy"]) == kept["rows"]["magic/2"]["accuracy"] > 0.3
    page = (tmp_path / "bits.md").read_text(encoding="utf-8")
    assert "| float |" in page and "| 1 |" in page and "## NSL-KDD" not in page
    # Rows of other conditions are not mixed with these.
    words[words.index("400")] = "300"
    with pytest.raises(SystemExit, match="give another --folder"):
        bits_table.main(words)


def test_requantize_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    words = ["--models", str(shared_file("models")), "--no-synthesis", "--drawn", "200"]
    requantize.main([*words, "--bits", "3,1", "--write", str(page)])
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line[:3] in
             ("| 6", "| 3", "| 1")]  # fmt: skip
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rows = [row for row in rows if len(row) == 12]
    assert [(row[0], row[1]) for row in rows] == [
        ("6", "as it is"),
        ("3", "channel"),
        ("3", "power-of-two"),
        ("1", "channel"),
        ("1", "power-of-two"),
    ]
    means = [int(row[6].replace(",", "")) for row in rows]
    assert means[0] == 0 < means[1] < means[2] < means[4]
