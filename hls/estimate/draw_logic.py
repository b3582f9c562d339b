"""Random configurations of the modules without streams."""

from __future__ import annotations

from hwcompress.hls.catalogue.setting import Value
from hwcompress.hls.estimate.config import Configuration
from hwcompress.hls.estimate.draw import Draw
from hwcompress.hls.rtl.memory import signed_bits

__all__ = [
    "draw_adder_tree", "draw_axil", "draw_cast", "draw_max_tree", "draw_mul", "draw_mul_pack",
    "draw_popcount", "draw_products", "draw_reduce_lane", "draw_rom", "draw_signs",
    "draw_threshold_stage", "draw_weights", "element", "power", "power_bits", "product_bits",
]  # fmt: skip


def element(draw: Draw, ternary: bool = True) -> tuple[int, int]:
    """Bits and KIND of an element."""
    bits = draw.bits()
    if bits == 1:
        return 1, draw.choose([0, 2, 2])
    if bits == 2 and ternary and draw.chance(0.4):
        return 2, 3
    return bits, draw.choose([0, 1])


def _range(bits: int, kind: int) -> tuple[int, int]:
    match kind:
        case 0:
            return 0, (1 << bits) - 1
        case 1:
            return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        case _:
            return -1, 1


def product_bits(x: tuple[int, int], w: tuple[int, int], simd: int = 1) -> int:
    """Signed width of a sum of products, as the generator computes it."""
    corners = [a * b for a in _range(*x) for b in _range(*w)]
    return signed_bits(simd * min(corners), simd * max(corners))


def draw_adder_tree(draw: Draw) -> Configuration:
    """A sum of several numbers."""
    return Configuration(
        "hwc_adder_tree",
        {"N": draw.size(2, 32), "IN_BITS": draw.between(1, 17), "SIGNED": draw.choose([1, 1, 0])},
    )


def draw_max_tree(draw: Draw) -> Configuration:
    """The largest of several numbers."""
    return Configuration(
        "hwc_max_tree",
        {"N": draw.choose([2, 3, 4, 6, 9, 16]), "BITS": draw.bits(), "SIGNED": draw.choose([0, 1])},
    )


def draw_cast(draw: Draw) -> Configuration:
    """A wider type; an inverter at most."""
    kind = draw.choose([0, 1, 2])
    bits = 1 if kind == 2 else draw.bits()
    return Configuration(
        "hwc_cast",
        {
            "LANES": draw.lanes(),
            "IN_BITS": bits,
            "KIND": kind,
            "OUT_BITS": bits + draw.choose([0, 1, 4]),
        },
    )


def draw_reduce_lane(draw: Draw) -> Configuration:
    """A step of a reduction."""
    bits, kind = element(draw, ternary=False)
    total = draw.choose([0, 1])
    out = bits + draw.between(1, 10) if total else bits
    return Configuration(
        "hwc_reduce_lane", {"IN_BITS": bits, "KIND": kind, "SUM": total, "OUT_BITS": out}
    )


def power(draw: Draw) -> tuple[int, int, int]:
    """Code bits, least exponent and largest exponent of weights that are powers of two."""
    count, base = draw.between(1, 8), draw.choose([0, 0, 0, 1, 2, 4])
    return 1 + count.bit_length(), base, base + count - 1


def power_bits(x: tuple[int, int], largest: int, simd: int = 1) -> int:
    """Signed width of a sum of products with weights up to ``2**largest``."""
    ends = [a << largest for a in _range(*x)]
    reach = max(abs(end) for end in ends)
    return max(signed_bits(-simd * reach, simd * reach), 2)


def draw_mul(draw: Draw) -> Configuration:
    """A product, in logic or a DSP block."""
    x, w = element(draw), element(draw)
    values: dict[str, Value] = {"X_BITS": x[0], "X_KIND": x[1]}
    if draw.chance(0.3):
        bits, base, largest = power(draw)
        values |= {
            "W_BITS": bits, "W_KIND": 4, "W_BASE": base, "P_BITS": power_bits(x, largest),
            "FIXED": draw.choose([0, 0, 0, 1]),
        }  # fmt: skip
    else:
        values |= {
            "W_BITS": w[0], "W_KIND": w[1], "P_BITS": product_bits(x, w),
            "MULT": draw.choose([0, 0, 1, 1, 2]),
        }  # fmt: skip
    return Configuration("hwc_mul", values)


def _packing(draw: Draw) -> tuple[dict[str, Value], int, int]:
    x = draw.between(2, 8), draw.choose([0, 1])
    w = draw.between(2, 8), draw.choose([1, 1, 0])
    corners = [a * b for a in _range(*x) for b in _range(*w)]
    low, high = min(corners), max(corners)
    shift = max(signed_bits(low - 1, high), x[0] + 1, w[0] + 1)
    nw, nx = draw.choose([2, 2, 3]), draw.choose([1, 1, 2])
    while max((nw - 1) * nx * shift + w[0] + 1, (nx - 1) * shift + x[0] + 1) > 25 and nw * nx > 2:
        nw, nx = (nw - 1, nx) if nw > 2 else (2, 1)
    values: dict[str, Value] = {
        "X_BITS": x[0], "X_KIND": x[1], "W_BITS": w[0], "W_KIND": w[1],
        "P_BITS": signed_bits(low, high), "SHIFT": shift,
    }  # fmt: skip
    return values, nw, nx


def draw_mul_pack(draw: Draw) -> Configuration:
    """Several products from one multiplication."""
    values, nw, nx = _packing(draw)
    return Configuration("hwc_mul_pack", {**values, "NW": nw, "NX": nx})


def draw_products(draw: Draw) -> Configuration:
    """All products of an engine."""
    values, nw, nx = _packing(draw)
    pixels = nx * draw.choose([1, 2])
    return Configuration(
        "hwc_products",
        {
            **values, "PE": draw.between(1, 6), "SIMD": draw.between(1, 6), "PIXELS": pixels,
            "MULT": 3, "PACK_W": nw, "PACK_X": nx,
        },
    )  # fmt: skip


def draw_popcount(draw: Draw) -> Configuration:
    """A count of ones."""
    return Configuration("hwc_popcount", {"N": draw.size(1, 64)})


def draw_signs(draw: Draw) -> Configuration:
    """A sum of products of bipolar or ternary factors."""
    simd = draw.size(1, 160)
    values: dict[str, Value] = {
        "SIMD": simd, "X_KIND": draw.choose([2, 3]), "W_KIND": draw.choose([2, 3]),
        "SUM_BITS": (2 * simd).bit_length() + 1,
    }  # fmt: skip
    return Configuration("hwc_signs", values)


def draw_rom(draw: Draw) -> Configuration:
    """A memory of constants, in logic or block memory."""
    kind = ("uniform", "normal", "normal", "ternary", "rising", "curve")[draw.between(0, 5)]
    bits = 2 if kind == "ternary" else draw.between(2, 16) if kind == "rising" else draw.bits()
    bits = max(bits, 2) if kind == "normal" else bits
    depth = draw.size(1, 1024)
    width = min(bits * draw.size(1, 32), 288, max(bits, 16384 // depth))
    table = draw.table(kind, bits, width, depth)
    style = ("auto", "auto", "auto", "logic", "block")[draw.between(0, 4)]
    if style == "logic" and width * depth > 4096:
        style = "auto"
    values: dict[str, Value] = {
        "WIDTH": width, "DEPTH": depth, "STYLE": style, "TABLE": table.file,
    }  # fmt: skip
    return Configuration("hwc_rom", values, (table,))


def draw_weights(draw: Draw) -> Configuration:
    """Weights that can be written at run time."""
    depth = draw.size(2, 2048)
    width = min(draw.size(4, 288), max(4, 65536 // depth))
    table = draw.table("normal", 4, width, depth)
    style = ("auto", "block", "distributed")[draw.between(0, 2)]
    if style == "distributed" and width * depth > 8192:
        style = "block"
    values: dict[str, Value] = {
        "WIDTH": width, "DEPTH": depth, "RELOAD": 1, "STYLE": style, "TABLE": table.file,
    }  # fmt: skip
    return Configuration("hwc_weights", values, (table,))


def draw_threshold_stage(draw: Draw) -> Configuration:
    """One stage of a search."""
    stages, folds = draw.between(1, 8), draw.size(1, 64)
    stage, bits = draw.between(0, stages - 1), draw.between(4, 20)
    name = draw.table("rising", bits, bits, folds << stage).file.removesuffix(".hex")
    from hwcompress.hls.estimate.config import Table

    table = Table(f"{name}_{stage:02}_00000.hex", bits, folds << stage)
    values: dict[str, Value] = {
        "T_BITS": bits, "FOLDS": folds, "FW": max(1, (folds - 1).bit_length()), "STAGE": stage,
        "STAGES": stages, "TABLE": table.file,
    }  # fmt: skip
    return Configuration("hwc_threshold_stage", values, (table,))


def draw_axil(draw: Draw) -> Configuration:
    """The port that writes weights."""
    return Configuration(
        "hwc_axil",
        {
            "PIECES": draw.size(1, 16),
            "SELECT_BITS": draw.between(1, 5),
            "ADDR_BITS": draw.between(1, 14),
        },
    )
