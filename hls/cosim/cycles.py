"""Figures that both kinds of simulation take from the cycles they saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["steady_interval"]


def steady_interval(frame_ends: Sequence[int] | np.ndarray) -> float | None:
    """Mean cycles between frame ends over the second half of a run.

    The first half is left out because a design fills its buffers first. None
    for fewer than four frames. An integer value when the design is in a
    steady state.
    """
    count = len(frame_ends)
    if count < 4:
        return None
    start = count // 2 - 1
    return float(frame_ends[-1] - frame_ends[start]) / (count - 1 - start)
