"""Random instances of every library module that stands in a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.hls.rtl.plan import plan

from ..rtl.graphs import graph_of, random_folding
from ..rtl.test_window_parallel import _random_window

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """An instance.

    Args:
        module: library module.
        parameters: those that matter; all integers.
        frame: beats of a frame, per input.
        data: connections of ``s_data`` and ``m_data``, where a bus for them would not do.
    """

    module: str
    parameters: Mapping[str, int | str]
    frame: tuple[int, ...]
    results: int = 1
    data: str = ".s_data(s_data), .m_data(m_data)"

    def dut(self) -> str:
        """The text of the instance."""
        text = ", ".join(f".{name}({value})" for name, value in self.parameters.items())
        if not self.frame:  # a source
            return (
                f"{self.module} #({text}) dut (.clk(clk), .rst(rst), .m_data(m_data),"
                " .m_valid(m_valid), .m_ready(m_ready)); assign s_ready = 0;"
            )
        return (
            f"{self.module} #({text}) dut (.clk(clk), .rst(rst), {self.data}, .s_valid(s_valid),"
            " .s_ready(s_ready), .m_valid(m_valid), .m_ready(m_ready));"
        )


def _between(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _skid(rng: np.random.Generator) -> Case:
    return Case("hwc_skid", {"WIDTH": 1}, (1,))


def _half(rng: np.random.Generator) -> Case:
    return Case("hwc_half", {"WIDTH": 1}, (1,))


def _last(rng: np.random.Generator) -> Case:
    beats = _between(rng, 1, 5)
    return Case(
        "hwc_last", {"WIDTH": 1, "BEATS": beats}, (beats,),
        data=".s_data(s_data), .m_data(m_data), .m_last()",
    )  # fmt: skip


def _constant(rng: np.random.Generator) -> Case:
    words, repeat, rounds = (_between(rng, 1, 3) for _ in range(3))
    return Case(
        "hwc_constant",
        {"WORDS": words, "REPEAT": repeat, "BEATS": words * repeat * rounds, "TABLE": '""'},
        (),
    )


def _fifo(rng: np.random.Generator) -> Case:
    return Case("hwc_fifo", {"WIDTH": 1, "DEPTH": _between(rng, 3, 9)}, (1,))


def _width_down(rng: np.random.Generator) -> Case:
    return Case("hwc_width_down", {"WIDTH": 1, "RATIO": _between(rng, 2, 5)}, (1,))


def _width_up(rng: np.random.Generator) -> Case:
    ratio = _between(rng, 2, 5)
    return Case("hwc_width_up", {"WIDTH": 1, "RATIO": ratio}, (ratio,))


def _mvu(rng: np.random.Generator) -> Case:
    beats = _between(rng, 1, 4)
    return Case("hwc_mvu", {"BEATS": beats, "FOLDS": _between(rng, 1, 3)}, (beats,))


def _reduce(rng: np.random.Generator) -> Case:
    beats = _between(rng, 1, 4)
    return Case("hwc_reduce", {"BEATS": beats}, (beats,))


def _argmax(rng: np.random.Generator) -> Case:
    count = _between(rng, 1, 6)
    return Case("hwc_argmax", {"COUNT": count, "OUT_BITS": 3}, (count,))


def _topk(rng: np.random.Generator) -> Case:
    count = _between(rng, 1, 6)
    return Case("hwc_topk", {"COUNT": count, "K": 1, "OUT_BITS": 3}, (count,))


def _threshold(rng: np.random.Generator) -> Case:
    return Case("hwc_threshold", {"FOLDS": _between(rng, 1, 3)}, (1,))


def _threshold_search(rng: np.random.Generator) -> Case:
    stages = _between(rng, 1, 6)
    return Case(
        "hwc_threshold_search",
        {"STAGES": stages, "K": 2**stages - 1, "OUT_BITS": stages, "TABLES": '""'},
        (1,),
    )


def _rescale(rng: np.random.Generator) -> Case:
    return Case("hwc_rescale", {"FOLDS": _between(rng, 1, 3)}, (1,))


def _table(rng: np.random.Generator) -> Case:
    return Case("hwc_table", {"FOLDS": _between(rng, 1, 3)}, (1,))


def _replay(rng: np.random.Generator) -> Case:
    words = _between(rng, 1, 5)
    return Case("hwc_replay", {"WIDTH": 1, "WORDS": words, "TIMES": _between(rng, 2, 4)}, (words,))


def _window(rng: np.random.Generator) -> Case:
    height, width, groups = (_between(rng, 1, high) for high in (7, 7, 2))
    words = groups * _between(rng, 1, 2)
    while True:
        kernel, stride, dilation = rng.integers(1, 4, 2), rng.integers(1, 4, 2), (1, 1)
        if rng.integers(3) == 0:
            dilation = rng.integers(1, 3, 2)
        low, high = rng.integers(0, 3, (2, 2)) * rng.integers(0, 2)
        reach = (kernel - 1) * dilation + 1
        room = np.array([height, width]) + low + high - reach
        if np.all(room >= 0):
            break
    out = room // stride + 1
    first = max(0, int(reach[0]) - 1 - int(low[0]))
    span = max(
        min(height - 1, first + row * int(stride[0])) - max(0, row * int(stride[0]) - int(low[0]))
        for row in range(int(out[0]))
    )
    rows = span + 2 + _between(rng, 0, 3)
    while rows * width * words < 2:
        rows += 1
    names = ("KERNEL", "STRIDE", "DILATION")
    pairs = {
        f"{name}_{axis}": int(value)
        for name, both in zip(names, (kernel, stride, dilation), strict=True)
        for axis, value in zip("HW", both, strict=True)
    }
    parameters = {
        "LANES": 1, "IN_BITS": 1, "OUT_BITS": 1, "HEIGHT": height, "WIDTH": width, "WORDS": words,
        "GROUPS": groups, "FOLDS": _between(rng, 1, 2), **pairs, "PAD_TOP": int(low[0]),
        "PAD_LEFT": int(low[1]), "OUT_HEIGHT": int(out[0]), "OUT_WIDTH": int(out[1]),
        "ROWS": rows, "PAD": 0,
    }  # fmt: skip
    return Case("hwc_window", parameters, (height * width * words,))


def _fork(rng: np.random.Generator) -> Case:
    count = _between(rng, 2, 4)
    return Case("hwc_fork", {"WIDTH": 1, "COUNT": count}, (1,), results=count)


def _permute(rng: np.random.Generator) -> Case:
    """A transposition, a repetition or a cut-out of a block; or whatever a table says."""
    rows, columns, times = (_between(rng, 1, 4) for _ in range(3))
    depth = rows * columns
    sizes, strides = (
        [(rows, columns), (columns, 1)] if rng.integers(2) else [(columns, 1), (rows, columns)]
    )
    loops = [sizes, strides] + ([(times, 0)] if rng.integers(2) else [])
    order = np.zeros(1, np.int64)
    words, steps, back = 0, 0, 0
    for number, (size, stride) in enumerate(loops):
        order = (np.arange(size)[:, None] * stride + order).reshape(-1)
        words |= size << 32 * number
        steps |= ((stride - back) & 0xFFFFFFFF) << 32 * number
        back += (size - 1) * stride
    bits = 32 * len(loops)
    tabled = int(rng.integers(3) == 0)
    parameters: dict[str, int | str] = {
        "WIDTH": 1, "DEPTH": depth, "COUNT": len(order), "LOOPS": len(loops),
        "SIZES": f"{bits}'d{words}", "STEPS": f"{bits}'d{steps}", "START": 0, "TABLED": tabled,
    }  # fmt: skip
    return Case("hwc_permute", parameters, (depth,))


def _image(rng: np.random.Generator) -> tuple[int, int, int]:
    return _between(rng, 1, 6), _between(rng, 1, 6), _between(rng, 1, 3)


def _pool(rng: np.random.Generator) -> Case:
    height, width, words = _image(rng)
    kernel = (_between(rng, 1, height), _between(rng, 1, width))
    stride = tuple(size + _between(rng, 0, 1) for size in kernel)
    out = [(n - k) // s + 1 for n, k, s in zip((height, width), kernel, stride, strict=True)]
    parameters = {
        "HEIGHT": height, "WIDTH": width, "WORDS": words, "KERNEL_H": kernel[0],
        "KERNEL_W": kernel[1], "STRIDE_H": stride[0], "STRIDE_W": stride[1],
        "OUT_HEIGHT": out[0], "OUT_WIDTH": out[1],
    }  # fmt: skip
    return Case("hwc_pool", parameters, (height * width * words,))


def _subsample(rng: np.random.Generator) -> Case:
    height, width, words = _image(rng)
    parameters = {
        "BITS": 1, "HEIGHT": height, "WIDTH": width, "WORDS": words,
        "STRIDE_H": _between(rng, 1, 3), "STRIDE_W": _between(rng, 1, 3),
    }  # fmt: skip
    return Case("hwc_subsample", parameters, (height * width * words,))


def _literal(values: list[int]) -> str:
    word = sum(value << 32 * i for i, value in enumerate(values))
    return f"{32 * len(values)}'d{word}"


def _turns(rng: np.random.Generator) -> tuple[list[int], dict[str, int | str]]:
    beats = [_between(rng, 1, 4) for _ in range(_between(rng, 2, 4))]
    return beats, {"COUNT": len(beats), "BEATS": _literal(beats), "LONGEST": max(beats)}


def _split(rng: np.random.Generator) -> Case:
    beats, parameters = _turns(rng)
    return Case("hwc_split", {"WIDTH": 1, **parameters}, (sum(beats),), results=len(beats))


def _packed(count: int) -> dict[str, int | str]:
    """Inputs of one bit side by side."""
    return {
        "COUNT": count, "S_WIDTH": count, "OFFSETS": _literal(list(range(count))),
        "WIDTHS": f"{16 * count}'d{sum(1 << 16 * i for i in range(count))}",
        "KINDS": f"{4 * count}'d0",
    }  # fmt: skip


def _concat(rng: np.random.Generator) -> Case:
    beats, parameters = _turns(rng)
    parameters = {**_packed(len(beats)), **parameters, "OUT_BITS": 1}
    lead = _between(rng, 0, len(beats) - 1)
    return Case("hwc_concat", {**parameters, "LEAD": lead}, tuple(beats))


def _add(rng: np.random.Generator) -> Case:
    count, stages = _between(rng, 2, 4), _between(rng, 1, 3)
    parameters = {
        **_packed(count), "FACTORS": f"{64 * count}'d0", "NEGATIVE": f"{count}'d0",
        "SLOTS": f"{8 * count}'d{0 if stages == 3 else 256**count - 1}",
        "TABLES": int(stages == 3), "STAGES": stages,
    }  # fmt: skip
    return Case("hwc_add", parameters, (1,) * count)


def _reduce_taps(rng: np.random.Generator) -> Case:
    return Case("hwc_reduce_taps", {"IN_BITS": 1, "OUT_BITS": 1, "TAPS": _between(rng, 1, 4)}, (1,))


def _gate(rng: np.random.Generator) -> Case:
    return Case("hwc_gate", {"LANES": 1}, (1, 1))


def _zip(rng: np.random.Generator) -> Case:
    count = _between(rng, 2, 4)
    parameters = {
        **_packed(count), "PIXEL": count, "LANES": _literal([1] * count),
        "PLACES": _literal(list(range(count))), "OUT_BITS": 1,
    }  # fmt: skip
    return Case("hwc_zip", parameters, (1,) * count)


def _unzip(rng: np.random.Generator) -> Case:
    count = _between(rng, 2, 4)
    parameters = {
        "PIXEL": count, "COUNT": count, "OFFSETS": _literal(list(range(count))),
        "WIDTHS": _literal([1] * count),
    }  # fmt: skip
    return Case("hwc_unzip", parameters, (1,), results=count)


def _window_parallel(rng: np.random.Generator) -> Case:
    """The geometry of a generated one, with banks of any depth that does."""
    window, pixels = _random_window(rng)
    words = 1 if pixels > 1 else _between(rng, 1, 3)
    taken = window.pixels_in(pixels)
    row = window.image[1] // taken * words
    depth = window.bank_depth(words, pixels)
    if window.reach[0] > 1:  # whole rows
        depth += row * _between(rng, 0, 1)
    parameters = {
        "LANES": 1, "PIXELS": pixels, "PIXELS_IN": taken, "IN_BITS": 1, "OUT_BITS": 1,
        "HEIGHT": window.image[0], "WIDTH": window.image[1], "WORDS": words,
        "FOLDS": 1 if pixels > 1 else _between(rng, 1, 3),
        "KERNEL_H": window.kernel[0], "KERNEL_W": window.kernel[1],
        "STRIDE_H": window.stride[0], "STRIDE_W": window.stride[1],
        "DILATION_H": window.dilation[0], "DILATION_W": window.dilation[1],
        "PAD_TOP": window.before[0], "PAD_LEFT": window.before[1],
        "OUT_HEIGHT": window.output[0], "OUT_WIDTH": window.output[1], "DEPTH": depth, "PAD": 0,
    }  # fmt: skip
    return Case("hwc_window_parallel", parameters, (window.image[0] * row,))


def _window_up(rng: np.random.Generator) -> Case:
    """The window that is generated for a random transposed convolution."""
    graph = graph_of("ConvTranspose", rng)
    design = plan(graph, random_folding(graph, rng)).design()
    (window,) = (item for item in design.instances if item.module == "hwc_window_up")
    p: dict[str, int | str] = dict(window.parameters)
    for name in ("TAPS", "LINE_STEP", "RING_STEP", "COLUMN_STEP", "BASES"):
        for key in (f"{name}_H", f"{name}_W", name):
            if key in p:
                p[key] = f"4096'd{p[key]}"
    p |= {"LANES": 1, "IN_BITS": 1, "KIND": 0, "OUT_BITS": 1}
    beats = window.parameters["HEIGHT"] * window.parameters["WIDTH"] * window.parameters["WORDS"]
    return Case("hwc_window_up", p, (beats,))


CASES: dict[str, Callable[[np.random.Generator], Case]] = {
    "hwc_add": _add,
    "hwc_argmax": _argmax,
    "hwc_concat": _concat,
    "hwc_constant": _constant,
    "hwc_fifo": _fifo,
    "hwc_fork": _fork,
    "hwc_gate": _gate,
    "hwc_half": _half,
    "hwc_last": _last,
    "hwc_mvu": _mvu,
    "hwc_permute": _permute,
    "hwc_pool": _pool,
    "hwc_reduce": _reduce,
    "hwc_reduce_taps": _reduce_taps,
    "hwc_replay": _replay,
    "hwc_rescale": _rescale,
    "hwc_skid": _skid,
    "hwc_split": _split,
    "hwc_subsample": _subsample,
    "hwc_table": _table,
    "hwc_threshold": _threshold,
    "hwc_threshold_search": _threshold_search,
    "hwc_topk": _topk,
    "hwc_unzip": _unzip,
    "hwc_width_down": _width_down,
    "hwc_width_up": _width_up,
    "hwc_window": _window,
    "hwc_window_parallel": _window_parallel,
    "hwc_window_up": _window_up,
    "hwc_zip": _zip,
}
