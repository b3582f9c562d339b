"""Settings of the modules that carry, join, cut and reorder streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwcompress.hls.catalogue.setting import Memory, Setting, Value
from hwcompress.hls.rtl.netlist import Literal

__all__ = ["stream_settings"]


def stream_settings() -> Iterator[Setting]:
    """All of them, by module."""
    yield from _buffers()
    yield from _constants()
    yield from _forks()
    yield from _sums()
    yield from _orders()


def _buffers() -> Iterator[Setting]:
    for width in (8, 64):
        yield Setting("hwc_skid", f"{width} bits", {"WIDTH": width})
        yield Setting("hwc_half", f"{width} bits", {"WIDTH": width})
    yield Setting("hwc_slice", "32 bits, every cycle", {"WIDTH": 32, "PERIOD": 1})
    yield Setting("hwc_slice", "32 bits, every other cycle", {"WIDTH": 32, "PERIOD": 2})
    for width, depth in ((8, 16), (8, 64), (8, 512), (32, 1024)):
        title = f"{depth} beats of {width} bits"
        yield Setting("hwc_fifo", title, {"WIDTH": width, "DEPTH": depth})
    yield Setting("hwc_last", "8 bits, 100 beats", {"WIDTH": 8, "BEATS": 100})
    for width, ratio in ((8, 4), (4, 16)):
        parameters = {"WIDTH": width, "RATIO": ratio}
        yield Setting("hwc_width_down", f"1 to {ratio}, {width} bits", parameters)
        yield Setting("hwc_width_up", f"{ratio} to 1, {width} bits", parameters)
    for words, times in ((16, 4), (256, 8)):
        title = f"{words} beats of 8 bits, {times} times"
        yield Setting("hwc_replay", title, {"WIDTH": 8, "WORDS": words, "TIMES": times})
    for size, words in ((8, 4), (32, 16)):
        title = f"{size} x {size} pixels of {words} bytes, stride 2"
        parameters = {"BITS": 8, "HEIGHT": size, "WIDTH": size, "WORDS": words}
        yield Setting("hwc_subsample", title, parameters)


def _constants() -> Iterator[Setting]:
    for title, words, repeat, beats in (
        ("16 x 16 pixels of 16 bytes, by channel", 16, 1, 4096),
        ("16 x 16 pixels of 16 bytes, by position", 256, 16, 4096),
        ("16 x 16 pixels of 16 bytes, all different", 4096, 1, 4096),
    ):
        parameters: dict[str, Value] = {
            "WIDTH": 8, "WORDS": words, "REPEAT": repeat, "BEATS": beats, "TABLE": "values.hex",
        }  # fmt: skip
        yield Setting("hwc_constant", title, parameters, (Memory("values.hex", 8, words),))


def _forks() -> Iterator[Setting]:
    for count, width in ((2, 8), (4, 32)):
        title = f"{count} x {width} bits"
        yield Setting("hwc_fork", title, {"WIDTH": width, "COUNT": count})
        yield Setting("hwc_unzip", title, {
            "PIXEL": count * width, "COUNT": count,
            "OFFSETS": Literal.fields([i * width for i in range(count)], 32),
            "WIDTHS": Literal.fields([width] * count, 32),
        })  # fmt: skip
    for beats in ((4, 4), (16, 8, 8)):
        turns = _turns(beats)
        title = f"{'+'.join(map(str, beats))} beats of 8 bits"
        yield Setting("hwc_split", title, {"WIDTH": 8, **turns})
        yield Setting("hwc_concat", title, {**turns, **_inputs(len(beats), 1, 8), "OUT_BITS": 8})
        yield Setting("hwc_turn", f"{'+'.join(map(str, beats))} steps", turns)
    for count, lanes in ((2, 4), (3, 8)):
        inputs = _inputs(count, lanes, 4)
        inputs.pop("LANES")
        yield Setting("hwc_zip", f"{count} inputs of {lanes} x 4 bits", {
            **inputs, "PIXEL": count * lanes * 4, "LANES": Literal.fields([lanes] * count, 32),
            "PLACES": Literal.fields([i * lanes * 4 for i in range(count)], 32), "OUT_BITS": 4,
        })  # fmt: skip


def _sums() -> Iterator[Setting]:
    def added(title: str, lanes: int, factors: Sequence[int], stages: int, bits: int) -> Setting:
        count = len(factors)
        return Setting("hwc_add", title, {
            **_inputs(count, lanes, 8),
            "FACTORS": Literal.fields([abs(f) for f in factors], 64),
            "NEGATIVE": Literal.fields([int(f < 0) for f in factors], 1),
            "SLOTS": Literal.fields([255] * count, 8), "STAGES": stages, "OUT_BITS": bits,
        })  # fmt: skip

    yield added("2 inputs of 1 x 8 bits", 1, (1, 1), 1, 9)
    yield added("2 inputs of 8 x 8 bits, factors 1 and 4", 8, (1, 4), 1, 11)
    yield added("2 inputs of 1 x 8 bits, factors 77 and -51", 1, (77, -51), 2, 16)
    yield Setting("hwc_add", "2 inputs of 1 x 8 bits, factors by channel (64)", {
        **_inputs(2, 1, 8), "FACTORS": Literal.fields([0, 1], 64),
        "NEGATIVE": Literal.fields([0, 0], 1), "SLOTS": Literal.fields([0, 255], 8), "TABLES": 1,
        "MUL_BITS": 8, "FOLDS": 64, "STAGES": 3, "OUT_BITS": 17, "TABLE": "factors.hex",
    }, (Memory("factors.hex", 8, 64),))  # fmt: skip
    for lanes, bits, kind in ((1, 4, 0), (1, 8, 0), (8, 4, 0)):
        yield Setting("hwc_gate", f"{lanes} x {bits} bits by {bits} bits", {
            "LANES": lanes, "X_BITS": bits, "X_KIND": kind, "G_BITS": bits, "G_KIND": kind,
            "P_BITS": 2 * bits + 1, "OUT_BITS": 2 * bits,
        })  # fmt: skip


def _orders() -> Iterator[Setting]:
    for rows, columns in ((8, 8), (32, 32)):
        loops: dict[str, Value] = {
            "WIDTH": 8, "DEPTH": rows * columns, "COUNT": rows * columns, "LOOPS": 2,
            "SIZES": Literal.fields([rows, columns], 32),
            "STEPS": Literal.fields([columns, 1 - (rows - 1) * columns], 32),
        }  # fmt: skip
        yield Setting("hwc_permute", f"transposes {rows} x {columns} bytes", loops)
    yield Setting("hwc_permute", "64 bytes in the order of a table", {
        "WIDTH": 8, "DEPTH": 64, "COUNT": 64, "TABLED": 1, "TABLE": "order.hex",
    }, (Memory("order.hex", 6, 64),))  # fmt: skip
    order = Literal.fields([i // 2 + i % 2 * 8 for i in range(16)], 16)
    yield Setting("hwc_wires", "16 x 4 bits", {"LANES": 16, "BITS": 4, "ORDER": order})


def _turns(beats: Sequence[int]) -> dict[str, Value]:
    return {"COUNT": len(beats), "BEATS": Literal.fields(beats, 32), "LONGEST": max(beats)}


def _inputs(count: int, lanes: int, bits: int) -> dict[str, Value]:
    """``count`` signed inputs side by side."""
    return {
        "LANES": lanes, "COUNT": count, "S_WIDTH": count * lanes * bits,
        "OFFSETS": Literal.fields([i * lanes * bits for i in range(count)], 32),
        "WIDTHS": Literal.fields([bits] * count, 16), "KINDS": Literal.fields([1] * count, 4),
    }  # fmt: skip
