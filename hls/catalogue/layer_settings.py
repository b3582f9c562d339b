"""Settings of the modules that are the engines of layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwcompress.hls.catalogue.setting import Memory, Setting, Value
from hwcompress.hls.folding import Folding, Lanes
from hwcompress.hls.folding.window import Window
from hwcompress.hls.rtl.plan import plan
from hwcompress.ir import ConvTranspose, Graph, Input, IntType, Output

__all__ = ["layer_settings"]


def layer_settings() -> Iterator[Setting]:
    """All of them, by module."""
    yield from _matrices()
    yield from _windows()
    yield from _up()
    yield from _pools()
    yield from _thresholds()
    yield from _scalars()
    yield from _votes()


_KINDS = {"unsigned": 0, "signed": 1, "bipolar": 2, "ternary": 3, "power": 4}


def _matrices() -> Iterator[Setting]:
    def engine(
        title: str, pe: int, simd: int, x: tuple[int, str], w: tuple[int, str], acc: int,
        beats: int, folds: int, **more: Value,
    ) -> Setting:  # fmt: skip
        power = w[1] == "power"  # of as many exponents as its code has, and zero
        product = x[0] + (2 ** (w[0] - 1) - 1 if power else w[0])
        weights = Memory("weights.hex", pe * simd * w[0], folds * beats)
        memories = [weights]
        values: dict[str, Value] = {
            "PE": pe, "SIMD": simd, "X_BITS": x[0], "X_KIND": _KINDS[x[1]], "W_BITS": w[0],
            "W_KIND": _KINDS[w[1]], "P_BITS": product, "S_BITS": product + (simd - 1).bit_length(),
            "ACC_BITS": acc, "BEATS": beats, "FOLDS": folds, "WEIGHTS": weights.file, **more,
        }  # fmt: skip
        if more.get("HAS_BIAS"):
            memories.append(Memory("bias.hex", pe * acc, folds))
            values["BIAS"] = "bias.hex"
        return Setting("hwc_mvu", title, values, tuple(memories))

    one, four, eight = (1, "bipolar"), (4, "unsigned"), (8, "unsigned")
    yield engine("1 x 1, 4 by 4 bits, 64 to 64", 1, 1, four, (4, "signed"), 14, 64, 64)
    yield engine("4 x 4, 4 by 4 bits, 64 to 64", 4, 4, four, (4, "signed"), 14, 16, 16)
    yield engine("8 x 8, 4 by 4 bits, 64 to 64, bias", 8, 8, four, (4, "signed"), 14, 8, 8,
                 HAS_BIAS=1)  # fmt: skip
    yield engine("4 x 4, 8 by 8 bits, a DSP each", 4, 4, eight, (8, "signed"), 22, 16, 16, MULT=2)
    yield engine("4 x 4, 8 by 8 bits, two in a DSP", 4, 4, eight, (8, "signed"), 22, 16, 16,
                 MULT=3, PACK_W=2, SHIFT=16)  # fmt: skip
    yield engine("4 x 4, 4 bits by ternary, 64 to 64", 4, 4, four, (2, "ternary"), 12, 16, 16)
    yield engine("4 x 4, 4 bits by power of two, 64 to 64", 4, 4, four, (4, "power"), 17, 16, 16)
    yield engine("16 x 32, bipolar, 576 to 64", 16, 32, one, one, 11, 18, 4)
    yield engine("4 x 4, 4 by 4 bits, weights written at run time", 4, 4, four, (4, "signed"), 14,
                 16, 16, RELOAD=1, STYLE="block")  # fmt: skip


def _windows() -> Iterator[Setting]:
    def geometry(window: Window) -> dict[str, Value]:
        pairs = {
            "KERNEL": window.kernel, "STRIDE": window.stride, "DILATION": window.dilation,
        }  # fmt: skip
        return {
            "HEIGHT": window.image[0], "WIDTH": window.image[1],
            **{f"{name}_{axis}": pair[i] for name, pair in pairs.items()
               for i, axis in enumerate("HW")},
            "PAD_TOP": window.before[0], "PAD_LEFT": window.before[1],
            "OUT_HEIGHT": window.output[0], "OUT_WIDTH": window.output[1],
        }  # fmt: skip

    for size, lanes, words in ((8, 1, 8), (32, 16, 4)):
        window = Window((size, size), (size, size), (3, 3), (1, 1), (1, 1))
        channels = lanes * words
        yield Setting("hwc_window", f"3 x 3 over {size} x {size} x {channels}, {lanes} a beat", {
            **geometry(window), "LANES": lanes, "WORDS": words, "ROWS": 6,
        })  # fmt: skip
    strided = Window((32, 32), (16, 16), (3, 3), (2, 2), (1, 1))
    yield Setting("hwc_window", "3 x 3, stride 2, over 32 x 32 x 16, 4 a beat, folds: 4", {
        **geometry(strided), "LANES": 4, "WORDS": 4, "FOLDS": 4, "ROWS": 6,
    })  # fmt: skip
    for size, lanes, words, pixels in ((8, 8, 1, 1), (32, 16, 1, 1), (32, 3, 1, 2)):
        window = Window((size, size), (size, size), (3, 3), (1, 1), (1, 1))
        title = f"3 x 3 over {size} x {size} x {lanes * words}"
        yield Setting("hwc_window_parallel", f"{title}, windows a beat: {pixels}", {
            **geometry(window), "LANES": lanes, "WORDS": words, "PIXELS": pixels,
            "PIXELS_IN": window.pixels_in(pixels), "DEPTH": window.bank_depth(words, pixels),
        })  # fmt: skip


def _up() -> Iterator[Setting]:
    """Of whole layers: the parameters are tables that only the generator makes."""
    dtype, wtype = IntType(0, 15), IntType(-8, 7)
    rng = np.random.default_rng(0)
    for size, channels, pe, simd in ((4, 4, 1, 1), (16, 16, 4, 8)):
        weight = rng.integers(-8, 8, (channels, 4, 4, channels))
        op = ConvTranspose(
            "up", ("x",), ("y",), weight, wtype, None, (2, 2), (1, 1, 1, 1), (0, 0), (1, 1), 1
        )
        shape = (size, size, channels)
        head = Input("in", (), ("x",), shape, (0, 1, 2), shape, dtype, 1.0)
        graph = Graph.build("up", [head, op, Output("out", ("y",), ())])
        made = plan(graph, Folding({"up": Lanes(pe, simd)}))
        for item in made.builder.netlist.instances:
            title = f"4 x 4, stride 2, over {size} x {size} x {channels}, {simd} a beat"
            if item.module == "hwc_window_up":
                yield Setting(item.module, title, item.parameters)
            if item.module == "hwc_mvu":
                values = dict(item.parameters)
                width = pe * simd * wtype.bits
                memory = Memory(str(values["WEIGHTS"]), width, int(str(values["WORDS"])))
                tagged = f"{pe} x {simd}, tagged: transposed, {size} x {size} x {channels}"
                yield Setting(item.module, tagged, values, (memory,), timed=False)


def _pools() -> Iterator[Setting]:
    for title, size, words, lanes, kernel, total, bits in (
        ("maximum, 2 x 2 over 32 x 32, 4 words of 4 lanes", 32, 4, 4, 2, 0, 4),
        ("sum, whole 8 x 8 image, 16 words of 4 lanes", 8, 16, 4, 8, 1, 10),
    ):
        yield Setting("hwc_pool", title, {
            "LANES": lanes, "HEIGHT": size, "WIDTH": size, "WORDS": words, "KERNEL_H": kernel,
            "KERNEL_W": kernel, "STRIDE_H": kernel, "STRIDE_W": kernel, "SUM": total,
            "OUT_HEIGHT": size // kernel, "OUT_WIDTH": size // kernel, "OUT_BITS": bits,
        })  # fmt: skip
    for lanes, total, bits in ((1, 0, 4), (8, 0, 4), (8, 1, 8)):
        what = "sum" if total else "maximum"
        values: dict[str, Value] = {"LANES": lanes, "SUM": total, "OUT_BITS": bits}
        yield Setting("hwc_reduce", f"{what} of 9 beats, {lanes} x 4 bits", {**values, "BEATS": 9})
        yield Setting("hwc_reduce_taps", f"{what} of 9 positions, {lanes} x 4 bits", {
            **values, "TAPS": 9,
        })  # fmt: skip


def _thresholds() -> Iterator[Setting]:
    for lanes, count, folds in ((1, 1, 64), (1, 15, 64), (8, 3, 8), (8, 15, 8)):
        memory = Memory("steps.hex", lanes * count * 12, folds)
        title = f"{lanes} x 12 bits, thresholds: {count}, folds: {folds}"
        yield Setting("hwc_threshold", title, {
            "PE": lanes, "IN_BITS": 12, "K": count, "T_BITS": 12, "FOLDS": folds,
            "OUT_BITS": count.bit_length(), "TABLE": memory.file,
        }, (memory,))  # fmt: skip
    for lanes, count, folds in ((1, 15, 64), (1, 255, 16), (2, 63, 16)):
        stages = count.bit_length()
        memories = tuple(
            Memory(f"search_{stage:02}_{lane:05}.hex", 16, folds << stage)
            for stage in range(stages)
            for lane in range(lanes)
        )
        title = f"{lanes} x 16 bits, thresholds: {count}, folds: {folds}"
        yield Setting("hwc_threshold_search", title, {
            "PE": lanes, "IN_BITS": 16, "K": count, "T_BITS": 16, "FOLDS": folds,
            "STAGES": stages, "TABLES": "search", "OUT_BITS": stages,
        }, memories)  # fmt: skip


def _scalars() -> Iterator[Setting]:
    for lanes, folds in ((1, 64), (4, 16), (4, 1)):
        memory = Memory("scales.hex", lanes * (12 + 20), folds)
        yield Setting("hwc_rescale", f"{lanes} x 18 bits to 8, folds: {folds}", {
            "PE": lanes, "IN_BITS": 18, "MUL_BITS": 12, "ADD_BITS": 20, "SUM_BITS": 30,
            "SHIFT": 16, "FOLDS": folds, "TABLE": memory.file,
        }, (memory,))  # fmt: skip
    for lanes, bits, folds in ((1, 8, 1), (4, 8, 1), (1, 4, 64)):
        memory = Memory("function.hex", bits, folds << bits)
        yield Setting("hwc_table", f"{lanes} x {bits} bits to {bits}, folds: {folds}", {
            "PE": lanes, "IN_BITS": bits, "INDEX": bits, "OUT_BITS": bits, "FOLDS": folds,
            "TABLE": "function",
        }, (memory,))  # fmt: skip


def _votes() -> Iterator[Setting]:
    for bits, count in ((16, 10), (8, 1000)):
        index = (count - 1).bit_length()
        values: dict[str, Value] = {"IN_BITS": bits, "COUNT": count, "OUT_BITS": index}
        yield Setting("hwc_argmax", f"{count} x {bits} bits", values)
        yield Setting("hwc_topk", f"5 of {count} x {bits} bits", {**values, "K": 5})
