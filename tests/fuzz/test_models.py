"""Damaged models end in a message of ours, whatever the damage, or in a graph that runs.

``HWC_FILES=5000 HWC_SEED=7000000`` sets how many the long test tries, and from which on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.tally import Tally

ROOT = Path(__file__).resolve().parents[2]
CASES = 540
MANY = int(os.environ.get("HWC_FILES", "20000"))
FIRST = int(os.environ.get("HWC_SEED", "100000"))


def run(first: int, count: int, folder: Path, processes: int) -> Tally:
    """Ends of so many files. What failed is listed with its seed."""
    workers = []
    for index in range(processes):
        share = len(range(index, count, processes))
        words = (folder / f"w{index}", first + index, share, processes)
        command = [sys.executable, "-m", "tests.fuzz.worker", *map(str, words)]
        log = (folder / f"log{index}").open("w+")
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        workers.append((process, log))
    tally = Tally()
    for process, log in workers:
        code = process.wait()
        log.seek(0)
        text = log.read()
        log.close()
        files = tally.add(text)
        if code:
            tally.failures.append(f"ended with {code} after {files} files:\n{text[-3000:]}")
    print(tally.table())
    assert not tally.failures, "\n".join(tally.failures)
    assert tally.ends.total() == count
    return tally


def nothing_outside(folder: Path) -> None:
    """Only the files that the test made, and the model; nothing temporary is left."""
    made = {
        str(path.relative_to(folder / home))
        for home in ("w0", "w1")
        for path in (folder / home).rglob("*")
        if not path.name.startswith("torchinductor_")  # an empty folder of torch's, once
    }
    inside = ("folder", "temporary", "fifo", "link.bin", "weights.bin", "model.onnx")
    assert made <= {"outside.bin", "model", *(f"model/{name}" for name in inside)}


def test_damaged_models(tmp_path: Path) -> None:
    tally = run(0, CASES, tmp_path, 1)
    assert tally.ends["refused"] > CASES // 5
    assert tally.ends["listed"] > CASES // 10
    assert tally.ends["exact"] > CASES // 20
    nothing_outside(tmp_path)


@pytest.mark.long
def test_many_damaged_models(tmp_path: Path) -> None:
    run(FIRST, MANY, tmp_path, 2)
    nothing_outside(tmp_path)
