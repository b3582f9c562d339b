"""Random configurations of the modules that carry, join, cut and reorder streams."""

from __future__ import annotations

from hwcompress.hls.catalogue.setting import Value
from hwcompress.hls.estimate.config import Configuration, Table
from hwcompress.hls.estimate.draw import Draw

__all__ = [
    "draw_add", "draw_concat", "draw_constant", "draw_fifo", "draw_fork", "draw_gate",
    "draw_half", "draw_last", "draw_permute", "draw_replay", "draw_skid", "draw_slice",
    "draw_split", "draw_subsample", "draw_turn", "draw_unzip", "draw_width_down",
    "draw_width_up", "draw_zip",
]  # fmt: skip


def draw_skid(draw: Draw) -> Configuration:
    """A register slice."""
    return Configuration("hwc_skid", {"WIDTH": draw.size(1, 256)})


def draw_half(draw: Draw) -> Configuration:
    """A register slice of one entry."""
    return Configuration("hwc_half", {"WIDTH": draw.size(1, 256)})


def draw_slice(draw: Draw) -> Configuration:
    """The choice of the two."""
    return Configuration(
        "hwc_slice", {"WIDTH": draw.size(1, 256), "PERIOD": draw.choose([1, 2, 9])}
    )


def draw_fifo(draw: Draw) -> Configuration:
    """A buffer, in LUT memory or block memory."""
    return Configuration("hwc_fifo", {"WIDTH": draw.size(1, 128), "DEPTH": draw.size(3, 4096)})


def draw_last(draw: Draw) -> Configuration:
    """An end of a chain."""
    return Configuration("hwc_last", {"WIDTH": 8 * draw.size(1, 8), "BEATS": draw.size(1, 100000)})


def draw_width_down(draw: Draw) -> Configuration:
    """Wide to narrow."""
    return Configuration(
        "hwc_width_down", {"WIDTH": draw.size(1, 64), "RATIO": max(2, draw.size(2, 32))}
    )


def draw_width_up(draw: Draw) -> Configuration:
    """Narrow to wide."""
    return Configuration(
        "hwc_width_up", {"WIDTH": draw.size(1, 64), "RATIO": max(2, draw.size(2, 32))}
    )


def draw_replay(draw: Draw) -> Configuration:
    """A vector several times."""
    words = draw.size(1, 1024)
    return Configuration(
        "hwc_replay",
        {"WIDTH": draw.size(1, 96), "WORDS": words, "TIMES": max(2, draw.size(2, 512))},
    )


def draw_subsample(draw: Draw) -> Configuration:
    """Pixels between those of a stride dropped."""
    values: dict[str, Value] = {
        "BITS": draw.size(1, 96), "HEIGHT": draw.size(2, 64), "WIDTH": draw.size(2, 64),
        "WORDS": draw.size(1, 64), "STRIDE_H": draw.choose([1, 2, 2, 3]),
        "STRIDE_W": draw.choose([2, 2, 3]),
    }  # fmt: skip
    return Configuration("hwc_subsample", values)


def draw_constant(draw: Draw) -> Configuration:
    """A source of the same values for every frame."""
    bits, copies = draw.bits(), draw.choose([1, 1, 2, 4])
    width, words = bits * draw.lanes(8), draw.size(1, 256)
    repeat = draw.choose([1, 1, 4, 16, 49])
    table = draw.table("normal", bits, width, words)
    values: dict[str, Value] = {
        "WIDTH": width, "COPIES": copies, "WORDS": words, "REPEAT": repeat,
        "BEATS": words * repeat, "TABLE": table.file,
    }  # fmt: skip
    return Configuration("hwc_constant", values, (table,))


def draw_fork(draw: Draw) -> Configuration:
    """Copies of a stream."""
    return Configuration(
        "hwc_fork", {"WIDTH": draw.size(1, 96), "COUNT": draw.choose([2, 2, 2, 3, 4])}
    )


def draw_unzip(draw: Draw) -> Configuration:
    """A beat cut into several."""
    count, pixels = draw.choose([2, 2, 3, 4]), draw.choose([1, 1, 2])
    widths = [draw.size(1, 64) for _ in range(count)]
    places = [sum(widths[:i]) for i in range(count)]
    values: dict[str, Value] = {
        "PIXELS": pixels, "PIXEL": sum(widths), "COUNT": count,
        "OFFSETS": draw.fields(places, 32), "WIDTHS": draw.fields(widths, 32),
    }  # fmt: skip
    return Configuration("hwc_unzip", values)


def _turns(draw: Draw) -> dict[str, Value]:
    count = draw.choose([2, 2, 3, 4])
    beats = [draw.size(1, 256) for _ in range(count)]
    return {"COUNT": count, "BEATS": draw.fields(beats, 32), "LONGEST": max(beats)}


def draw_turn(draw: Draw) -> Configuration:
    """Whose turn it is."""
    return Configuration("hwc_turn", _turns(draw))


def draw_split(draw: Draw) -> Configuration:
    """Beats dealt out in turn."""
    return Configuration("hwc_split", {"WIDTH": draw.size(1, 96), **_turns(draw)})


def _inputs(draw: Draw, count: int, lanes: list[int]) -> tuple[dict[str, Value], list[int]]:
    """Inputs side by side, each with a width and KIND of its own; and the widths."""
    same = draw.chance(0.5)
    first = draw.bits()
    widths = [first if same else draw.bits() for _ in range(count)]
    kinds = [draw.choose([0, 1]) if bits > 1 else draw.choose([0, 2]) for bits in widths]
    offsets = [sum(w * n for w, n in zip(widths[:i], lanes, strict=False)) for i in range(count)]
    total = sum(w * n for w, n in zip(widths, lanes, strict=True))
    values: dict[str, Value] = {
        "COUNT": count, "S_WIDTH": total, "OFFSETS": draw.fields(offsets, 32),
        "WIDTHS": draw.fields(widths, 16), "KINDS": draw.fields(kinds, 4),
    }  # fmt: skip
    return values, widths


def draw_concat(draw: Draw) -> Configuration:
    """Streams one after the other."""
    turns = _turns(draw)
    count, lanes = int(str(turns["COUNT"])), draw.lanes(8)
    inputs, widths = _inputs(draw, count, [lanes] * count)
    more = {"LANES": lanes, "OUT_BITS": max(widths) + 1, "LEAD": draw.choose([0, 0, 1])}
    return Configuration("hwc_concat", {**turns, **inputs, **more})


def draw_zip(draw: Draw) -> Configuration:
    """Streams side by side."""
    count, out = draw.choose([2, 2, 3]), 9
    lanes = [draw.lanes(8) for _ in range(count)]
    inputs, widths = _inputs(draw, count, lanes)
    out = max(widths) + draw.choose([0, 1])
    if out == 1:
        out = 2
    places = [out * sum(lanes[:i]) for i in range(count)]
    values: dict[str, Value] = {
        **inputs, "PIXEL": out * sum(lanes), "LANES": draw.fields(lanes, 32),
        "PLACES": draw.fields(places, 32), "OUT_BITS": out,
    }  # fmt: skip
    return Configuration("hwc_zip", values)


def draw_add(draw: Draw) -> Configuration:
    """A weighted sum: plain, with constant factors, or with factors by channel."""
    count, lanes = draw.choose([2, 2, 2, 3]), draw.lanes(8)
    inputs, widths = _inputs(draw, count, [lanes] * count)
    style = draw.choose([0, 0, 1, 2])
    shifts = [1 << draw.choose([0, 0, 1, 3]) for _ in range(count)]
    factors = [draw.between(3, 255) for _ in range(count)] if style == 1 else shifts
    negative = [int(draw.chance(0.25)) for _ in range(count)]
    reach = sum(f << w for f, w in zip(factors, widths, strict=True))
    slots = [255] * count
    values: dict[str, Value] = {}
    tables: tuple[Table, ...] = ()
    if style == 2:
        some = draw.between(1, count)
        slots[:some] = range(some)
        mul, folds = draw.between(2, 10), draw.size(1, 64)
        reach <<= mul
        table = draw.table("normal", mul, lanes * some * mul, folds)
        tables = (table,)
        values = {"TABLES": some, "MUL_BITS": mul, "FOLDS": folds, "TABLE": table.file}
    values |= {
        **inputs, "LANES": lanes, "FACTORS": draw.fields(factors, 64),
        "NEGATIVE": draw.fields(negative, 1), "SLOTS": draw.fields(slots, 8),
        "STAGES": (1, 2, 3)[style], "OUT_BITS": reach.bit_length() + 1,
    }  # fmt: skip
    return Configuration("hwc_add", values, tables)


def draw_gate(draw: Draw) -> Configuration:
    """A product of two streams."""
    lanes = draw.lanes(8)
    x, g = draw.bits(), draw.bits()
    kinds = [draw.choose([0, 1]) if bits > 1 else draw.choose([0, 2]) for bits in (x, g)]
    gates = draw.choose([d for d in range(1, lanes + 1) if lanes % d == 0])
    both = kinds == [2, 2]
    product = x + g + 1
    out = 1 if both else product - (0 if kinds[0] or kinds[1] else 1)
    values: dict[str, Value] = {
        "LANES": lanes, "G_LANES": gates, "X_BITS": x, "X_KIND": kinds[0], "G_BITS": g,
        "G_KIND": kinds[1], "P_BITS": max(product, out), "OUT_BITS": out,
    }  # fmt: skip
    return Configuration("hwc_gate", values)


def draw_permute(draw: Draw) -> Configuration:
    """Beats of a block in another order, by loops or by a table."""
    width = draw.size(1, 64)
    rows, columns = draw.size(2, 64), draw.size(2, 64)
    depth = rows * columns
    if depth <= 512 and draw.chance(0.3):
        bits = max(1, (depth - 1).bit_length())
        table = draw.table("uniform", bits, bits, depth)
        values: dict[str, Value] = {
            "WIDTH": width, "DEPTH": depth, "COUNT": depth, "TABLED": 1, "TABLE": table.file,
        }  # fmt: skip
        return Configuration("hwc_permute", values, (table,))
    inner = draw.choose([1, 1, 2])  # beats that stay together
    sizes, steps = [rows, columns], [columns, 1 - (rows - 1) * columns]
    if inner > 1:
        sizes = [inner, rows, columns]
        back = inner - 1
        steps = [1, columns * inner - back, inner - (rows - 1) * columns * inner - back]
    values = {
        "WIDTH": width, "DEPTH": depth * inner, "COUNT": depth * inner, "LOOPS": len(sizes),
        "SIZES": draw.fields(sizes, 32), "STEPS": draw.fields(steps, 32),
    }  # fmt: skip
    return Configuration("hwc_permute", values)
