"""Products: one by one, shared by a DSP block, all of an engine."""

from __future__ import annotations

from hwcompress.hls.estimate.dsp import dsp_blocks
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.shape import Contents, Shape, model

__all__ = ["value_bits"]

_POWER = 4  # W_KIND of a power of two
_SELECTORS = {2: "bipolar", 3: "ternary"}
_HALF = 18  # bits of a product that one of two blocks makes alone
_SINGLE_ROWS = 4  # as many rows have coefficients of their own


def value_bits(bits: int, kind: int) -> int:
    """Signed width of a factor."""
    return bits + 1 if kind == 0 else 2 if kind == 2 else bits


@model("hwc_mul")
def _mul(part: Part, shape: Shape, contents: Contents) -> None:
    x_bits, x_kind, w_bits, w_kind = (part[f"{n}_{f}"] for n in "XW" for f in ("BITS", "KIND"))
    if w_kind == _POWER:
        _power(part, shape)
    elif w_kind >= 2 and x_kind >= 2:
        shape.luts(signs=2 if x_kind == w_kind == 3 else 1)
    elif w_kind >= 2 or x_kind >= 2:
        long_bits, long_kind = (x_bits, x_kind) if w_kind >= 2 else (w_bits, w_kind)
        kind = _SELECTORS[max(x_kind, w_kind)]
        if shape.family != "xc7":  # whose carry cells follow no formula for narrow factors
            shape.alike = f"{kind} {long_bits} {long_kind}"
        if long_bits == 1 + long_kind:  # so short that there is no carry chain
            shape.luts(tables=2 if kind == "ternary" else long_bits)
        else:
            shape.luts(**{f"{kind}_bits": long_bits, kind: 1})
    else:
        x, w, out = value_bits(x_bits, x_kind), value_bits(w_bits, w_kind), part["P_BITS"]
        if x_kind == w_kind == 0:  # Yosys sees that no bit is a sign
            x, w = x_bits, w_bits
        shape.dsp = 0 if part["MULT"] == 1 else dsp_blocks(shape.family, x, w, min(x + w, out))
        if shape.dsp:
            return
        if min(x_bits, w_bits) == 1:
            shape.luts(single_bits=max(x_bits, w_bits))
        elif part["MULT"] == 1:
            _rows(part, shape)
        else:
            _small(part, shape)


def _power(part: Part, shape: Shape) -> None:
    """An element shifted by an exponent: selectors, and a change of the sign."""
    exponent, fixed = part["W_BITS"] - 1, part["FIXED"]
    x, out = part["X_BITS"], part["P_BITS"] - part["W_BASE"]
    wide = value_bits(x, part["X_KIND"])
    name = f"power_{exponent}_{'sign_first' if fixed else 'sign_last'}"
    if exponent == 1:  # its two values are one and zero
        shape.luts(power_1=x)
        return
    if wide == 2 and not fixed:
        name += "_narrow"
    shape.alike = f"{name} {part['X_KIND']} {x} {out}"
    shape.luts(**{name: 1, f"{name}_x": x, f"{name}_out": max(out - wide, 0)})


def _rows(part: Part, shape: Shape) -> None:
    """Rows of the longer factor, one for each bit of the shorter one, added up.

    The shorter factor is that of hwc_mul: w, where both are as wide. Yosys adds the rows
    bit by bit, three to two, down to two rows, and those with a carry chain.
    """
    x = part["X_BITS"], part["X_KIND"]
    w = part["W_BITS"], part["W_KIND"]
    (rows, short), (columns, long) = (x, w) if value_bits(*x) < value_bits(*w) else (w, x)
    name = f"rows_{'us'[short]}{'us'[long]}"
    shape.alike = f"{name} {rows} {columns}"
    more = columns - rows + 1
    if rows <= _SINGLE_ROWS:
        shape.luts(**{f"{name}_{rows}": 1, f"{name}_{rows}_columns": more})
        return
    further = rows - _SINGLE_ROWS
    shape.luts(
        **{name: 1, f"{name}_columns": more, f"{name}_further": further,
           f"{name}_area": further * more, f"{name}_triangle": further * (further - 1) // 2}
    )  # fmt: skip


def _small(part: Part, shape: Shape) -> None:
    """A product of at most eight bits, as Yosys multiplies: rows of the factor with fewer bits."""
    x = part["X_BITS"], part["X_KIND"]
    w = part["W_BITS"], part["W_KIND"]
    (rows, short), (columns, long) = sorted((x, w))
    name = f"free_{'us'[short]}{'us'[long]}_{rows}"
    shape.alike = f"free {x} {w}"
    shape.luts(**{name: 1, f"{name}_columns": columns - rows})


@model("hwc_pack")
def _pack(part: Part, shape: Shape, contents: Contents) -> None:
    count, bits, distance = part["N"], part["BITS"], part["SHIFT"]
    if part["KIND"] == 0 or count == 1:
        return
    shape.luts(borrow_bits=(count - 2) * distance + bits + 1, fields=count - 1, one=1)


@model("hwc_mul_pack")
def _mul_pack(part: Part, shape: Shape, contents: Contents) -> None:
    nw, nx, distance = part["NW"], part["NX"], part["SHIFT"]
    for count, name, gap in ((nx, "X", distance), (nw, "W", nx * distance)):
        shape.part(
            "hwc_pack",
            {
                "N": count, "BITS": part[f"{name}_BITS"], "KIND": part[f"{name}_KIND"],
                "SHIFT": gap,
            },
        )  # fmt: skip
    x = (nx - 1) * distance + part["X_BITS"] + 1
    w = (nw - 1) * nx * distance + part["W_BITS"] + 1
    shape.dsp = dsp_blocks(shape.family, x, w, nw * nx * distance)
    fields = nw * nx - 1
    if shape.family == "xc7":
        shape.luts(round_bits=fields * part["P_BITS"], fields=fields)
        return
    # A carry chain for each field, and one where the upper half of a wide product is added
    # outside of the block.
    two = shape.family == "ecp5" and shape.dsp > 1
    upper = shape.chain((fields + 1) * distance - _HALF) if two else 0
    shape.luts(round_bits=fields * shape.chain(part["P_BITS"]) + upper, fields=fields)


@model("hwc_products")
def _products(part: Part, shape: Shape, contents: Contents) -> None:
    pe, simd, pixels = part["PE"], part["SIMD"], part["PIXELS"]
    factors = {name: part[name] for name in ("X_BITS", "X_KIND", "W_BITS", "W_KIND", "P_BITS")}
    if part["MULT"] != 3 or part["X_KIND"] >= 2 or part["W_KIND"] >= 2:
        more = {name: part[name] for name in ("W_BASE", "FIXED", "MULT")}
        shape.part("hwc_mul", {**factors, **more}, pixels * pe * simd)
        return
    for lane in range(0, pe, part["PACK_W"]):
        for pixel in range(0, pixels, part["PACK_X"]):
            given = {
                **factors, "NW": min(pe - lane, part["PACK_W"]),
                "NX": min(pixels - pixel, part["PACK_X"]), "SHIFT": part["SHIFT"],
            }  # fmt: skip
            shape.part("hwc_mul_pack", given, simd)
