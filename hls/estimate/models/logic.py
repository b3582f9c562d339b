"""Modules without streams: trees, counts, tables."""

from __future__ import annotations

from collections.abc import Mapping

from hwcompress.hls.estimate.memory import block, choice, ram
from hwcompress.hls.estimate.part import Part, bits_for
from hwcompress.hls.estimate.shape import Contents, Shape, compare_luts, model
from hwcompress.hls.estimate.small_tables import small_table_features
from hwcompress.hls.estimate.tables import logic_of

__all__ = ["reduction_lane"]


@model("hwc_adder_tree")
def _adder_tree(part: Part, shape: Shape, contents: Contents) -> None:
    count, bits, signed = part["N"], part["IN_BITS"], part["SIGNED"]
    if count == 1:
        return
    first = (count + 1) // 2
    same: dict[str, int | str] = {"IN_BITS": bits, "SIGNED": signed}
    shape.part("hwc_adder_tree", {**same, "N": first})
    shape.part("hwc_adder_tree", {**same, "N": count - first})
    wide, narrow = bits + bits_for(first), bits + bits_for(count - first)
    if shape.family == "ecp5":
        _pairs(shape, bits + bits_for(count), f"{count} {bits} {signed}")
    elif shape.family == "ice40":
        # Signed, the sum's highest bit is not the carry.
        shape.luts(add_bits=wide + signed, single=int(not signed and wide == 1))
    else:
        # Unsigned, what lies above the shorter term is the carry alone.
        shape.luts(add_bits=wide if signed else narrow, single=int(signed and wide == 1))


def _pairs(shape: Shape, bits: int, alike: str) -> None:
    """A sum in carry cells of two bits each; up to four bits there are none."""
    if bits > 4:
        shape.luts(add_bits=shape.chain(bits))
    else:
        shape.alike = alike
        shape.luts(add_bits=(1, 2, 3, 8)[bits - 1])


@model("hwc_max_tree")
def _max_tree(part: Part, shape: Shape, contents: Contents) -> None:
    count, bits = part["N"], part["BITS"]
    if count == 1:
        return
    first = (count + 1) // 2
    same: dict[str, int | str] = {"BITS": bits, "SIGNED": part["SIGNED"]}
    shape.part("hwc_max_tree", {**same, "N": first})
    shape.part("hwc_max_tree", {**same, "N": count - first})
    if shape.family != "xc7":
        shape.alike = f"{bits} {part['SIGNED']}"
        _maximum(shape, bits, "one")
    elif bits <= 3:
        shape.luts(small_bits=bits)
    else:
        shape.luts(mux_bits=bits, compare=compare_luts(bits), one=1)


def _maximum(shape: Shape, bits: int, name: str) -> None:
    """The larger one of two numbers in LUTs of four inputs."""
    if bits <= 4:
        short = {"ecp5": (1, 2, 12, 18), "ice40": (1, 2, 6, 8)}[shape.family]
        shape.luts(short_maximum=short[bits - 1])
    else:
        shape.luts(mux_bits=bits, compare=compare_luts(bits, shape.family), **{name: 1})


@model("hwc_cast")
def _cast(part: Part, shape: Shape, contents: Contents) -> None:
    turned = part["KIND"] == 3
    widened = part["KIND"] == 2 and part["IN_BITS"] != part["OUT_BITS"]
    shape.luts(inverters=part["LANES"] if turned or widened else 0)


@model("hwc_reduce_lane")
def _reduce_lane(part: Part, shape: Shape, contents: Contents) -> None:
    bits, kind, out = part["IN_BITS"], part["KIND"], part["OUT_BITS"]
    if part["SUM"]:
        if not (kind == 2 and out == 1):
            shape.part("hwc_cast", {"LANES": 1, "IN_BITS": bits, "KIND": kind, "OUT_BITS": out})
        shape.luts(sum_bits=out, sum=1)
    else:
        if shape.family != "xc7":
            shape.alike = f"maximum {bits} {kind}"
            _maximum(shape, bits, "maximum")
        elif bits <= 2:
            shape.luts(small_bits=bits)
        else:
            shape.luts(mux_bits=bits, compare=compare_luts(bits), maximum=1)


def reduction_lane(part: Part) -> Mapping[str, int | str]:
    """Parameters of the lanes of a reduction."""
    return {name: part[name] for name in ("IN_BITS", "KIND", "SUM", "OUT_BITS")}


@model("hwc_popcount")
def _popcount(part: Part, shape: Shape, contents: Contents) -> None:
    count = part["N"]
    chunks = -(-count // 6)
    shape.part("hwc_adder_tree", {"N": chunks, "IN_BITS": 3, "SIGNED": 0})
    rest = count - 6 * (chunks - 1)
    if shape.family != "xc7":
        # LUTs of four inputs: on ECP5 a table of six has four for each of its outputs.
        small = {"ecp5": (0, 2, 2, 3, 6, 12), "ice40": (0, 2, 2, 3, 5, 7)}[shape.family]
        shape.luts(tables=small[5] * (chunks - 1) + small[rest - 1])
        return
    # A table has as many outputs as its count has bits; of one input it is a wire.
    shape.luts(tables=3 * (chunks - 1) + (rest.bit_length() if rest > 1 else 0))


@model("hwc_compress")
def _compress(part: Part, shape: Shape, contents: Contents) -> None:
    columns, out = part["COLUMNS"], part["OUT_BITS"]
    heights = part.fields("HEIGHTS", 16, columns)
    if max(heights) <= 4:
        # Up to four rows: one carry chain from the first two bits of a column on. A third
        # and a fourth bit take a LUT more each, but for the highest column.
        heights = heights[:out]
        start = next((c for c, h in enumerate(heights) if h >= 2), len(heights))
        shape.luts(
            row_bits=len(heights) - start, third_bits=sum(h >= 3 for h in heights[: out - 1]),
            fourth_bits=sum(h >= 4 for h in heights[: out - 1]),
        )  # fmt: skip
        return
    following = min(columns + 2, out)
    tables = [(h + 1) // 6 for h in heights]
    passing = [0 if h % 6 == 5 else h % 6 for h in heights]

    def at(values: list[int], column: int) -> int:
        return values[column] if 0 <= column < columns else 0

    after = [
        at(tables, c) + at(passing, c) + at(tables, c - 1) + at(tables, c - 2)
        for c in range(following)
    ]
    outputs = sum(
        count * (1 + int(c + 1 < following) + int(c + 2 < following))
        for c, count in enumerate(tables)
    )
    if shape.family == "xc7":
        shape.luts(tables=outputs)
    else:  # in LUTs of four inputs, tables of five inputs cost less than those of six
        fives = sum(
            1 + int(c + 1 < following) + int(c + 2 < following)
            for c, height in enumerate(heights)
            if height % 6 == 5
        )
        shape.luts(tables=outputs - fives, fives=fives)
    word = sum(height << (16 * c) for c, height in enumerate(after))
    shape.part(
        "hwc_compress",
        {"COLUMNS": following, "TOTAL": sum(after), "OUT_BITS": out, "HEIGHTS": word},
    )


@model("hwc_signs")
def _signs(part: Part, shape: Shape, contents: Contents) -> None:
    simd = part["SIMD"]
    bits = (1 if part["X_KIND"] == 2 else 2) + (1 if part["W_KIND"] == 2 else 2)
    xnor, mixed = bits == 2, bits == 3
    per = 3 if xnor else 2 if mixed else 1
    columns = 3 if mixed else 2
    groups = -(-simd // per)
    left = simd - (groups - 1) * per
    short = int(per > 1 and left == 1)
    total = columns * groups - short
    need = bits_for((simd if xnor else 2 * simd) + 1)
    count = max(need, columns)
    heights = [groups] * (columns - 1) + [groups - short]
    shape.part(
        "hwc_compress",
        {
            "COLUMNS": columns, "TOTAL": total, "OUT_BITS": count,
            "HEIGHTS": sum(height << (16 * c) for c, height in enumerate(heights)),
        },
    )  # fmt: skip
    shape.ff = total + count
    if shape.family == "xc7":
        shape.luts(tables=total)
    else:  # groups that are not full have tables of four inputs at most
        loose = (total - columns * (groups - 1)) * int(left < per)
        each = {"ecp5": (4, 3, 1), "ice40": (2, 5 / 3, 1)}[shape.family]
        shape.luts(tables=loose + (total - loose) * each[0 if xnor else 1 if mixed else 2])


@model("hwc_rom")
def _rom(part: Part, shape: Shape, contents: Contents) -> None:
    width, depth = part["WIDTH"], part["DEPTH"]
    cells = choice(width, depth, part.text("STYLE"), written=False, family=shape.family)
    if cells is not None:
        block(shape, cells, width)
        return
    found = logic_of(part.text("TABLE"), width, depth, contents)
    shape.ff = found.registers
    if shape.family != "xc7" and depth > 16:
        shape.luts(**small_table_features(part.text("TABLE"), width, depth, contents))
        return
    shape.luts(
        tables=found.tables, pairs=found.pairs, quads=found.quads, deep=found.deep,
        smooth=found.smooth,
    )  # fmt: skip


@model("hwc_weights")
def _weights(part: Part, shape: Shape, contents: Contents) -> None:
    width, depth, style = part["WIDTH"], part["DEPTH"], part.text("STYLE")
    if part["RELOAD"] == 0:
        shape.part(
            "hwc_rom",
            {"WIDTH": width, "DEPTH": depth, "STYLE": style, "TABLE": part.text("TABLE")},
        )
        return
    ram(shape, width, depth, style)
