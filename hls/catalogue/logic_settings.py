"""Settings of the modules without streams: arithmetic, memories, control."""

from __future__ import annotations

from collections.abc import Iterator

from hwcompress.hls.catalogue.setting import Memory, Setting, Value
from hwcompress.hls.rtl.netlist import Literal

__all__ = ["logic_settings"]


def logic_settings() -> Iterator[Setting]:
    """All of them, by module."""
    yield from _trees()
    yield from _products()
    yield from _counts()
    yield from _memories()
    yield Setting("hwc_axil", "4 memories of 2 x 32 bits and 256 words", {
        "PIECES": 2, "SELECT_BITS": 2, "ADDR_BITS": 8,
    })  # fmt: skip


def _trees() -> Iterator[Setting]:
    for count, bits in ((4, 8), (16, 8)):
        yield Setting("hwc_adder_tree", f"{count} x {bits} bits", {"N": count, "IN_BITS": bits})
        yield Setting("hwc_max_tree", f"{count} x {bits} bits", {"N": count, "BITS": bits})
    yield Setting("hwc_cast", "8 x 1 bit bipolar to 2 bits", {
        "LANES": 8, "IN_BITS": 1, "KIND": 2, "OUT_BITS": 2,
    })  # fmt: skip
    for title, total, kind in (("maximum of 8 bits", 0, 0), ("sum of 8 bits", 1, 0)):
        yield Setting("hwc_reduce_lane", title, {
            "IN_BITS": 8, "KIND": kind, "SUM": total, "OUT_BITS": 12 if total else 8,
        })  # fmt: skip


def _products() -> Iterator[Setting]:
    kinds = {"unsigned": 0, "signed": 1, "bipolar": 2, "ternary": 3, "power": 4}
    for x_bits, x_kind, w_bits, w_kind, bits in (
        (1, "bipolar", 1, "bipolar", 2),
        (4, "unsigned", 2, "ternary", 5),
        (4, "unsigned", 4, "signed", 8),
        (8, "unsigned", 8, "signed", 16),
        (4, "unsigned", 4, "power", 11),
        (8, "unsigned", 4, "power", 15),
    ):
        yield Setting("hwc_mul", f"{x_kind}, {x_bits}, by {w_kind}, {w_bits}", {
            "X_BITS": x_bits, "X_KIND": kinds[x_kind], "W_BITS": w_bits, "W_KIND": kinds[w_kind],
            "P_BITS": bits,
        })  # fmt: skip
    yield Setting("hwc_mul", "unsigned, 8, by signed, 8, in logic", {
        "X_BITS": 8, "X_KIND": 0, "W_BITS": 8, "W_KIND": 1, "P_BITS": 16, "MULT": 1,
    })  # fmt: skip
    for weights, elements, bits in ((2, 1, 8), (2, 2, 4)):
        yield Setting("hwc_mul_pack", f"{weights} weights by {elements} elements of {bits} bits", {
            "NW": weights, "NX": elements, "X_BITS": bits, "W_BITS": bits, "P_BITS": 2 * bits,
            "SHIFT": 2 * bits,
        })  # fmt: skip
    for count, bits, shift in ((2, 8, 16), (4, 4, 8)):
        yield Setting("hwc_pack", f"{count} x {bits} bits", {
            "N": count, "BITS": bits, "SHIFT": shift,
        })  # fmt: skip
    base: dict[str, Value] = {"PE": 2, "SIMD": 4}
    yield Setting("hwc_products", "2 x 4 products of 4 bits", base)
    wide: dict[str, Value] = {"X_BITS": 8, "W_BITS": 8, "P_BITS": 16}
    yield Setting("hwc_products", "2 x 4 products of 8 bits, a DSP each", {
        **base, **wide, "MULT": 2,
    })  # fmt: skip
    yield Setting("hwc_products", "2 x 4 products of 8 bits, two in a DSP", {
        **base, **wide, "MULT": 3, "PACK_W": 2, "SHIFT": 16,
    })  # fmt: skip


def _counts() -> Iterator[Setting]:
    for count in (6, 36, 144):
        yield Setting("hwc_popcount", f"{count} bits", {"N": count})
    for height, columns in ((9, 2), (48, 2)):
        total = columns * height
        yield Setting("hwc_compress", f"{columns} weights, {height} bits each", {
            "COLUMNS": columns, "TOTAL": total, "OUT_BITS": (height * 3).bit_length(),
            "HEIGHTS": Literal.fields([height] * columns, 16),
        })  # fmt: skip
    names = {2: "bipolar", 3: "ternary"}
    for simd, x, w in ((36, 2, 2), (144, 2, 2), (36, 2, 3), (36, 3, 3)):
        yield Setting("hwc_signs", f"{simd} products, {names[x]} by {names[w]}", {
            "SIMD": simd, "X_KIND": x, "W_KIND": w, "SUM_BITS": (2 * simd).bit_length(),
        })  # fmt: skip


def _memories() -> Iterator[Setting]:
    for width, depth, style in (
        (32, 64, "auto"), (32, 64, "logic"), (32, 1024, "auto"), (32, 1024, "block"),
    ):  # fmt: skip
        title = f"{depth} words of {width} bits, {style}"
        memory = Memory("words.hex", width, depth)
        shape: dict[str, Value] = {"WIDTH": width, "DEPTH": depth, "STYLE": style}
        yield Setting("hwc_rom", title, {**shape, "TABLE": memory.file}, (memory,))
    # iCE40, which gets the first one, has no distributed RAM.
    for depth, style in ((1024, "block"), (64, "distributed")):
        memory = Memory("words.hex", 32, depth)
        yield Setting("hwc_weights", f"{depth} words of 32 bits, {style}, can be written", {
            "WIDTH": 32, "DEPTH": depth, "RELOAD": 1, "STYLE": style, "TABLE": memory.file,
        }, (memory,))  # fmt: skip
    for stage in (0, 4):
        memory = Memory("thresholds.hex", 10, 16 * 2**stage)
        yield Setting("hwc_threshold_stage", f"stage {stage} of 8, 10 bits, 16 folds", {
            "T_BITS": 10, "FOLDS": 16, "FW": 4, "STAGE": stage, "STAGES": 8,
            "TABLE": memory.file,
        }, (memory,))  # fmt: skip
