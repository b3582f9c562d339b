"""The weighted sum of several streams."""

from __future__ import annotations

from hwcompress.hls.estimate.dsp import dsp_blocks
from hwcompress.hls.estimate.models.products import value_bits
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.shape import Contents, Shape, model

__all__: list[str] = []

_FIXED = 255  # slot of an input with a constant factor


@model("hwc_add")
def _add(part: Part, shape: Shape, contents: Contents) -> None:
    lanes, count, out = part["LANES"], part["COUNT"], part["OUT_BITS"]
    widths = part.fields("WIDTHS", 16, count)
    kinds = part.fields("KINDS", 4, count)
    slots = part.fields("SLOTS", 8, count)
    factors = part.fields("FACTORS", 64, count)
    negative = part.fields("NEGATIVE", 1, count)
    shape.part("hwc_skid", {"WIDTH": lanes * out})
    shape.ff = lanes * out + 1
    if part["TABLES"]:
        folds = part["FOLDS"]
        shape.part(
            "hwc_rom",
            {
                "WIDTH": lanes * part["TABLES"] * part["MUL_BITS"], "DEPTH": folds,
                "TABLE": part.text("TABLE"),
            },
        )  # fmt: skip
        shape.ff += part["S_WIDTH"] + 1
        shape.counter(folds)
        for width, kind, slot in zip(widths, kinds, slots, strict=True):
            if slot == _FIXED:
                continue
            product = value_bits(width, kind) + part["MUL_BITS"]
            shape.part(
                "hwc_mul",
                {
                    "X_BITS": width, "X_KIND": kind, "W_BITS": part["MUL_BITS"], "W_KIND": 1,
                    "P_BITS": product,
                },
                lanes,
            )  # fmt: skip
    reaches = [
        _reach(width, kind, slot, factor, part["MUL_BITS"], out)
        for width, kind, slot, factor in zip(widths, kinds, slots, factors, strict=True)
    ]
    if part["STAGES"] > 1:
        shape.ff += 1 + lanes * sum(reaches)
    for factor, slot, width, kind in zip(factors, slots, widths, kinds, strict=True):
        if slot == _FIXED and factor.bit_count() > 1:
            # Multiplied modulo 2**OUT_BITS: a signed value is as wide as that.
            value = width if kind == 0 else out
            product = min(out, value + factor.bit_length())
            blocks = dsp_blocks(shape.family, value, factor.bit_length(), product)
            if blocks:
                shape.dsp += lanes * blocks
                continue
            shape.luts(
                constant_bits=lanes * _digits(factor) * (value_bits(width, kind) + 1),
                constants=lanes,
            )
    shape.luts(
        add_bits=lanes * out * (count - 1),
        short_bits=lanes * sum(min(w + 2, out) for w in widths),
        lanes=lanes,
        negative=lanes * out * int(bool(negative[0])),
        one=1,
        inputs=count,
    )


def _reach(width: int, kind: int, slot: int, factor: int, mul_bits: int, out: int) -> int:
    """Registers of a product: bits that are neither constant nor copies of the sign."""
    if slot != _FIXED:
        return min(out, value_bits(width, kind) + mul_bits)
    if factor == 0:
        return 0
    zeros = (factor & -factor).bit_length() - 1
    if kind == 2:
        return min(out, 2)
    top = width + factor.bit_length() - int(factor.bit_count() == 1)
    return min(out, top) - zeros


def _digits(factor: int) -> int:
    """Additions of a product with a constant: its digits in the fewest-digit form, less one."""
    return ((3 * factor) ^ factor).bit_count() - 1
