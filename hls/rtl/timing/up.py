"""Models of a transposed convolution: outputs with different numbers of beats."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.rtl.timing.registry import Parameters, model
from hwcompress.sim.timing import Buffer, Model, Pipeline, Slice, Step, pipeline

__all__ = ["tagged_sums"]


@model("hwc_window_up")
def _window_up(p: Parameters) -> Model:
    """A segment is an output pixel: all its groups, repetitions and kernel positions."""
    row = p["WIDTH"] * p["WORDS"]
    lines = _firsts(p["LINE_START"], p["LINE_STEP"], p["PHASE_H"], p["STRIDE_H"], p["OUT_HEIGHT"])
    columns = _firsts(
        p["COLUMN_START"], p["COLUMN_STEP"], p["PHASE_W"], p["STRIDE_W"], p["OUT_WIDTH"]
    )
    line = np.clip(lines, 0, (p["HEIGHT"] - 1) * row)
    column = np.clip(columns, 0, row - p["WORDS"]) + p["WORDS"]
    turns = (np.arange(p["OUT_HEIGHT"]) + p["PHASE_H"]) // p["STRIDE_H"]
    tops = np.clip(p["TOP_START"] + turns * row, 0, p["HEIGHT"] * row)
    sums = _sums(p) * p["GROUPS"] * p["FOLDS"]
    return Buffer(
        depth=p["ROWS"] * row - 1,
        frame=p["HEIGHT"] * row,
        needs=np.add.outer(line, column).reshape(-1),
        keeps=np.repeat(tops, p["OUT_WIDTH"]),
        repeat=sums.reshape(-1),
        late_room=True,
    )


def tagged_sums(window: Parameters) -> Model:
    """``hwc_mvu`` with TAGGED = 1 behind an ``hwc_window_up`` with these parameters."""
    sums = _sums(window)
    half = Slice.HALF if sums.min() > 1 else Slice.SKID
    if np.all(sums == sums[0, 0]):
        return pipeline(4, period=int(sums[0, 0]), output=half)
    program: list[Step] = []
    for row in sums.tolist():
        for beats in row:
            one = [Step(1)] if beats == 1 else [Step(beats - 1, gives=()), Step(1)]
            program += one * (window["GROUPS"] * window["FOLDS"])
    return Pipeline(4, tuple(program), (half,))


def _sums(p: Parameters) -> np.ndarray:
    """Beats of a sum for every output pixel, int64 ``(rows, columns)``."""
    rows = _taps(p["TAPS_H"], p["PHASE_H"], p["STRIDE_H"], p["OUT_HEIGHT"])
    columns = _taps(p["TAPS_W"], p["PHASE_W"], p["STRIDE_W"], p["OUT_WIDTH"])
    beats = np.multiply.outer(rows, columns) * (p["WORDS"] // p["GROUPS"])
    return np.asarray(np.maximum(beats, 1))


def _taps(table: int, phase: int, stride: int, count: int) -> np.ndarray:
    taps = np.array([table >> 32 * i & 0xFFFFFFFF for i in range(stride)], np.int64)
    return taps[(np.arange(count) + phase) % stride]


def _firsts(start: int, table: int, phase: int, stride: int, count: int) -> np.ndarray:
    """Where the first input row or column of every output lies, in beats."""
    raw = np.array([table >> 32 * i & 0xFFFFFFFF for i in range(stride)], np.int64)
    steps = (raw ^ 0x80000000) - 0x80000000
    moves = steps[(np.arange(count - 1) + phase) % stride]
    return start + np.concatenate([[0], np.cumsum(moves)])
