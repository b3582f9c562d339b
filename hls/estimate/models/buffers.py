"""Modules that hold and pass beats."""

from __future__ import annotations

from hwcompress.hls.estimate.memory import ram
from hwcompress.hls.estimate.part import Part, bits_for
from hwcompress.hls.estimate.shape import Contents, Shape, model, tree_luts

__all__: list[str] = []


@model("hwc_skid")
def _skid(part: Part, shape: Shape, contents: Contents) -> None:
    shape.ff = 2 * part["WIDTH"] + 2
    shape.luts(bits=part["WIDTH"], one=1)


@model("hwc_half")
def _half(part: Part, shape: Shape, contents: Contents) -> None:
    shape.ff = part["WIDTH"] + 1
    shape.luts(one=1)


@model("hwc_slice")
def _slice(part: Part, shape: Shape, contents: Contents) -> None:
    half = part["PERIOD"] > 1
    shape.part("hwc_half" if half else "hwc_skid", {"WIDTH": part["WIDTH"]})
    shape.luts(half=int(half))


@model("hwc_fork")
def _fork(part: Part, shape: Shape, contents: Contents) -> None:
    shape.part("hwc_skid", {"WIDTH": part["WIDTH"]}, part["COUNT"])
    shape.luts(all=tree_luts(part["COUNT"]), one=1)


@model("hwc_unzip")
def _unzip(part: Part, shape: Shape, contents: Contents) -> None:
    for width in part.fields("WIDTHS", 32, part["COUNT"]):
        shape.part("hwc_skid", {"WIDTH": part["PIXELS"] * width})
    shape.luts(all=tree_luts(part["COUNT"]), one=1)


@model("hwc_last")
def _last(part: Part, shape: Shape, contents: Contents) -> None:
    shape.part("hwc_skid", {"WIDTH": part["WIDTH"] + 1})
    shape.counter(part["BEATS"])
    shape.luts(one=1)


@model("hwc_fifo")
def _fifo(part: Part, shape: Shape, contents: Contents) -> None:
    width, words = part["WIDTH"], part["DEPTH"] - 1
    address, count = bits_for(words), bits_for(words + 1)
    shape.counter(words)
    shape.counter(words)
    shape.ff += count + 1
    ram(shape, width, words)
    # The number of beats goes up and down, and is compared with none and with all.
    shape.luts(one=1, count_bits=count, full=2 * tree_luts(count), address_bits=address)


@model("hwc_width_down")
def _width_down(part: Part, shape: Shape, contents: Contents) -> None:
    width, ratio = part["WIDTH"], part["RATIO"]
    shape.ff = ratio * width + 1
    shape.counter(ratio)
    shape.part("hwc_skid", {"WIDTH": width})
    each = 1
    if shape.family == "ecp5":
        # The end of the count is decided anew for every bit: in a LUT of six inputs, which
        # is four, or of seven. Which of the two was found by synthesis of these ratios.
        count = bits_for(ratio)
        each = 4 if count <= 2 or (count == 4 and ratio not in (12, 14)) else 8
    shape.luts(one=1, shifted=each * (ratio - 1) * width)


@model("hwc_width_up")
def _width_up(part: Part, shape: Shape, contents: Contents) -> None:
    width, ratio = part["WIDTH"], part["RATIO"]
    shape.ff = (ratio - 1) * width
    shape.counter(ratio)
    shape.part("hwc_half", {"WIDTH": ratio * width})
    shape.luts(one=1)


@model("hwc_replay")
def _replay(part: Part, shape: Shape, contents: Contents) -> None:
    width, words, times = part["WIDTH"], part["WORDS"], part["TIMES"]
    depth = 2 * words
    address, count, passes = bits_for(depth), bits_for(depth + 1), bits_for(times)
    word = count
    shape.counter(depth)
    shape.ff += address + count + word + passes + 2
    ram(shape, width, depth)
    shape.part("hwc_skid", {"WIDTH": width})
    shape.wrap(times)
    ragged = int(depth & (depth - 1) != 0)
    shape.luts(
        one=1, read_bits=address, read_ragged=address * ragged, count_bits=count, word_bits=word,
        word_equal=tree_luts(word) if words > 1 else 0,
    )  # fmt: skip
