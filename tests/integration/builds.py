"""Whole builds as a user runs them, and what their reports must say."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Result", "build"]


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
