"""Yosys reads the library as the simulators do: its gates give the same integers."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hwcompress.hls.rtl import Design
from hwcompress.tools import need

from .designs import check_design
from .test_generate import tiny_net


def _gates(design: Design) -> list[str]:
    """The flattened netlist of generic gates, memories included."""
    script = [
        f"read_verilog -defer {' '.join(design.files)}",
        f"synth -flatten -noabc -top {design.top}",
        "write_verilog -noattr gates.v",
    ]
    (design.folder / "gates.ys").write_text("\n".join(script) + "\n")
    tool = need("yosys")
    done = subprocess.run(
        [*tool.argv, "-q", "gates.ys"],
        cwd=design.folder, env=tool.env(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return ["gates.v"]


def test_gates_equal_the_reference(tmp_path: Path) -> None:
    """A net with every family of engines, as gates, under stalls."""
    graph, folding = tiny_net()
    check_design(graph, folding, tmp_path, frames=3, stalls=(60, 60), rewrite=_gates)
