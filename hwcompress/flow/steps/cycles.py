"""The cycle model against the cycles that a simulation of the Verilog took."""

from __future__ import annotations

import numpy as np

from hwcompress import __version__
from hwcompress.errors import CheckFailed
from hwcompress.hls.cosim.record import Run
from hwcompress.hls.rtl.design import Design
from hwcompress.hls.rtl.timing import timing_of
from hwcompress.report.facts import Check

__all__ = ["check_cycles"]


def check_cycles(design: Design, run: Run, by: str) -> Check:
    """Compare the first and the last beat of every frame on every output port.

    The model's cycles are known frame by frame until it has settled; from
    there on it says that they repeat, which is checked for the rest.

    Args:
        design: what was simulated.
        run: back to back, without pauses.
        by: what simulated it.

    Raises:
        CheckFailed: a cycle differs.
    """
    timing = timing_of(design)
    steady = timing.steady
    start = run.first_input_cycle
    origin = min(int(steady.streams[port.port].first[0]) for port in design.inputs)
    compared = 0
    for port, seen in run.output_ports.items():
        predicted = steady.streams[port]
        for what, ours, theirs in (
            ("first", predicted.first, seen.first),
            ("last", predicted.last, seen.last),
        ):
            ours = ours[ours >= 0]  # what the model ran through
            known = min(len(ours), len(theirs))
            ends = np.asarray(theirs) - start
            expected = np.asarray(ours[:known]) - origin
            _equal(design, port, what, ends[:known], expected, 0)
            rest = np.arange(max(known, steady.frames), len(ends))
            repeated = ends[rest - steady.frames] + steady.cycles
            _equal(design, port, what, ends[rest], repeated, known)
            compared += known + len(rest)
    return Check(
        "Verilog",
        f"cycle model of hwcompress {__version__}",
        "first and last beat of every frame",
        len(run.frame_end_cycles),
        compared,
        0,
        by,
    )


def _equal(
    design: Design, port: str, what: str, seen: np.ndarray, expected: np.ndarray, frame: int
) -> None:
    wrong = np.flatnonzero(seen != expected)
    if wrong.size:
        place = int(wrong[0])
        raise CheckFailed(
            f"the {what} beat of frame {frame + place} passed in cycle {seen[place]},"
            f" the model says {expected[place]}",
            where=f"port {port} of {design.graph}",
            why=f"{wrong.size} of {len(seen)} frames differ",
            remedy="this is a defect of hwcompress; please report it",
        )
