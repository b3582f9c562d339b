"""Modules that hold and pass beats."""

from __future__ import annotations

from hwcompress.hls.estimate.memory import ram
from hwcompress.hls.estimate.part import Part, bits_for
from hwcompress.hls.estimate.shape import Contents, Shape, equal_luts, model, tree_luts

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
    shape.ff = 2 * address + count + 1
    shape.ff += 0 if ram(shape, width, words) else width
    whole = words == 1 << address
    shape.luts(
        one=1,
        address_bits=2 * address,
        count_bits=count,
        equal=0 if whole else 2 * tree_luts(address),
        full=2 * tree_luts(count),
    )


@model("hwc_width_down")
def _width_down(part: Part, shape: Shape, contents: Contents) -> None:
    width, ratio = part["WIDTH"], part["RATIO"]
    shape.ff = ratio * width + bits_for(ratio) + 1
    shape.part("hwc_skid", {"WIDTH": width})
    shape.luts(one=1, shifted=(ratio - 1) * width, counter_bits=bits_for(ratio),
               equal=equal_luts(ratio))  # fmt: skip


@model("hwc_width_up")
def _width_up(part: Part, shape: Shape, contents: Contents) -> None:
    width, ratio = part["WIDTH"], part["RATIO"]
    shape.ff = (ratio - 1) * width + bits_for(ratio)
    shape.part("hwc_half", {"WIDTH": ratio * width})
    shape.luts(one=1, counter_bits=bits_for(ratio), equal=equal_luts(ratio))


@model("hwc_replay")
def _replay(part: Part, shape: Shape, contents: Contents) -> None:
    width, words, times = part["WIDTH"], part["WORDS"], part["TIMES"]
    depth = 2 * words
    address, count, passes = bits_for(depth), bits_for(depth + 1), bits_for(times)
    word = count if words > 1 else 0
    shape.ff = 2 * address + count + word + passes + 2
    shape.ff += 0 if ram(shape, width, depth) else width
    shape.part("hwc_skid", {"WIDTH": width})
    shape.luts(one=1, address_bits=address, count_bits=count, word_bits=word, pass_bits=passes,
               equal=2 * tree_luts(address) + tree_luts(word) + equal_luts(times))  # fmt: skip
