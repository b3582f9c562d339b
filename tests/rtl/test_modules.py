"""Library modules one by one: random stalls on both sides, exact beats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.ir.ops.spatial import output_size, windows

from .icarus import simulate

STALLS = [(0, 0), (140, 0), (0, 140), (100, 100)]


def _dut(module: str, parameters: dict[str, int | str], extra: str = "") -> str:
    text = ", ".join(f".{name}({value})" for name, value in parameters.items())
    return (
        f"{module} #({text}) dut (.clk(clk), .rst(rst), .s_data(s_data), .s_valid(s_valid),"
        f" .s_ready(s_ready), {extra or '.m_data(m_data)'}, .m_valid(m_valid), .m_ready(m_ready));"
    )


def _beats(rng: np.random.Generator, count: int, width: int) -> list[int]:
    return [int(v) for v in rng.integers(0, 1 << width, count)]


def _split(words: list[int], width: int, ratio: int) -> list[int]:
    return [(word >> (i * width)) & ((1 << width) - 1) for word in words for i in range(ratio)]


def _join(words: list[int], width: int, ratio: int) -> list[int]:
    groups = zip(*[iter(words)] * ratio, strict=True)
    return [sum(word << (i * width) for i, word in enumerate(group)) for group in groups]


@pytest.mark.parametrize("stalls", STALLS)
def test_buffers_pass_every_beat_once(tmp_path: Path, stalls: tuple[int, int]) -> None:
    """Register slice and FIFOs, narrow and wide, deep and shallow."""
    rng = np.random.default_rng(11)
    cases = [("hwc_skid", {"WIDTH": 1}), ("hwc_skid", {"WIDTH": 40})]
    cases += [("hwc_fifo", {"WIDTH": 5, "DEPTH": depth}) for depth in (3, 4, 16)]
    for module, parameters in cases:
        width = parameters["WIDTH"]
        words = _beats(rng, 120, width)
        got = simulate(
            tmp_path, _dut(module, parameters), words,
            in_width=width, out_width=width, expected=120, stalls=stalls,
        )  # fmt: skip
        assert got.beats == words
        if stalls == (0, 0):  # one beat a cycle
            assert np.all(np.diff(got.cycles) == 1)


@pytest.mark.parametrize("stalls", STALLS)
def test_slice_of_one_entry(tmp_path: Path, stalls: tuple[int, int]) -> None:
    """Every beat once, and one in two cycles."""
    words = _beats(np.random.default_rng(12), 120, 9)
    got = simulate(
        tmp_path, _dut("hwc_half", {"WIDTH": 9}), words,
        in_width=9, out_width=9, expected=120, stalls=stalls,
    )  # fmt: skip
    assert got.beats == words
    if stalls == (0, 0):
        assert np.all(np.diff(got.cycles) == 2)


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize(("width", "ratio"), [(1, 2), (3, 3), (4, 8), (7, 5)])
def test_width_converters(tmp_path: Path, stalls: tuple[int, int], width: int, ratio: int) -> None:
    """Down and up keep the order of the elements, lowest first."""
    rng = np.random.default_rng(width * ratio)
    wide = _beats(rng, 60, width * ratio)
    narrow = _split(wide, width, ratio)
    assert _join(narrow, width, ratio) == wide
    parameters: dict[str, int | str] = {"WIDTH": width, "RATIO": ratio}
    down = simulate(
        tmp_path, _dut("hwc_width_down", parameters), wide,
        in_width=width * ratio, out_width=width, expected=len(narrow), stalls=stalls,
    )  # fmt: skip
    assert down.beats == narrow
    up = simulate(
        tmp_path, _dut("hwc_width_up", parameters), narrow,
        in_width=width, out_width=width * ratio, expected=len(wide), stalls=stalls,
    )  # fmt: skip
    assert up.beats == wide
    if stalls == (0, 0):  # neither adds a bubble
        assert np.all(np.diff(down.cycles) == 1) and np.all(np.diff(up.cycles) == ratio)


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize(("words", "times"), [(1, 2), (1, 5), (3, 2), (4, 4), (7, 3)])
def test_replay(tmp_path: Path, stalls: tuple[int, int], words: int, times: int) -> None:
    """Every vector leaves the given number of times; output beats never pause."""
    rng = np.random.default_rng(words)
    vectors = [_beats(rng, words, 6) for _ in range(9)]
    expected = [word for vector in vectors for _ in range(times) for word in vector]
    got = simulate(
        tmp_path, _dut("hwc_replay", {"WIDTH": 6, "WORDS": words, "TIMES": times}),
        [word for vector in vectors for word in vector],
        in_width=6, out_width=6, expected=len(expected), stalls=stalls,
    )  # fmt: skip
    assert got.beats == expected
    if stalls == (0, 0):
        assert np.all(np.diff(got.cycles) == 1)


@pytest.mark.parametrize("beats", [1, 2, 5])
def test_last(tmp_path: Path, beats: int) -> None:
    """The mark comes with the last beat of each frame only."""
    words = _beats(np.random.default_rng(3), 4 * beats, 8)
    got = simulate(
        tmp_path,
        _dut("hwc_last", {"WIDTH": 8, "BEATS": beats}, ".m_data(m_data[7:0]), .m_last(m_data[8])"),
        words, in_width=8, out_width=9, expected=4 * beats, stalls=(90, 90),
    )  # fmt: skip
    marks = [256 * (i % beats == beats - 1) for i in range(4 * beats)]
    assert got.beats == [word + mark for word, mark in zip(words, marks, strict=True)]


def _random_window(rng: np.random.Generator) -> dict[str, int]:
    while True:
        size, kernel, stride, dilation = rng.integers((1, 1, 1, 1), (8, 4, 4, 3), (2, 4)).T
        before, after = rng.integers(0, 3, (2, 2)) * rng.integers(0, 2)
        room = size + before + after - dilation * (kernel - 1)
        if room.min() >= 1:
            break
    groups = int(rng.integers(1, 4))
    top, left, bottom, right = (int(v) for v in (*before, *after))
    out = output_size(
        tuple(size), tuple(kernel), tuple(stride), (top, left, bottom, right), tuple(dilation)
    )
    names = "HEIGHT WIDTH KERNEL_H KERNEL_W STRIDE_H STRIDE_W DILATION_H DILATION_W".split()
    values = [int(v) for pair in (size, kernel, stride, dilation) for v in pair]
    return {
        **dict(zip(names, values, strict=True)),
        "WORDS": groups * int(rng.integers(1, 3)), "GROUPS": groups,
        "FOLDS": int(rng.integers(1, 4)), "PAD_TOP": top, "PAD_LEFT": left,
        "OUT_HEIGHT": int(out[0]), "OUT_WIDTH": int(out[1]),
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_window(tmp_path: Path, seed: int) -> None:
    """Every output beat of random geometries, groups and folds, over three images.

    The ring is the smallest one that cannot lock up: a window and one row.
    """
    rng = np.random.default_rng([seed, 77])
    p = _random_window(rng)
    reach = p["DILATION_H"] * (p["KERNEL_H"] - 1) + 1
    p["ROWS"] = min(p["HEIGHT"], max(reach, p["PAD_TOP"] + 1)) + 1
    images = rng.integers(0, 64, (3, p["HEIGHT"], p["WIDTH"], p["WORDS"]))
    below, right = (
        (p[f"OUT_{n}"] - 1) * p[f"STRIDE_{s}"] + p[f"DILATION_{s}"] * (p[f"KERNEL_{s}"] - 1) + 1
        for n, s in (("HEIGHT", "H"), ("WIDTH", "W"))
    )
    shape = (3, below, right, p["WORDS"])
    padded = np.full(shape, 42)
    rows, columns = images[:, : below - p["PAD_TOP"], : right - p["PAD_LEFT"]].shape[1:3]
    padded[:, p["PAD_TOP"] : p["PAD_TOP"] + rows, p["PAD_LEFT"] : p["PAD_LEFT"] + columns] = images[
        :, :rows, :columns
    ]
    view = windows(
        padded, (p["KERNEL_H"], p["KERNEL_W"]), (p["STRIDE_H"], p["STRIDE_W"]),
        (p["DILATION_H"], p["DILATION_W"]),
    )  # fmt: skip
    by_group = view.reshape(*view.shape[:5], p["GROUPS"], -1).transpose(0, 1, 2, 5, 3, 4, 6)
    repeated = np.repeat(by_group[:, :, :, :, None], p["FOLDS"], axis=4)
    expected = [int(v) for v in repeated.reshape(-1)]
    dut = _dut("hwc_window", {"IN_BITS": 6, "OUT_BITS": 6, **p, "PAD": "6'd42"})
    got = simulate(
        tmp_path, dut, [int(v) for v in images.reshape(-1)],
        in_width=6, out_width=6, expected=len(expected), stalls=STALLS[seed % 4], seed=seed,
    )  # fmt: skip
    assert got.beats == expected


@pytest.mark.parametrize("bits", [1, 5, 6, 7, 13, 40])
def test_popcount(tmp_path: Path, bits: int) -> None:
    """Ones of random words, all ones and none."""
    out = bits.bit_length()
    words = [0, (1 << bits) - 1, *_beats(np.random.default_rng(bits), 60, bits)]
    dut = f"""wire [{out - 1}:0] count;
    hwc_popcount #(.N({bits})) popcount (.x(s_data), .count(count));
    hwc_skid #(.WIDTH({out})) slice (.clk(clk), .rst(rst), .s_data(count), .s_valid(s_valid),
        .s_ready(s_ready), .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready));"""
    got = simulate(tmp_path, dut, words, in_width=bits, out_width=out, expected=len(words))
    assert got.beats == [word.bit_count() for word in words]


def _value(raw: int, bits: int, kind: int) -> int:
    if kind == 2:
        return 2 * raw - 1
    return raw - (1 << bits) if kind in (1, 3) and raw >> (bits - 1) else raw


@pytest.mark.parametrize("x_kind", range(4))
@pytest.mark.parametrize("w_kind", range(4))
def test_products(tmp_path: Path, x_kind: int, w_kind: int) -> None:
    """Every pair of factors of every pair of kinds."""
    widths = {0: 3, 1: 4, 2: 1, 3: 2}
    xb, wb = widths[x_kind], widths[w_kind]
    words, expected = [], []
    for x in range(1 << xb):
        for w in range(1 << wb):
            if (x_kind == 3 and x == 2) or (w_kind == 3 and w == 2):
                continue  # not an element of the ternary type
            words.append(x | w << xb)
            expected.append(_value(x, xb, x_kind) * _value(w, wb, w_kind) & 0xFF)
    dut = f"""wire [4:0] p;
    wire [7:0] wide = {{{{3{{p[4]}}}}, p}};
    hwc_mul #(.X_BITS({xb}), .X_KIND({x_kind}), .W_BITS({wb}), .W_KIND({w_kind}), .P_BITS(P))
        mul (.x(s_data[{xb - 1}:0]), .w(s_data[{xb + wb - 1}:{xb}]), .p(p[P-1:0]));
    hwc_skid #(.WIDTH(8)) slice (.clk(clk), .rst(rst), .s_data(wide), .s_valid(s_valid),
        .s_ready(s_ready), .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready));"""
    bits = max((v if v < 128 else 255 - v) for v in expected).bit_length() + 1
    dut = dut.replace("[4:0] p", f"[{bits - 1}:0] p").replace("(P)", f"({bits})")
    dut = dut.replace("p[P-1:0]", "p").replace("{3{p[4]}}", f"{{{8 - bits}{{p[{bits - 1}]}}}}")
    got = simulate(tmp_path, dut, words, in_width=xb + wb, out_width=8, expected=len(words))
    assert got.beats == expected
