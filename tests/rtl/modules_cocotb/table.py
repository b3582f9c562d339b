"""The table: module, parameters, stimulus, reference. A new module gets its rows here.

A maker returns the cases of one module; ``TABLE`` names it. Words are raw beats,
element 0 lowest; everything has ``FRAMES`` frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hwcompress.hls.rtl.netlist import Literal
from tests.rtl.modules_cocotb.batch import Case, Words
from tests.rtl.modules_cocotb.words import (
    FRAMES,
    Rng,
    by_frame,
    draw_words,
    hex_text,
    joined,
    packed,
    parts_of,
    value_of,
)

__all__ = ["ELSEWHERE", "TABLE"]

ELSEWHERE = {
    "hwc_slice": "a choice of hwc_skid and hwc_half; every user of it is in the table",
    "hwc_reduce_taps": "tests/rtl/test_window_parallel.py, in designs",
    "hwc_window_parallel": "tests/rtl/test_window_parallel.py",
    "hwc_window_up": "tests of designs: its parameters are tables of the generator",
}
"""Stream modules without a row, and where they are tested."""


def _buffers(rng: Rng) -> Iterator[Case]:
    for module, more in (("hwc_skid", {}), ("hwc_half", {}), ("hwc_fifo", {"DEPTH": 3}),
                         ("hwc_fifo", {"DEPTH": 5}), ("hwc_fifo", {"DEPTH": 16})):  # fmt: skip
        for width in (1, 13):
            words = Words(width, draw_words(rng, width, 17))
            yield Case(module, {"WIDTH": width, **more}, [words], [words])


def _forks(rng: Rng) -> Iterator[Case]:
    for count in (2, 3):
        words = Words(7, draw_words(rng, 7, 15))
        yield Case("hwc_fork", {"WIDTH": 7, "COUNT": count}, [words], [words] * count)


def _last(rng: Rng) -> Iterator[Case]:
    for beats in (1, 5):
        frames = draw_words(rng, 6, beats)
        marked = by_frame(frames, lambda f: [w + (64 if i == len(f) - 1 else 0)
                                          for i, w in enumerate(f)])  # fmt: skip
        ports = (
            ".clk(aclk), .rst(rst), .s_data(s_data), .s_valid(s_valid), .s_ready(s_ready),"
            " .m_data(m_data[5:0]), .m_last(m_data[6]), .m_valid(m_valid), .m_ready(m_ready)"
        )
        yield Case("hwc_last", {"WIDTH": 6, "BEATS": beats}, [Words(6, frames)],
                   [Words(7, marked)], ports=ports)  # fmt: skip


def _widths(rng: Rng) -> Iterator[Case]:
    for width, ratio in ((1, 2), (3, 3), (4, 8), (7, 5)):
        wide = draw_words(rng, width * ratio, 6)
        narrow = by_frame(
            wide, lambda f, w=width, r=ratio: [p for x in f for p in parts_of(x, w, r)]
        )
        pair = Words(width * ratio, wide), Words(width, narrow)
        parameters = {"WIDTH": width, "RATIO": ratio}
        yield Case("hwc_width_down", parameters, [pair[0]], [pair[1]])
        yield Case("hwc_width_up", parameters, [pair[1]], [pair[0]])


def _replay(rng: Rng) -> Iterator[Case]:
    for words, times in ((1, 2), (3, 2), (4, 5)):
        frames = draw_words(rng, 5, words)
        repeated = Words(5, [frame * times for frame in frames])
        parameters = {"WIDTH": 5, "WORDS": words, "TIMES": times}
        yield Case("hwc_replay", parameters, [Words(5, frames)], [repeated])


def _best(values: list[int], count: int) -> list[int]:
    return sorted(range(len(values)), key=lambda i: (-values[i], i))[:count]


def _votes(rng: Rng) -> Iterator[Case]:
    for bits, kind, count in ((3, 0, 5), (4, 1, 10), (1, 2, 3), (2, 1, 2)):
        frames = draw_words(rng, bits, count)
        values = [[value_of(raw, bits, kind) for raw in frame] for frame in frames]
        base = {"IN_BITS": bits, "KIND": kind, "COUNT": count, "OUT_BITS": 4}
        yield Case("hwc_argmax", base, [Words(bits, frames)],
                   [Words(4, [_best(v, 1) for v in values])])  # fmt: skip
        for k in {1, 2, count}:
            order = [[joined(_best(v, k), 4)] for v in values]
            yield Case("hwc_topk", {**base, "K": k}, [Words(bits, frames)], [Words(4 * k, order)])


def _splits(rng: Rng) -> Iterator[Case]:
    for beats in ([1, 1], [3, 1], [2, 5, 1]):
        frames = draw_words(rng, 6, sum(beats))
        starts = np.cumsum([0, *beats])
        pieces = [
            Words(6, [frame[starts[i] : starts[i + 1]] for frame in frames])
            for i in range(len(beats))
        ]
        shared = {"COUNT": len(beats), "BEATS": packed(beats, 32), "LONGEST": max(beats)}
        yield Case("hwc_split", {"WIDTH": 6, **shared}, [Words(6, frames)], pieces)
        count = len(beats)
        parameters = {
            "LANES": 1, "S_WIDTH": 6 * count, "OFFSETS": packed([6 * i for i in range(count)], 32),
            "WIDTHS": packed([6] * count, 16), "KINDS": packed([0] * count, 4), "OUT_BITS": 6,
        }  # fmt: skip
        for lead in {0, count - 1}:
            yield Case(
                "hwc_concat", {**shared, **parameters, "LEAD": lead}, pieces, [Words(6, frames)]
            )


def _constants(rng: Rng) -> Iterator[Case]:
    """A source has no end, so another stream says how many beats it gives."""
    ports = ".clk(aclk), .rst(rst), .m_data(m_data), .m_valid({}_valid), .m_ready({}_go)"
    around = (
        "wire {}_valid;", "wire {}_go = s_valid & m_ready;", "assign m_valid = {}_valid & s_valid;",
        "assign s_ready = {}_valid & m_ready;",
    )  # fmt: skip
    for words, repeat, copies in ((1, 1, 1), (3, 1, 2), (2, 3, 1), (5, 2, 3)):
        contents = [int(word) for word in rng.integers(0, 32, words)]
        frame = [joined([w] * copies, 5) for w in contents for _ in range(repeat)]
        yield Case("hwc_constant", {
            "WIDTH": 5, "COPIES": copies, "WORDS": words, "REPEAT": repeat, "BEATS": len(frame),
            "TABLE": "{}.hex",
        }, [Words(1, draw_words(rng, 1, len(frame)))], [Words(5 * copies, [frame] * FRAMES)],
            {"{}.hex": hex_text(contents, 5)}, ports, around)  # fmt: skip


def _zips(rng: Rng) -> Iterator[Case]:
    """Two pixels a beat; each with one wide and two narrow elements."""
    wide, narrow = draw_words(rng, 8, 9), draw_words(rng, 12, 9)
    together = [
        [
            joined([parts_of(a, 4, 2)[p] | parts_of(b, 6, 2)[p] << 4 for p in range(2)], 10)
            for a, b in zip(*frames, strict=True)
        ]
        for frames in zip(wide, narrow, strict=True)
    ]
    streams, whole = [Words(8, wide), Words(12, narrow)], [Words(20, together)]
    yield Case("hwc_unzip", {"PIXELS": 2, "PIXEL": 10, "COUNT": 2, "OFFSETS": packed([0, 4], 32),
                             "WIDTHS": packed([4, 6], 32)}, whole, streams)  # fmt: skip
    # As elements: one of 4 bits, signed, becomes 6 bits; one of 6 stays.
    cast = [
        [
            joined([value_of(parts_of(a, 4, 2)[p], 4, 1) & 63 | parts_of(b, 6, 2)[p] << 6
                   for p in range(2)], 12)
            for a, b in zip(*frames, strict=True)
        ]
        for frames in zip(wide, narrow, strict=True)
    ]  # fmt: skip
    yield Case("hwc_zip", {
        "COUNT": 2, "S_WIDTH": 20, "PIXELS": 2, "PIXEL": 12, "LANES": packed([1, 1], 32),
        "OFFSETS": packed([0, 8], 32), "PLACES": packed([0, 6], 32),
        "WIDTHS": packed([4, 6], 16), "KINDS": packed([1, 1], 4), "OUT_BITS": 6,
    }, streams, [Words(24, cast)])  # fmt: skip


def _sums(rng: Rng) -> Iterator[Case]:
    """Inputs of different kinds, plain and with factors."""
    kinds, widths, lanes = [0, 1, 2], [3, 5, 1], 2
    for factors, stages in (([1, 2, 4], 1), ([3, -5, 7], 2)):
        frames = [draw_words(rng, lanes * width, 11) for width in widths]
        total = [
            [
                joined([sum(f * value_of(parts_of(x, w, lanes)[i], w, k)
                           for x, f, w, k in zip(beat, factors, widths, kinds, strict=True))
                       for i in range(lanes)], 10)
                for beat in zip(*streams, strict=True)
            ]
            for streams in zip(*frames, strict=True)
        ]  # fmt: skip
        yield Case("hwc_add", {
            "LANES": lanes, "COUNT": 3, "S_WIDTH": 18, "OFFSETS": packed([0, 6, 16], 32),
            "WIDTHS": packed(widths, 16), "KINDS": packed(kinds, 4),
            "FACTORS": packed([abs(f) for f in factors], 64),
            "NEGATIVE": packed([int(f < 0) for f in factors], 1), "SLOTS": packed([255] * 3, 8),
            "STAGES": stages, "OUT_BITS": 10,
        }, [Words(lanes * w, f) for w, f in zip(widths, frames, strict=True)],
            [Words(lanes * 10, total)])  # fmt: skip


def _gates(rng: Rng) -> Iterator[Case]:
    for lanes, xb, xk, gb, gk in ((2, 4, 1, 3, 0), (1, 3, 0, 4, 1), (3, 1, 2, 1, 2)):
        x, g = draw_words(rng, lanes * xb, 12), draw_words(rng, lanes * gb, 12)
        both = xk == 2 and gk == 2
        out = 1 if both else 8

        def product(a: int, b: int, xs=(xb, xk), gs=(gb, gk), both=both) -> int:  # type: ignore[no-untyped-def]
            value = value_of(a, *xs) * value_of(b, *gs)
            return int(value > 0) if both else value

        wanted = [
            [joined([product(p, q) for p, q in zip(parts_of(a, xb, lanes), parts_of(b, gb, lanes),
                                                  strict=True)], out)
             for a, b in zip(*pair, strict=True)]
            for pair in zip(x, g, strict=True)
        ]  # fmt: skip
        yield Case("hwc_gate", {
            "LANES": lanes, "X_BITS": xb, "X_KIND": xk, "G_BITS": gb, "G_KIND": gk,
            "P_BITS": 8, "OUT_BITS": out,
        }, [Words(lanes * xb, x), Words(lanes * gb, g)], [Words(lanes * out, wanted)])  # fmt: skip


def _orders(rng: Rng) -> Iterator[Case]:
    """Transposition by loops, any order by a table, wires."""
    frames = draw_words(rng, 9, 12)
    turned = by_frame(frames, lambda f: [f[4 * i + j] for j in range(4) for i in range(3)])
    # Loop 0 goes down a column of a 3 x 4 block, loop 1 to the next column.
    yield Case("hwc_permute", {
        "WIDTH": 9, "DEPTH": 12, "COUNT": 12, "LOOPS": 2, "SIZES": packed([3, 4], 32),
        "STEPS": packed([4, 1 - 8], 32),
    }, [Words(9, frames)], [Words(9, turned)])  # fmt: skip
    order = [int(i) for i in rng.integers(0, 12, 15)]
    yield Case("hwc_permute", {"WIDTH": 9, "DEPTH": 12, "COUNT": 15, "TABLED": 1,
                               "TABLE": "{}.hex"}, [Words(9, frames)],
               [Words(9, by_frame(frames, lambda f: [f[i] for i in order]))],
               {"{}.hex": hex_text(order, 4)})  # fmt: skip
    lanes = [2, 0, 3, 1]
    wide = draw_words(rng, 12, 8)
    mixed = by_frame(wide, lambda f: [joined([parts_of(w, 3, 4)[i] for i in lanes], 3) for w in f])
    yield Case("hwc_wires", {"LANES": 4, "BITS": 3, "ORDER": packed(lanes, 16)},
               [Words(12, wide)], [Words(12, mixed)])  # fmt: skip
    for height, width, words, down, right in ((4, 5, 2, 2, 2), (3, 3, 1, 1, 3)):
        images = draw_words(rng, 4, height * width * words)
        kept = by_frame(images, lambda f, s=(height, width, words), d=down, r=right: list(
            np.array(f).reshape(s)[::d, ::r].reshape(-1).tolist()))  # fmt: skip
        yield Case("hwc_subsample", {
            "BITS": 4, "HEIGHT": height, "WIDTH": width, "WORDS": words, "STRIDE_H": down,
            "STRIDE_W": right,
        }, [Words(4, images)], [Words(4, kept)])  # fmt: skip


def _pools(rng: Rng) -> Iterator[Case]:
    height, width, words, bits = 5, 4, 2, 3
    for kind, add in ((0, 0), (1, 0), (1, 1), (0, 1)):
        out = bits + 2 if add else bits
        frames = draw_words(rng, bits, height * width * words)

        def pooled(frame: list[int], kind: int = kind, add: int = add, out: int = out) -> list[int]:
            image = np.array([value_of(raw, bits, kind) for raw in frame])
            cut = image.reshape(height, width, words)[:4].reshape(2, 2, 2, 2, words)
            best = cut.sum(axis=(1, 3)) if add else cut.max(axis=(1, 3))
            return [int(v) & ((1 << out) - 1) for v in best.reshape(-1)]

        geometry = {"HEIGHT": height, "WIDTH": width, "WORDS": words}
        yield Case("hwc_pool", {"IN_BITS": bits, "KIND": kind, "SUM": add, "OUT_BITS": out,
                                **geometry}, [Words(bits, frames)],
                   [Words(out, by_frame(frames, pooled))])  # fmt: skip
        rows = draw_words(rng, 2 * bits, 12)

        def reduced(
            frame: list[int], kind: int = kind, add: int = add, out: int = out
        ) -> list[int]:
            x = np.array([[value_of(p, bits, kind) for p in parts_of(w, bits, 2)] for w in frame])
            groups = x.reshape(3, 4, 2)
            best = groups.sum(axis=1) if add else groups.max(axis=1)
            return [joined([int(v) for v in lane], out) for lane in best]

        yield Case("hwc_reduce", {"LANES": 2, "IN_BITS": bits, "KIND": kind, "BEATS": 4,
                                  "SUM": add, "OUT_BITS": out}, [Words(2 * bits, rows)],
                   [Words(2 * out, by_frame(rows, reduced))])  # fmt: skip


def _tables(rng: Rng) -> Iterator[Case]:
    folds, lanes = 3, 2
    tables = rng.integers(0, 32, (folds, 16))
    frames = draw_words(rng, 8, 6)
    looked = by_frame(frames, lambda f: [
        joined([int(tables[i % folds][p]) for p in parts_of(w, 4, lanes)], 5)
        for i, w in enumerate(f)])  # fmt: skip
    yield Case("hwc_table", {"PE": lanes, "IN_BITS": 4, "INDEX": 4, "OUT_BITS": 5,
                             "FOLDS": folds, "TABLE": "{}"}, [Words(8, frames)],
               [Words(10, looked)], {"{}.hex": hex_text(list(tables.reshape(-1)), 5)})  # fmt: skip


def _steps(rng: Rng) -> Iterator[Case]:
    bits, folds, lanes, levels = 6, 2, 2, 7
    rising = np.sort(rng.integers(-32, 33, (folds, lanes, levels)), axis=2)
    frames = draw_words(rng, bits * lanes, 8)
    wanted = by_frame(frames, lambda f: [
        joined([int(np.sum(value_of(p, bits, 1) >= rising[i % folds, lane]))
               for lane, p in enumerate(parts_of(w, bits, lanes))], 3)
        for i, w in enumerate(f)])  # fmt: skip
    streams = [Words(bits * lanes, frames)], [Words(3 * lanes, wanted)]
    shared = {"PE": lanes, "IN_BITS": bits, "KIND": 1, "K": levels, "T_BITS": 7, "FOLDS": folds,
              "OUT_BITS": 3}  # fmt: skip
    words = [joined([int(t) for t in fold.reshape(-1)], 7) for fold in rising]
    yield Case("hwc_threshold", {**shared, "TABLE": "{}.hex"}, *streams,
               {"{}.hex": hex_text(words, 7 * lanes * levels)})  # fmt: skip
    files = {}
    for stage in range(3):
        # Stage s compares with every threshold whose number ends in a 1 and 2 - s zeros.
        places = range((1 << (2 - stage)) - 1, levels, 1 << (3 - stage))
        for lane in range(lanes):
            tree = [int(rising[fold, lane, i]) for fold in range(folds) for i in places]
            for digits in (3, 5):  # of the lane in the name, by version of the module
                files[f"{{}}_{stage:02d}_{lane:0{digits}d}.hex"] = hex_text(tree, 7)
    yield Case("hwc_threshold_search", {**shared, "STAGES": 3, "TABLES": "{}"}, *streams, files)


def _rescales(rng: Rng) -> Iterator[Case]:
    bits, lanes, folds, shift = 6, 2, 2, 3
    for even in (0, 1):
        mul = rng.integers(-8, 8, (folds, lanes))
        add = rng.integers(-60, 60, (folds, lanes))
        frames = draw_words(rng, bits * lanes, 8)

        def one(x: int, m: int, a: int, even: int = even) -> int:
            total = m * x + a
            low = total >> shift
            rest = total - (low << shift)
            up = even and (rest > 4 or (rest == 4 and low & 1))
            return max(-16, min(15, low + int(up)))

        wanted = by_frame(frames, lambda f, one=one, mul=mul, add=add: [
            joined([one(value_of(p, bits, 1), int(mul[i % folds, lane]), int(add[i % folds, lane]))
                   for lane, p in enumerate(parts_of(w, bits, lanes))], 5)
            for i, w in enumerate(f)])  # fmt: skip
        table = [
            joined([(int(a) & 255) << 4 | int(m) & 15 for m, a in zip(*fold, strict=True)], 12)
            for fold in zip(mul, add, strict=True)
        ]
        yield Case("hwc_rescale", {
            "PE": lanes, "IN_BITS": bits, "KIND": 1, "MUL_BITS": 4, "ADD_BITS": 8, "SUM_BITS": 11,
            "SHIFT": shift, "HALF_EVEN": even, "FOLDS": folds, "OUT_BITS": 5,
            "LO": Literal.signed(64, -16), "HI": 15, "TABLE": "{}.hex",
        }, [Words(bits * lanes, frames)], [Words(5 * lanes, wanted)],
            {"{}.hex": hex_text(table, 24)})  # fmt: skip


def _engines(rng: Rng) -> Iterator[Case]:
    """Numbers, ternary, XNOR, shifts: FOLDS vectors of BEATS beats with weights of their own."""
    pe, simd, beats, folds = 2, 3, 2, 2
    # The last two: signed widths of a product and of a sum of SIMD products.
    for xb, xk, wb, wk, pb, sb in (
        (3, 0, 3, 1, 6, 8), (4, 1, 2, 3, 5, 6), (1, 2, 1, 2, 1, 1), (2, 3, 2, 3, 2, 3),
        (1, 2, 2, 3, 2, 3), (4, 1, 3, 4, 7, 8),
    ):  # fmt: skip
        raw = rng.integers(0, 1 << wb, (folds, beats, pe, simd))
        if wk == 3:
            raw = np.where(raw == 2, 1, raw)
        weight = np.vectorize(lambda r, b=wb, k=wk: value_of(int(r), b, k))(raw)
        frames = draw_words(rng, simd * xb, folds * beats)
        if xk == 3:  # -2 is no element of the ternary type
            frames = by_frame(
                frames, lambda f: [joined([1 if p == 2 else p for p in parts_of(w, 2, simd)], 2)
                                   for w in f]
            )  # fmt: skip

        def sums(frame: list[int], weight: np.ndarray = weight, x=(xb, xk)) -> list[int]:  # type: ignore[no-untyped-def]
            values = np.array([[value_of(p, *x) for p in parts_of(w, x[0], simd)] for w in frame])
            total = np.einsum("fbps,fbs->fp", weight, values.reshape(folds, beats, simd))
            return [joined([int(v) for v in row], 10) for row in total]

        words = [
            joined([int(v) for v in word.reshape(-1)], wb) for word in raw.reshape(-1, pe, simd)
        ]
        yield Case("hwc_mvu", {
            "PE": pe, "SIMD": simd, "X_BITS": xb, "X_KIND": xk, "W_BITS": wb, "W_KIND": wk,
            "P_BITS": pb, "S_BITS": sb, "ACC_BITS": 10,
            "BEATS": beats, "FOLDS": folds, "WEIGHTS": "{}.hex",
        }, [Words(simd * xb, frames)], [Words(pe * 10, by_frame(frames, sums))],
            {"{}.hex": hex_text(words, pe * simd * wb)})  # fmt: skip


def _windows(rng: Rng) -> Iterator[Case]:
    """3 x 3 with padding all around, two folds."""
    height, width, words, pad = 4, 3, 2, 21
    frames = draw_words(rng, 5, height * width * words)

    def seen(frame: list[int]) -> list[int]:
        image = np.full((height + 2, width + 2, words), pad)
        image[1:-1, 1:-1] = np.array(frame).reshape(height, width, words)
        return [
            int(v)
            for y in range(height)
            for x in range(width)
            for _ in range(2)
            for v in image[y : y + 3, x : x + 3].reshape(-1)
        ]

    yield Case("hwc_window", {
        "IN_BITS": 5, "OUT_BITS": 5, "HEIGHT": height, "WIDTH": width, "WORDS": words, "FOLDS": 2,
        "PAD_TOP": 1, "PAD_LEFT": 1, "OUT_HEIGHT": height, "OUT_WIDTH": width, "ROWS": 4,
        "PAD": Literal.hex(5, pad),
    }, [Words(5, frames)], [Words(5, by_frame(frames, seen))])  # fmt: skip


TABLE: Sequence[Callable[[Rng], Iterator[Case]]] = (
    _buffers, _forks, _last, _widths, _replay, _votes, _splits, _constants, _zips, _sums, _gates,
    _orders, _pools, _tables, _steps, _rescales, _engines, _windows,
)  # fmt: skip
"""Makers of cases; the modules are what the cases say."""
