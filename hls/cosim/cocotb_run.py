"""Builds and runs the bench through cocotb's runner, as a process of its own.

``python -m hwcompress.hls.cosim.cocotb_run JOB`` where JOB is the JSON file
of :mod:`hwcompress.hls.cosim.bench`. A process of its own, because the runner
takes its settings from the process environment and ends in ``SystemExit``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cocotb_tools.runner import get_runner

from hwcompress.hls.cosim.cocotb_bench import JOB_VARIABLE

__all__ = ["main"]

# Verilator's VPI needs only the ports: the runner's default makes every signal
# of the design visible, which multiplies the time of the compilation.
_BUILD_ARGS = {
    "verilator": [
        "--no-public-flat-rw",
        "--public-depth", "1",
        "--no-timing",
        "--x-initial", "unique",
        "-Wno-fatal",
        "-Wno-lint",
        "-Wno-style",
    ],
    "icarus": [],
}  # fmt: skip


def main(path: str) -> None:
    """Runs the job in the file ``path``; ends in an exception if a step fails."""
    job = json.loads(Path(path).read_text())
    build = Path(job["build"])
    done = build / "complete"
    runner = get_runner(job["simulator"])
    design = Path(job["design"])
    if not done.is_file():
        runner.build(
            sources=[design / name for name in job["files"]],
            hdl_toplevel=job["top"],
            build_dir=build,
            build_args=_BUILD_ARGS[job["simulator"]],
            timescale=("1ns", "1ps"),
            always=True,
        )
        done.touch()
    runner.test(
        test_module="hwcompress.hls.cosim.cocotb_bench",
        hdl_toplevel=job["top"],
        hdl_toplevel_lang="verilog",
        build_dir=build,
        # The memories are found by relative name.
        test_dir=design,
        results_xml=job["junit"],
        extra_env={JOB_VARIABLE: path},
        timescale=("1ns", "1ps"),
    )


if __name__ == "__main__":
    main(sys.argv[1])
