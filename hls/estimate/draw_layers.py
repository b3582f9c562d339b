"""Random configurations of the modules that are the engines of layers."""

from __future__ import annotations

from hwcompress.hls.catalogue.setting import Value
from hwcompress.hls.estimate.config import Configuration, Table
from hwcompress.hls.estimate.draw import Draw
from hwcompress.hls.estimate.draw_logic import element, power, power_bits, product_bits
from hwcompress.hls.rtl.netlist import Literal

__all__ = [
    "draw_argmax", "draw_mvu", "draw_pool", "draw_reduce", "draw_reduce_taps", "draw_rescale",
    "draw_table", "draw_threshold", "draw_threshold_search", "draw_topk",
]  # fmt: skip


def draw_mvu(draw: Draw) -> Configuration:
    """A matrix-vector engine."""
    x, w = element(draw), element(draw)
    signs = x[1] >= 2 and w[1] >= 2
    pe = draw.lanes(16)
    simd = draw.size(1, 96 if signs else 24)
    lanewise = int(draw.chance(0.2))
    if lanewise:
        simd = draw.choose([1, 9])
    pixels = draw.choose([1, 1, 1, 1, 2])
    while pe * simd * pixels > (1024 if signs else 160):
        pe, simd = (max(1, pe // 2), simd) if pe >= simd else (pe, max(1, simd // 2))
    beats, folds = draw.size(1, 256), draw.size(1, 32)
    while folds * beats * pe * simd * w[0] > 65536:
        beats, folds = max(1, beats // 2), max(1, folds // 2)
    product, sums = product_bits(x, w), product_bits(x, w, simd)
    acc = product_bits(x, w, simd * beats) - draw.choose([0, 0, 1])
    powers = w[1] < 2 and draw.chance(0.15)
    if powers:
        bits, base, largest = power(draw)
        w = bits, 4
        product, sums = power_bits(x, largest), power_bits(x, largest, simd)
        acc = power_bits(x, largest, simd * beats)
    kind = "uniform" if w[1] == 2 else "ternary" if w[1] == 3 else "normal"
    table = draw.table(
        kind, max(w[0], 2) if kind == "normal" else w[0], pe * simd * w[0], folds * beats
    )
    values: dict[str, Value] = {
        "PE": pe, "SIMD": simd, "LANEWISE": lanewise, "PIXELS": pixels,
        "X_BITS": x[0], "X_KIND": x[1], "W_BITS": w[0], "W_KIND": w[1], "P_BITS": product,
        "S_BITS": sums, "ACC_BITS": max(acc, 2), "BEATS": beats,
        "FOLDS": folds, "WEIGHTS": table.file,
    }  # fmt: skip
    tables = [table]
    if powers:
        values["W_BASE"] = base
    if draw.chance(0.4):
        bias = draw.table("normal", max(acc, 2), pe * max(acc, 2), folds)
        tables.append(bias)
        values |= {"HAS_BIAS": 1, "BIAS": bias.file}
    if not signs and not powers and draw.chance(0.3):
        values["MULT"] = draw.choose([1, 2])
    if draw.chance(0.1) and not signs and not lanewise:
        values |= {"TAGGED": 1, "WORDS": folds * beats}
    return Configuration("hwc_mvu", values, tuple(tables))


def draw_threshold(draw: Draw) -> Configuration:
    """Comparators in parallel."""
    bits = draw.between(2, 18)
    kind = draw.choose([0, 1, 1])
    folds = draw.choose([1, 1, draw.size(2, 64)])
    count = draw.choose([1, 1, 2, 3, 3]) if folds > 1 else draw.choose([1, 3, 7, 7, 15, 31])
    lanes = draw.lanes(4 if count > 7 else 16)
    falling = int(draw.chance(0.25))
    width = bits + 1
    lane = count * width + falling
    table = draw.table("rising", width, lanes * lane, folds)
    out = max(1, count.bit_length()) + draw.choose([0, 0, 1])
    values: dict[str, Value] = {
        "PE": lanes, "IN_BITS": bits, "KIND": kind, "K": count, "T_BITS": width,
        "FALLING": falling, "FOLDS": folds, "OUT_BITS": out,
        "LO": Literal.hex(out, draw.choose([0, 0, (1 << out) >> 1])), "TABLE": table.file,
    }  # fmt: skip
    return Configuration("hwc_threshold", values, (table,))


def draw_threshold_search(draw: Draw) -> Configuration:
    """A binary search."""
    bits = draw.between(4, 18)
    kind = draw.choose([0, 1, 1])
    folds = draw.choose([1, draw.size(2, 64), draw.size(2, 64)])
    count = draw.choose([7, 15, 31, 63, 127, 255, draw.between(4, 255)])
    stages = count.bit_length()
    while (folds << stages) * (bits + 1) > 65536:
        folds //= 2
    lanes = draw.choose([1, 1, 2, 4])
    name = draw.table("rising", bits + 1, 1, 1).file.removesuffix(".hex")
    tables = tuple(
        Table(f"{name}_{stage:02}_{lane:05}.hex", bits + 1, folds << stage)
        for stage in range(stages)
        for lane in range(lanes)
    )
    values: dict[str, Value] = {
        "PE": lanes, "IN_BITS": bits, "KIND": kind, "K": count, "T_BITS": bits + 1,
        "FOLDS": folds, "STAGES": stages, "TABLES": name, "OUT_BITS": stages,
        "LO": Literal.hex(stages, draw.choose([0, 0, (1 << stages) >> 1])),
    }  # fmt: skip
    if draw.chance(0.3):
        values["FALLING"] = 1
        tables = (*tables, Table(f"{name}_falling.hex", lanes, folds))
    return Configuration("hwc_threshold_search", values, tables)


def draw_rescale(draw: Draw) -> Configuration:
    """Multiply, add, shift, round, clamp."""
    bits, kind = draw.between(4, 20), draw.choose([0, 1, 1])
    mul, shift = draw.between(2, 16), draw.between(0, 20)
    lanes, folds = draw.lanes(4), draw.choose([1, draw.size(2, 64)])
    add = draw.between(2, max(4, bits + mul))
    total = max(bits + (kind == 0) + mul, add, shift + 1) + 1
    if draw.chance(0.2):  # so narrow that no DSP block is worth it
        bits, mul, shift = draw.between(2, 6), draw.choose([1, 2, 2, 3]), draw.between(0, 4)
        add = draw.between(1, 8)
        total = max(bits + (kind == 0) + mul - draw.choose([0, 1]), add, shift + 2)
    shift = min(shift, max(bits + mul, add) - 1)  # else the result is constant
    out = draw.bits()
    low = 0 if draw.chance(0.6) else -(1 << (out - 1))
    high = low + (1 << out) - 1
    if out > 2 and draw.chance(0.15):  # limits that are not those of the type
        low, high = low + draw.between(0, 1) * (low < 0), high - draw.between(1, 3)
    table = draw.table("normal", max(mul, 2), lanes * (mul + add), folds)
    values: dict[str, Value] = {
        "PE": lanes, "IN_BITS": bits, "KIND": kind, "MUL_BITS": mul, "ADD_BITS": add,
        "SUM_BITS": total, "SHIFT": shift, "HALF_EVEN": draw.choose([1, 1, 0]),
        "FOLDS": folds, "OUT_BITS": out, "LO": Literal.signed(64, low),
        "HI": Literal.signed(64, high), "TABLE": table.file,
    }  # fmt: skip
    if draw.chance(0.2):  # a scale of more bits than a DSP block takes
        mul = draw.between(17, 30)
        add, total = max(add, mul - 4), bits + (kind == 0) + max(mul, add) + 1
        table = draw.table("normal", mul, lanes * (mul + add), folds)
        values |= {
            "MUL_BITS": mul, "ADD_BITS": add, "SUM_BITS": total,
            "SHIFT": draw.between(mul - 8, mul), "TABLE": table.file,
        }  # fmt: skip
    return Configuration("hwc_rescale", values, (table,))


def draw_table(draw: Draw) -> Configuration:
    """A function of a narrow element."""
    index, out = draw.between(2, 8), draw.bits()
    folds = draw.choose([1, 1, draw.size(2, 16)])
    name = draw.table("curve", out, 1, 1).file.removesuffix(".hex")
    values: dict[str, Value] = {
        "PE": draw.lanes(8), "IN_BITS": index, "INDEX": index, "OUT_BITS": out,
        "FOLDS": folds, "TABLE": name,
    }  # fmt: skip
    return Configuration("hwc_table", values, (Table(f"{name}.hex", out, folds << index),))


def draw_pool(draw: Draw) -> Configuration:
    """Windows that do not overlap."""
    bits, kind = element(draw, ternary=False)
    total = int(kind != 2 and draw.chance(0.4))
    size = draw.choose([4, 6, 8, 14, 16, 28, 32])
    kernel = draw.choose([2, 2, 2, 3, size])
    kernel = min(kernel, size)
    stride = kernel
    out = (size - kernel) // stride + 1
    values: dict[str, Value] = {
        "LANES": draw.lanes(16), "IN_BITS": bits, "KIND": kind, "SUM": total,
        "OUT_BITS": bits + (kernel * kernel - 1).bit_length() if total else bits,
        "HEIGHT": size, "WIDTH": size, "WORDS": draw.size(1, 64), "KERNEL_H": kernel,
        "KERNEL_W": kernel, "STRIDE_H": stride, "STRIDE_W": stride, "OUT_HEIGHT": out,
        "OUT_WIDTH": out,
    }  # fmt: skip
    return Configuration("hwc_pool", values)


def _reduction(draw: Draw, count: int) -> dict[str, Value]:
    bits, kind = element(draw, ternary=False)
    total = int(draw.chance(0.4))
    wide = (2 if kind == 2 else bits) + (count - 1).bit_length()
    return {
        "LANES": draw.lanes(16), "IN_BITS": bits, "KIND": kind, "SUM": total,
        "OUT_BITS": wide if total else bits,
    }  # fmt: skip


def draw_reduce(draw: Draw) -> Configuration:
    """Elements one after the other."""
    beats = draw.choose([1, 2, 4, 9, 9, 49, draw.size(2, 200)])
    return Configuration("hwc_reduce", {**_reduction(draw, beats), "BEATS": beats})


def draw_reduce_taps(draw: Draw) -> Configuration:
    """Elements side by side."""
    taps = draw.choose([2, 4, 4, 9, 9, 16])
    values = _reduction(draw, taps)
    values["LANES"] = draw.lanes(4)
    pixels = draw.choose([1, 1, 2])
    return Configuration("hwc_reduce_taps", {**values, "TAPS": taps, "PIXELS": pixels})


def _vote(draw: Draw) -> dict[str, Value]:
    count = draw.size(2, 1000)
    return {
        "IN_BITS": draw.between(2, 20), "KIND": draw.choose([0, 1]), "COUNT": count,
        "OUT_BITS": max(1, (count - 1).bit_length()),
    }  # fmt: skip


def draw_argmax(draw: Draw) -> Configuration:
    """The index of the largest."""
    return Configuration("hwc_argmax", _vote(draw))


def draw_topk(draw: Draw) -> Configuration:
    """The indices of the largest ones."""
    values = _vote(draw)
    return Configuration(
        "hwc_topk", {**values, "K": min(draw.choose([1, 2, 3, 5]), int(str(values["COUNT"])))}
    )
