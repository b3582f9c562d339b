"""Modules that join, cut and reorder streams."""

from __future__ import annotations

from functools import reduce
from operator import or_

from hwcompress.hls.estimate.memory import ram
from hwcompress.hls.estimate.part import Part, bits_for
from hwcompress.hls.estimate.shape import Contents, Shape, model, tree_luts

__all__: list[str] = []


@model("hwc_wires")
def _wires(part: Part, shape: Shape, contents: Contents) -> None:
    """No logic at all."""


@model("hwc_constant")
def _constant(part: Part, shape: Shape, contents: Contents) -> None:
    width, words = part["WIDTH"], part["WORDS"]
    shape.part("hwc_rom", {"WIDTH": width, "DEPTH": words, "TABLE": part.text("TABLE")})
    shape.part("hwc_skid", {"WIDTH": part["COPIES"] * width})
    shape.ff = 1
    shape.counter(part["REPEAT"])
    shape.counter(words)


@model("hwc_turn")
def _turn(part: Part, shape: Shape, contents: Contents) -> None:
    count, longest = part["COUNT"], part["LONGEST"]
    shape.ff = count + bits_for(longest)
    beats = part.fields("BEATS", 32, count)
    width = bits_for(longest)
    # A turn that does not end where the count wraps clears the bits of its length;
    # lengths with many low zeros are compared in their upper bits only.
    cut = set(beats) - {1 << width}
    if not cut:
        shape.luts(whole=1)
        return
    cleared = reduce(or_, cut)
    low = min((length & -length).bit_length() - 1 for length in cut)
    shape.luts(
        one=1, cleared=cleared.bit_count(), span=width - low, counter_bits=width,
        turns=tree_luts(width + count),
    )  # fmt: skip


@model("hwc_split")
def _split(part: Part, shape: Shape, contents: Contents) -> None:
    count = part["COUNT"]
    shape.part("hwc_turn", {name: part[name] for name in ("COUNT", "LONGEST", "BEATS")})
    shape.part("hwc_skid", {"WIDTH": part["WIDTH"]}, count)
    shape.luts(one=1, outputs=count)


def _joined(part: Part, shape: Shape, lanes: list[int], times: int = 1) -> None:
    """Casts of the inputs to the output's elements."""
    count = part["COUNT"]
    widths, kinds = part.fields("WIDTHS", 16, count), part.fields("KINDS", 4, count)
    for width, kind, lane in zip(widths, kinds, lanes, strict=True):
        given: dict[str, int | str] = {
            "LANES": lane, "IN_BITS": width, "KIND": kind, "OUT_BITS": part["OUT_BITS"],
        }  # fmt: skip
        shape.part("hwc_cast", given, times)


@model("hwc_concat")
def _concat(part: Part, shape: Shape, contents: Contents) -> None:
    count, lanes = part["COUNT"], part["LANES"]
    bits = lanes * part["OUT_BITS"]
    shape.part("hwc_turn", {name: part[name] for name in ("COUNT", "LONGEST", "BEATS")})
    shape.part("hwc_skid", {"WIDTH": bits})
    _joined(part, shape, [lanes] * count)
    shape.luts(one=1, inputs=count, select=bits * -(-count // 3), lead=int(part["LEAD"] > 0))


@model("hwc_zip")
def _zip(part: Part, shape: Shape, contents: Contents) -> None:
    count = part["COUNT"]
    shape.part("hwc_skid", {"WIDTH": part["PIXELS"] * part["PIXEL"]})
    _joined(part, shape, part.fields("LANES", 32, count), part["PIXELS"])
    shape.luts(inputs=count, one=1)


@model("hwc_gate")
def _gate(part: Part, shape: Shape, contents: Contents) -> None:
    lanes, out = part["LANES"], part["OUT_BITS"]
    shape.ff = lanes * (part["X_BITS"] + out) + part["G_LANES"] * part["G_BITS"] + 2
    shape.part("hwc_skid", {"WIDTH": lanes * out})
    if part["X_KIND"] == 2 and part["G_KIND"] == 2:
        shape.luts(xnor=lanes)
    else:
        given = {
            "X_BITS": part["X_BITS"], "X_KIND": part["X_KIND"], "W_BITS": part["G_BITS"],
            "W_KIND": part["G_KIND"], "P_BITS": part["P_BITS"],
        }  # fmt: skip
        shape.part("hwc_mul", given, lanes)
    shape.luts(one=1)


@model("hwc_subsample")
def _subsample(part: Part, shape: Shape, contents: Contents) -> None:
    shape.part("hwc_skid", {"WIDTH": part["BITS"]})
    for name in ("WORDS", "WIDTH", "STRIDE_W"):
        shape.counter(part[name])
    if part["STRIDE_H"] > 1:
        shape.counter(part["HEIGHT"])
        shape.counter(part["STRIDE_H"])
    else:
        shape.ff += 1  # of the row's phase, which never leaves zero
    shape.luts(one=1)


@model("hwc_permute")
def _permute(part: Part, shape: Shape, contents: Contents) -> None:
    width, depth, count = part["WIDTH"], part["DEPTH"], part["COUNT"]
    address = bits_for(2 * depth)
    shape.ff = address + 5
    ram(shape, width, 2 * depth)
    shape.part("hwc_skid", {"WIDTH": width})
    shape.luts(one=1, address_bits=address, equal=2 * tree_luts(address))
    if part["TABLED"]:
        shape.part(
            "hwc_rom",
            {"WIDTH": max(bits_for(depth), 1), "DEPTH": count, "TABLE": part.text("TABLE")},
        )
        shape.ff += bits_for(count)
        shape.luts(tabled=1, place_bits=bits_for(count), base_bits=address)
        return
    shape.ff += address
    loops = part["LOOPS"]
    for size in part.fields("SIZES", 32, loops):
        shape.counter(size)
    shape.luts(step_bits=address, choice_bits=address * (loops - 1))
