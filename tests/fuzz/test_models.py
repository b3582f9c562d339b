"""Damaged models end in a message of ours, whatever the damage, or in a graph that runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = 540
MANY = 20_000
PROCESSES = 2


def run(first: int, count: int, folder: Path) -> Counter[str]:
    """Ends of so many files. What failed is listed with its seed."""
    workers = []
    for index in range(PROCESSES):
        share = len(range(index, count, PROCESSES))
        words = (folder / f"w{index}", first + index, share, PROCESSES)
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
    ends: Counter[str] = Counter()
    failures = []
    for process, log in workers:
        code = process.wait()
        log.seek(0)
        text = log.read()
        log.close()
        lines = re.findall(r"^(\d+) [\d.]+ (.*)$", text, re.MULTILINE)
        ends.update(end.split()[0] for _, end in lines)
        failures += [f"seed {seed}: {end}" for seed, end in lines if end.startswith("failed")]
        if code:
            failures.append(f"ended with {code} after {len(lines)} files:\n{text[-3000:]}")
    assert not failures, "\n".join(failures)
    assert sum(ends.values()) == count
    return ends


def nothing_outside(folder: Path) -> None:
    """Only the files that the test made, and the model."""
    made = {
        str(path.relative_to(folder / home))
        for home in ("w0", "w1")
        for path in (folder / home).rglob("*")
    }
    inside = ("folder", "fifo", "link.bin", "weights.bin", "model.onnx")
    assert made <= {"outside.bin", "model", *(f"model/{name}" for name in inside)}


def test_damaged_models(tmp_path: Path) -> None:
    ends = run(0, CASES, tmp_path)
    assert ends["refused"] > CASES // 3
    assert ends["imported"] > CASES // 20
    nothing_outside(tmp_path)


@pytest.mark.long
def test_many_damaged_models(tmp_path: Path) -> None:
    ends = run(100_000, MANY, tmp_path)
    print(dict(ends))
    nothing_outside(tmp_path)
