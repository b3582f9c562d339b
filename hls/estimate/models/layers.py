"""The engines of layers, but for windows."""

from __future__ import annotations

from math import ceil

from hwcompress.hls.estimate.dsp import dsp_blocks
from hwcompress.hls.estimate.memory import ram
from hwcompress.hls.estimate.models.logic import reduction_lane
from hwcompress.hls.estimate.models.products import value_bits
from hwcompress.hls.estimate.part import Part, bits_for
from hwcompress.hls.estimate.shape import (
    Contents,
    Shape,
    compare_luts,
    model,
    tree_luts,
)

__all__: list[str] = []

_PART = 17  # bits of a wide factor that a DSP block takes
_MAC = 16  # bits of a factor of an iCE40 block
_WORDS = 64  # that a LUT holds
_TREE = 7  # bits that are compared with a constant without a carry chain


@model("hwc_mvu")
def _mvu(part: Part, shape: Shape, contents: Contents) -> None:
    pe, simd, pixels = part["PE"], part["SIMD"], part["PIXELS"]
    beats, folds, words, acc = part["BEATS"], part["FOLDS"], part["WORDS"], part["ACC_BITS"]
    tagged, bias = part["TAGGED"], part["HAS_BIAS"]
    signs = part["X_KIND"] >= 2 and part["W_KIND"] in (2, 3) and not tagged
    fixed = words == 1 and not part["RELOAD"]
    sums = pixels * pe
    sum_bits = bits_for(2 * simd + 1) + 1 if signs else part["S_BITS"]
    lanes = pe * simd if part["LANEWISE"] else simd
    shape.part(
        "hwc_weights",
        {
            "WIDTH": pe * simd * part["W_BITS"], "DEPTH": words, "RELOAD": part["RELOAD"],
            "STYLE": part.text("STYLE"), "TABLE": part.text("WEIGHTS"),
        },
    )  # fmt: skip
    if bias:
        shape.part("hwc_rom", {"WIDTH": pe * acc, "DEPTH": folds, "TABLE": part.text("BIAS")})
    if signs:
        shape.part(
            "hwc_signs",
            {
                "SIMD": simd, "X_KIND": part["X_KIND"], "W_KIND": part["W_KIND"],
                "SUM_BITS": sum_bits,
            },
            sums,
        )  # fmt: skip
    else:
        names = (
            "PE", "SIMD", "LANEWISE", "PIXELS", "X_BITS", "X_KIND", "W_BITS", "W_KIND",
            "W_BASE", "P_BITS", "MULT", "PACK_W", "PACK_X", "SHIFT",
        )  # fmt: skip
        given = {name: part[name] for name in names}
        shape.part("hwc_products", {**given, "FIXED": int(fixed)})
        shape.part("hwc_adder_tree", {"N": simd, "IN_BITS": part["P_BITS"], "SIGNED": 1}, sums)
        shape.ff += sums * (simd * part["P_BITS"] + min(sum_bits, acc))
    shape.part("hwc_slice", {"WIDTH": sums * acc, "PERIOD": beats})
    shape.ff += pixels * lanes * part["X_BITS"] + 4
    shape.luts(one=1)
    single = beats == 1 and not tagged  # every beat is a first and a last one
    if tagged:
        shape.ff += 1
        shape.luts(tagged=1)
    else:
        shape.counter(words)
        shape.counter(beats)
    if not single:
        # Marks of the first and the last beat: chains of three become shift registers.
        # The end of a sum is needed halfway where biases take turns.
        halfway = bias and folds > 1
        shape.delay(1 if halfway else 2, 3)
        shape.ff += 3 if halfway else 0
    elif shape.family != "xc7":
        # The count and the marks, which never change: one chain for both of them.
        shape.single(beats)
        shape.delay(1, 3)
    if bias:
        shape.counter(folds)
    start = bias or (signs and (beats * simd) % (1 << acc))
    if single and not start:
        shape.ff += sums * min(acc, sum_bits)
    elif single:
        shape.ff += sums * acc
        shape.luts(start_bits=sums * shape.chain(acc), sums=sums)
    else:
        shape.ff += sums * acc
        # A bit of the sum, and where there is no room in the carry chain, one of the start.
        each = (shape.chain(acc) + acc) / 2
        shape.luts(acc_bits=sums * each, sums=sums, bias_bits=sums * acc if bias else 0)


@model("hwc_threshold")
def _threshold(part: Part, shape: Shape, contents: Contents) -> None:
    pe, count, width, out = part["PE"], part["K"], part["T_BITS"], part["OUT_BITS"]
    folds, falling = part["FOLDS"], part["FALLING"]
    shape.part(
        "hwc_rom",
        {
            "WIDTH": pe * (count * width + falling), "DEPTH": folds, "TABLE": part.text("TABLE"),
        },
    )  # fmt: skip
    shape.part(
        "hwc_cast",
        {"LANES": 1, "IN_BITS": part["IN_BITS"], "KIND": part["KIND"], "OUT_BITS": width},
        pe,
    )
    shape.part("hwc_popcount", {"N": count}, pe)
    shape.part("hwc_skid", {"WIDTH": pe * out})
    level = bits_for(count + 1)
    low = part["LO"]
    shape.counter(folds)
    shape.single(folds)
    shape.ff += pe * (part["IN_BITS"] + count + falling) + 3
    shape.ff += pe * _level_bits(level, out, low, falling)
    shape.luts(
        one=1,
        compare=pe * count * compare_luts(width, shape.family),
        falling_bits=pe * level * falling,
        offset_bits=pe * out * int(low != 0),
    )


def _level_bits(level: int, out: int, low: int, falling: int) -> int:
    """Registers of a level that gets an offset: constant bits take none."""
    if out == level:
        return out
    # Above the level there are zeros, or what LO and a carry make of them.
    if low & ((1 << level) - 1):
        return out
    return level


@model("hwc_threshold_stage")
def _stage(part: Part, shape: Shape, contents: Contents) -> None:
    width, folds, stage = part["T_BITS"], part["FOLDS"], part["STAGE"]
    shape.part("hwc_rom", {"WIDTH": width, "DEPTH": folds << stage, "TABLE": part.text("TABLE")})
    shape.ff = 2 * width + 2 * part["FW"] + 2 * part["STAGES"] - 1
    shape.luts(compare=compare_luts(width, shape.family))


@model("hwc_threshold_search")
def _search(part: Part, shape: Shape, contents: Contents) -> None:
    pe, stages, out, width = part["PE"], part["STAGES"], part["OUT_BITS"], part["T_BITS"]
    folds = part["FOLDS"]
    fold_bits = max(bits_for(folds), 1)
    table = part.text("TABLES")
    for lane in range(pe):
        shape.part(
            "hwc_cast",
            {"LANES": 1, "IN_BITS": part["IN_BITS"], "KIND": part["KIND"], "OUT_BITS": width},
        )
        for stage in range(stages):
            file = f"{table}_{stage:02}_{lane:05}.hex" if table else ""
            shape.part(
                "hwc_threshold_stage",
                {
                    "T_BITS": width, "FOLDS": folds, "FW": fold_bits, "STAGE": stage,
                    "STAGES": stages, "TABLE": file,
                },
            )  # fmt: skip
    shape.part("hwc_skid", {"WIDTH": pe * out})
    shape.counter(folds)
    for _ in range(2):
        shape.single(folds)
    shape.ff += pe * part["IN_BITS"] + bits_for(folds) + 2 * stages + 1
    shape.luts(one=1, offset_bits=pe * out * int(part["LO"] != 0))
    if part["FALLING"] and folds > 1:
        # Which lanes fall is looked up in LUTs, without a register.
        words = ceil(folds / _WORDS) if folds > 2 else 0
        shape.luts(falling_bits=pe * stages, falling_words=pe * words)


@model("hwc_rescale")
def _rescale(part: Part, shape: Shape, contents: Contents) -> None:
    pe, folds, shift, out = part["PE"], part["FOLDS"], part["SHIFT"], part["OUT_BITS"]
    mul, add, total = part["MUL_BITS"], part["ADD_BITS"], part["SUM_BITS"]
    shape.part("hwc_rom", {"WIDTH": pe * (mul + add), "DEPTH": folds, "TABLE": part.text("TABLE")})
    shape.part("hwc_skid", {"WIDTH": pe * out})
    compared = min(64, max(total - shift, out + 1))
    value = min(compared, total - shift)
    shape.counter(folds)
    shape.single(folds)
    shape.ff += 5
    shape.luts(one=1)
    # A DSP block holds the input, the product, the addend and the sum; those of iCE40
    # the input and the product, those of ECP5 none.
    factor = value_bits(part["IN_BITS"], part["KIND"])
    product = min(factor + mul, total)
    # Where all of the sum lies below the point, the result is constant.
    rounds = part["HALF_EVEN"] and 0 < shift <= max(factor + mul, add) + 1
    shape.dsp = pe * dsp_blocks(shape.family, factor, mul, product)
    shape.ff += pe * (value + out)
    if not shape.dsp or shape.family == "ecp5":
        shape.ff += pe * (part["IN_BITS"] + product)
    elif shape.family == "ice40":
        shape.ff += pe * _outside_mac(part["IN_BITS"], part["KIND"], product)
    # Above the longer term the sum is a copy of its sign; without rounding, nothing
    # looks at what lies below the point.
    added = min(total, max(product, add) + 1)
    outside = max(added - (0 if rounds else shift), 1)
    if not shape.dsp or shape.family != "xc7":
        shape.ff += pe * (add + outside)
    elif shape.dsp > pe:
        # A product of several blocks: their sum, and what is added to it, lie outside; of two
        # blocks the second one adds the upper part itself.
        two = shape.dsp == 2 * pe
        shape.ff += pe * (add + outside + (_PART if two else product))
        shape.luts(wide_bits=pe * added, wide_product=0 if two else pe * product)
    if not shape.dsp:
        shape.luts(product_area=pe * factor * mul)
    # Rounding adds ones: an inverter each. Clipping looks at what the output does not
    # hold; a limit that is no power of two is compared with.
    excess = max(value - out, 0)
    low, high = part["LO"], part["HI"]
    whole = high - low == (1 << out) - 1 and low in (0, -(1 << (out - 1)))
    # Below zero, the registers are reset; that takes no selectors.
    clipped = excess > 1 or (excess == 1 and low < 0)
    shape.luts(
        inverters=pe * (shift - 1) if rounds and shape.family == "xc7" else 0, lanes=pe,
        clip_bits=pe * out * int(clipped),
        limit_bits=pe * (value + out) * int(not whole), plain_bits=pe * out * int(not excess),
    )  # fmt: skip
    if clipped:
        # A limit on each side, if there are bits between them; many bits take a carry chain.
        sides = "two" if low < 0 and out > 1 else "one"
        size = "chain" if excess > _TREE else "tree"
        shape.luts(**{f"{sides}_{size}": pe * excess})
    if shape.family != "xc7":
        shape.luts(
            sum_bits=pe * shape.chain(added),
            round_bits=pe * shape.chain(total) if rounds else 0,
        )
    elif not shape.dsp:
        shape.luts(sum_bits=pe * total)


def _outside_mac(bits: int, kind: int, product: int) -> int:
    """Registers that an iCE40 block does not take in: those of an input that is not signed.

    Of a signed one that is wider than a block, those above it, in front and behind.
    """
    if kind != 1:
        return bits
    return max(bits - _MAC, 0) + (product - _MAC if bits > _MAC else 0)


@model("hwc_table")
def _table(part: Part, shape: Shape, contents: Contents) -> None:
    pe, folds, index, out = part["PE"], part["FOLDS"], part["INDEX"], part["OUT_BITS"]
    name = part.text("TABLE")
    for lane in range(pe):
        file = f"{name}_{lane:05}.hex" if part["OWN"] else f"{name}.hex" if name else ""
        shape.part("hwc_rom", {"WIDTH": out, "DEPTH": folds << index, "TABLE": file})
    shape.part("hwc_skid", {"WIDTH": pe * out})
    shape.counter(folds)
    shape.ff += 1
    shape.luts(one=1)


@model("hwc_reduce")
def _reduce(part: Part, shape: Shape, contents: Contents) -> None:
    lanes, beats, out = part["LANES"], part["BEATS"], part["OUT_BITS"]
    shape.part("hwc_reduce_lane", reduction_lane(part), lanes)
    shape.part("hwc_slice", {"WIDTH": lanes * out, "PERIOD": beats})
    marks = 2 if beats > 1 or shape.family != "xc7" else 0
    shape.ff = lanes * (part["IN_BITS"] + out) + 2 + marks
    shape.counter(beats)
    shape.luts(one=1)


@model("hwc_reduce_taps")
def _reduce_taps(part: Part, shape: Shape, contents: Contents) -> None:
    lanes, taps, bits = part["PIXELS"] * part["LANES"], part["TAPS"], part["IN_BITS"]
    kind, out = part["KIND"], part["OUT_BITS"]
    shape.ff = lanes * (taps * bits + out) + 2
    if part["SUM"]:
        width = 2 if kind == 2 else bits
        shape.part(
            "hwc_cast", {"LANES": taps, "IN_BITS": bits, "KIND": kind, "OUT_BITS": width}, lanes
        )
        shape.part("hwc_adder_tree", {"N": taps, "IN_BITS": width, "SIGNED": int(kind != 0)}, lanes)
    else:
        shape.part("hwc_max_tree", {"N": taps, "BITS": bits, "SIGNED": int(kind == 1)}, lanes)
    shape.part("hwc_slice", {"WIDTH": lanes * out, "PERIOD": 1})


@model("hwc_pool")
def _pool(part: Part, shape: Shape, contents: Contents) -> None:
    lanes, words, out = part["LANES"], part["WORDS"], part["OUT_BITS"]
    depth = part["OUT_WIDTH"] * words
    address = bits_for(depth)
    shape.part("hwc_reduce_lane", reduction_lane(part), lanes)
    period = 2 if words == 1 and part["KERNEL_W"] > 1 else 1
    shape.part("hwc_slice", {"WIDTH": lanes * out, "PERIOD": period})
    for name in ("WORDS", "WIDTH", "HEIGHT", "STRIDE_W", "STRIDE_H"):
        shape.counter(part[name])
    bypass = words == 1
    shape.ff += address + address + lanes * (part["IN_BITS"] + out) + 4
    if bypass:
        shape.ff += address
        shape.luts(bypass_bits=lanes * out, bypass=tree_luts(2 * address + 1))
    if depth > 1:
        ram(shape, lanes * out, depth)
    else:
        shape.ff += 2 * lanes * out
    shape.luts(one=1, address_bits=address)


@model("hwc_argmax")
def _argmax(part: Part, shape: Shape, contents: Contents) -> None:
    bits, count, out = part["IN_BITS"], part["COUNT"], part["OUT_BITS"]
    shape.part("hwc_slice", {"WIDTH": out, "PERIOD": count})
    shape.ff = 2 * bits + 3 * out + 2
    shape.wrap(count)
    shape.luts(compare=compare_luts(bits, shape.family), first=tree_luts(out + 2), one=1)


@model("hwc_topk")
def _topk(part: Part, shape: Shape, contents: Contents) -> None:
    bits, count, out, wanted = part["IN_BITS"], part["COUNT"], part["OUT_BITS"], part["K"]
    shape.part("hwc_slice", {"WIDTH": wanted * out, "PERIOD": count})
    # The first entry is in use from the first element on: no register.
    shape.wrap(count)
    shape.ff = bits + 2 * out + 2 + wanted * (bits + out) + wanted - 1
    shape.luts(
        compare=wanted * compare_luts(bits, shape.family),
        moved_bits=(wanted - 1) * (bits + out), entries=wanted, one=1,
    )  # fmt: skip
