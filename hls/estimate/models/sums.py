"""The weighted sum of several streams."""

from __future__ import annotations

from typing import NamedTuple

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
    terms = []
    for width, kind, slot, factor in zip(widths, kinds, slots, factors, strict=True):
        if slot == _FIXED:
            blocks = _blocks(shape.family, width, kind, factor, out)
            shape.dsp += lanes * blocks
            term = _fixed(width, kind, factor)
            terms.append(_Term(out, True, term.zeros, blocks) if blocks else term)
            if factor.bit_count() > 1 and not blocks:
                shape.luts(
                    constant_bits=lanes * _digits(factor) * (value_bits(width, kind) + 1),
                    constants=lanes,
                )
        else:
            product = value_bits(width, kind) + part["MUL_BITS"]
            terms.append(_Term(product, True, 0, made=True))
            shape.part(
                "hwc_mul",
                {
                    "X_BITS": width, "X_KIND": kind, "W_BITS": part["MUL_BITS"], "W_KIND": 1,
                    "P_BITS": product,
                },
                lanes,
            )  # fmt: skip
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
    if part["STAGES"] > 1:
        # A DSP block has a register of its own behind the product.
        inside = shape.family == "xc7"
        held = (
            1 if kind == 0 and width == 1 and slot == _FIXED else min(out, t.bits) - t.zeros
            for t, width, kind, slot in zip(terms, widths, kinds, slots, strict=True)
            if not (t.blocks and inside)
        )
        shape.ff += 1 + lanes * sum(held)
    _added(shape, terms, negative, lanes, out)
    shape.luts(one=1, inputs=count)


class _Term(NamedTuple):
    """What is added: bits that it takes, whether the highest one is a sign, low bits of zero."""

    bits: int
    signed: bool
    zeros: int
    blocks: int = 0  # DSP blocks that make it
    made: bool = False  # by a module, so that its range is not seen through

    def and_more(self, other: _Term, subtract: bool) -> _Term:
        """The sum or difference."""
        signed = self.signed or other.signed
        wide = [term.bits + int(signed and not term.signed) for term in (self, other)]
        zeros = min(self.zeros, other.zeros)
        return _Term(max(wide) + 1, signed or subtract, zeros)


def _fixed(width: int, kind: int, factor: int) -> _Term:
    """An input by a constant."""
    if factor == 0:
        return _Term(0, False, 0)
    zeros = (factor & -factor).bit_length() - 1
    bits = 2 if kind == 2 else width
    return _Term(bits + factor.bit_length() - int(factor.bit_count() == 1), kind != 0, zeros)


def _blocks(family: str, width: int, kind: int, factor: int, out: int) -> int:
    """DSP blocks of an input by a constant, in one lane."""
    if factor.bit_count() < 2:
        return 0
    value = 2 if kind == 2 else width
    product = min(out, value + factor.bit_length())
    return dsp_blocks(family, value, factor.bit_length(), product)


def _added(shape: Shape, terms: list[_Term], negative: list[int], lanes: int, out: int) -> None:
    """The sum: carry chains for two terms, before them full adders for more."""
    total = terms[0]
    low, high = sorted(terms[:2], key=lambda term: term.zeros)
    signed = any(negative) or low.signed or high.signed
    if len(terms) == 2 and not signed and low.bits <= high.zeros:  # side by side
        shape.ff += lanes * sum(term.bits - term.zeros for term in terms) + 1
        return
    if negative[0]:
        total = _Term(0, False, total.zeros).and_more(total, True)
        name = "both_bits" if negative[1] else "negative_bits"
        shape.luts(**{name: lanes * min(out, total.bits)})
    for term, minus in zip(terms[1:], negative[1:], strict=True):
        common = max(total.zeros, term.zeros)
        total = total.and_more(term, bool(minus))
        bits = max(min(out, total.bits) - common, 0)
        if len(terms) == 2:
            shape.luts(pair_bits=lanes * bits)
        else:
            shape.luts(row_bits=lanes * bits)
    zeros = 0 if any(negative) or len(terms) > 2 else total.zeros
    reach = out if any(term.made for term in terms) else min(out, total.bits)
    shape.ff += lanes * (reach - zeros) + 1


def _digits(factor: int) -> int:
    """Additions of a product with a constant: its digits in the fewest-digit form, less one."""
    return ((3 * factor) ^ factor).bit_count() - 1
