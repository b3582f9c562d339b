"""Models of the modules in hls/rtl/library."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.rtl.timing.registry import Parameters, model
from hwcompress.sim.timing import (
    Buffer,
    Model,
    Narrower,
    Pipeline,
    Slice,
    Step,
    Sweep,
    filtering,
    fork,
    pipeline,
)

__all__: list[str] = []


@model("hwc_skid", "hwc_last")
def _skid(p: Parameters) -> Model:
    return pipeline(0)


@model("hwc_half")
def _half(p: Parameters) -> Model:
    return pipeline(0, output=Slice.HALF)


@model("hwc_fork", "hwc_unzip")
def _fork(p: Parameters) -> Model:
    return fork(p["COUNT"])


@model("hwc_fifo")
def _fifo(p: Parameters) -> Model:
    """The register behind the memory holds one of the beats."""
    return Buffer(p["DEPTH"] - 1, stages=0, output=Slice.PLAIN)


@model("hwc_width_down")
def _width_down(p: Parameters) -> Model:
    return Narrower(p["RATIO"])


@model("hwc_width_up")
def _width_up(p: Parameters) -> Model:
    """Parts are taken whether the slice is full or not, but for the last one."""
    return Pipeline(0, (Step(p["RATIO"] - 1, gives=()), Step(1)), (Slice.HALF,), eager=True)


@model("hwc_mvu")
def _mvu(p: Parameters) -> Model:
    return pipeline(4, period=p["BEATS"])


@model("hwc_reduce")
def _reduce(p: Parameters) -> Model:
    return pipeline(2, period=p["BEATS"])


@model("hwc_argmax", "hwc_topk")
def _argmax(p: Parameters) -> Model:
    return pipeline(2, period=p["COUNT"])


@model("hwc_threshold")
def _threshold(p: Parameters) -> Model:
    return pipeline(3)


@model("hwc_threshold_search")
def _threshold_search(p: Parameters) -> Model:
    return pipeline(2 * p["STAGES"] + 1)


@model("hwc_rescale")
def _rescale(p: Parameters) -> Model:
    return pipeline(5)


@model("hwc_replay")
def _replay(p: Parameters) -> Model:
    words, times = p["WORDS"], p["TIMES"]
    return Buffer(2 * words, words, np.tile(np.arange(1, words + 1), times))


@model("hwc_permute")
def _permute(p: Parameters) -> Model:
    """Two blocks; one read from a table starts, and any other ends, when it is complete."""
    depth, count = p["DEPTH"], p["COUNT"]
    if p.get("TABLED", 0):
        return Buffer(2 * depth, depth, np.array([depth]), repeat=count)
    address = np.array([p.get("START", 0)])
    jump = 0  # from the start of all loops inside to their end
    for loop in range(p["LOOPS"]):
        size, step = ((p[name] >> 32 * loop) & 0xFFFFFFFF for name in ("SIZES", "STEPS"))
        step -= (step >> 31) << 32
        address = (address + np.arange(size)[:, None] * (jump + step)).reshape(-1)
        jump += (size - 1) * (jump + step)
    needs = address + 1
    needs[-1] = depth
    return Buffer(2 * depth, depth, needs)


@model("hwc_pool")
def _pool(p: Parameters) -> Model:
    """The beats of a window's last pixel give one each."""
    words = p["WORDS"]
    gives = np.zeros((p["HEIGHT"], p["WIDTH"], words), np.bool_)
    rows = np.arange(p["OUT_HEIGHT"]) * p["STRIDE_H"] + p["KERNEL_H"] - 1
    columns = np.arange(p["OUT_WIDTH"]) * p["STRIDE_W"] + p["KERNEL_W"] - 1
    gives[np.ix_(rows, columns)] = True
    half = words == 1 and p["KERNEL_W"] > 1
    return Pipeline(2, filtering(gives.reshape(-1)), (Slice.HALF if half else Slice.SKID,))


@model("hwc_subsample")
def _subsample(p: Parameters) -> Model:
    gives = np.zeros((p["HEIGHT"], p["WIDTH"], p["WORDS"]), np.bool_)
    gives[:: p["STRIDE_H"], :: p["STRIDE_W"]] = True
    return Pipeline(0, filtering(gives.reshape(-1)))


@model("hwc_table")
def _table(p: Parameters) -> Model:
    return pipeline(1)


@model("hwc_window")
def _window(p: Parameters) -> Model:
    """A segment is an output pixel: all its groups, repetitions and kernel positions."""
    words = p["WORDS"]
    row = p["WIDTH"] * words
    last_row = _last_read(
        p["OUT_HEIGHT"], p["KERNEL_H"], p["STRIDE_H"], p["DILATION_H"], p["PAD_TOP"], p["HEIGHT"]
    )
    last_column = _last_read(
        p["OUT_WIDTH"], p["KERNEL_W"], p["STRIDE_W"], p["DILATION_W"], p["PAD_LEFT"], p["WIDTH"]
    )
    top = np.arange(p["OUT_HEIGHT"]) * p["STRIDE_H"] - p["PAD_TOP"]
    keeps = np.clip(top, 0, p["HEIGHT"]) * row
    needs = last_row[:, None] * row + (last_column[None, :] + 1) * words
    return Buffer(
        depth=p["ROWS"] * row - 1,
        frame=p["HEIGHT"] * row,
        needs=needs.reshape(-1),
        keeps=np.repeat(keeps, p["OUT_WIDTH"]),
        repeat=p["FOLDS"] * p["KERNEL_H"] * p["KERNEL_W"] * words,
        late_room=True,
    )


@model("hwc_window_parallel")
def _window_parallel(p: Parameters) -> Model:
    taken, pixels = p["PIXELS_IN"], p["PIXELS"]
    row = p["WIDTH"] // taken * p["WORDS"]
    reach_h = p["DILATION_H"] * (p["KERNEL_H"] - 1) + 1
    reach_w = p["DILATION_W"] * (p["KERNEL_W"] - 1) + 1
    edge = (pixels - 1) * p["STRIDE_W"] + reach_w - 1 - p["PAD_LEFT"]
    rows = _last_read(
        p["OUT_HEIGHT"], p["KERNEL_H"], p["STRIDE_H"], p["DILATION_H"], p["PAD_TOP"], p["HEIGHT"]
    )
    return Sweep(
        depth=reach_h * p["DEPTH"] - 1,
        frame=p["HEIGHT"] * row,
        starts=rows * row,
        tops=(np.arange(p["OUT_HEIGHT"]) * p["STRIDE_H"] - p["PAD_TOP"]) * row,
        row=row,
        lag=edge // taken * p["WORDS"],
        words=p["WORDS"],
        skip=pixels * p["STRIDE_W"] // taken,
        columns=p["OUT_WIDTH"] // pixels,
        folds=p["FOLDS"],
    )


def _last_read(
    count: int, kernel: int, stride: int, dilation: int, pad: int, size: int
) -> np.ndarray:
    """Along one axis: the last position inside the image that each window needs."""
    first = max(dilation * (kernel - 1) - pad, 0)
    return np.minimum(min(first, size - 1) + np.arange(count) * stride, size - 1)


@model("hwc_add")
def _add(p: Parameters) -> Model:
    return pipeline(p["STAGES"], inputs=p["COUNT"])


@model("hwc_reduce_taps")
def _reduce_taps(p: Parameters) -> Model:
    return pipeline(2)


@model("hwc_gate")
def _gate(p: Parameters) -> Model:
    return pipeline(2, inputs=2)


@model("hwc_zip")
def _zip(p: Parameters) -> Model:
    return pipeline(0, inputs=p["COUNT"])


@model("hwc_concat")
def _concat(p: Parameters) -> Model:
    lead = p.get("LEAD", 0)
    steps = (
        Step(n, (i,), needs=(lead,) if i < lead else ()) for i, n in enumerate(_fields(p, "BEATS"))
    )
    return Pipeline(0, tuple(steps))


@model("hwc_split")
def _split(p: Parameters) -> Model:
    steps = tuple(Step(n, (0,), (i,)) for i, n in enumerate(_fields(p, "BEATS")))
    return Pipeline(0, steps, (Slice.SKID,) * p["COUNT"], eager=True)


@model("hwc_constant")
def _constant(p: Parameters) -> Model:
    return Pipeline(1, (Step(p["BEATS"], takes=()),))


def _fields(p: Parameters, name: str) -> list[int]:
    """One field of 32 bits for each of ``COUNT`` streams, the first one lowest."""
    return [p[name] >> 32 * i & 0xFFFFFFFF for i in range(p["COUNT"])]
