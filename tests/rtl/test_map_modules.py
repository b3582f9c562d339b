"""Library modules with one input, one by one: random stalls on both sides, exact beats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.ir.ops.spatial import output_size, windows

from .icarus import simulate
from .test_modules import STALLS, _beats, _dut


def _packed(values: list[int], width: int) -> str:
    word = sum((value & ((1 << width) - 1)) << (i * width) for i, value in enumerate(values))
    return f"{len(values) * width}'h{word:x}"


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize(("pe", "folds", "own"), [(1, 1, 0), (3, 1, 0), (2, 3, 1), (1, 4, 1)])
def test_table(tmp_path: Path, stalls: tuple[int, int], pe: int, folds: int, own: int) -> None:
    """Five bits of which the lower four differ; a table for each lane and fold."""
    rng = np.random.default_rng(pe + folds)
    tables = rng.integers(0, 128, (pe if own else 1, folds, 16))
    for lane, words in enumerate(tables):
        name = f"t_{lane:05d}.hex" if own else "t.hex"
        (tmp_path / name).write_text("".join(f"{word:02x}\n" for word in words.reshape(-1)))
    x = rng.integers(0, 32, (20 * folds, pe))
    fold = np.arange(20 * folds)[:, None] % folds
    y = tables[np.arange(pe) if own else np.zeros(pe, int), fold, x % 16]
    parameters: dict[str, int | str] = {
        "PE": pe, "IN_BITS": 5, "INDEX": 4, "OUT_BITS": 7, "FOLDS": folds, "OWN": own,
        "TABLE": '"t"',
    }  # fmt: skip
    got = simulate(
        tmp_path, _dut("hwc_table", parameters), [int(v) for v in x @ (32 ** np.arange(pe))],
        in_width=5 * pe, out_width=7 * pe, expected=len(x), stalls=stalls,
    )  # fmt: skip
    assert got.beats == [int(v) for v in y @ (128 ** np.arange(pe))]
    if stalls == (0, 0):
        assert np.all(np.diff(got.cycles) == 1)


# depth, loops (size, stride) innermost first, start
ORDERS = [
    (6, [(2, 3), (3, 1)], 0),
    (12, [(3, 4), (2, 1), (2, 2)], 0),
    (5, [(5, -1)], 4),
    (4, [(2, 1), (3, 0), (2, 2)], 0),  # upsampling
    (1, [(3, 0)], 0),
    (7, [(2, 1), (2, 3)], 1),  # cropping
    (2, [(2, 1)], 0),
]


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("number", range(len(ORDERS)))
def test_permute(tmp_path: Path, stalls: tuple[int, int], number: int) -> None:
    """Loops and tables give the same order; no pause within or between blocks."""
    depth, loops, start = ORDERS[number]
    addresses = np.array([start])
    for size, stride in loops:
        addresses = (addresses + stride * np.arange(size)[:, None]).reshape(-1)
    back, steps = 0, []
    for size, stride in loops:
        steps.append(stride - back)
        back += (size - 1) * stride
    blocks = np.array(_beats(np.random.default_rng(depth), 7 * depth, 9)).reshape(7, depth)
    expected = [int(v) for v in blocks[:, addresses].reshape(-1)]
    (tmp_path / "order.hex").write_text("".join(f"{v:x}\n" for v in addresses))
    common: dict[str, int | str] = {"WIDTH": 9, "DEPTH": depth, "COUNT": addresses.size}
    by_loops = {
        "LOOPS": len(loops), "SIZES": _packed([size for size, _ in loops], 32),
        "STEPS": _packed(steps, 32), "START": start,
    }  # fmt: skip
    for more in (by_loops, {"TABLED": 1, "TABLE": '"order.hex"'}):
        got = simulate(
            tmp_path, _dut("hwc_permute", {**common, **more}), [int(v) for v in blocks.reshape(-1)],
            in_width=9, out_width=9, expected=len(expected), stalls=stalls, seed=number + 1,
        )  # fmt: skip
        assert got.beats == expected
        if stalls == (0, 0):
            pace = max(depth, addresses.size)
            assert np.all(np.diff(got.cycles[:: addresses.size])[2:] == pace)


def test_wires(tmp_path: Path) -> None:
    """Three elements of five bits in another order, behind a slice."""
    words = _beats(np.random.default_rng(1), 40, 15)
    dut = f"""wire [14:0] d; wire v, r;
    hwc_wires #(.LANES(3), .BITS(5), .ORDER({_packed([2, 0, 1], 16)})) wires (
        .clk(clk), .rst(rst), .s_data(s_data), .s_valid(s_valid), .s_ready(s_ready),
        .m_data(d), .m_valid(v), .m_ready(r));
    hwc_skid #(.WIDTH(15)) slice (.clk(clk), .rst(rst), .s_data(d), .s_valid(v), .s_ready(r),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready));"""
    got = simulate(tmp_path, dut, words, in_width=15, out_width=15, expected=40, stalls=(60, 60))
    assert got.beats == [w >> 10 | (w & 31) << 5 | (w >> 5 & 31) << 10 for w in words]


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize(("count", "k"), [(1, 1), (2, 2), (9, 1), (9, 3), (6, 6)])
@pytest.mark.parametrize("kind", [0, 1])
def test_topk(tmp_path: Path, stalls: tuple[int, int], count: int, k: int, kind: int) -> None:
    """Many ties; one frame right behind the other."""
    rng = np.random.default_rng([count, k, kind])
    frames = rng.integers(-4 * kind, 8 - 4 * kind, (12, count))
    order = np.argsort(-frames, axis=1, kind="stable")[:, :k]
    parameters: dict[str, int | str] = {
        "IN_BITS": 3, "KIND": kind, "COUNT": count, "K": k, "OUT_BITS": 4,
    }  # fmt: skip
    got = simulate(
        tmp_path, _dut("hwc_topk", parameters), [int(v) & 7 for v in frames.reshape(-1)],
        in_width=3, out_width=4 * k, expected=12, stalls=stalls,
    )  # fmt: skip
    assert got.beats == [sum(int(v) << (4 * i) for i, v in enumerate(row)) for row in order]
    if stalls == (0, 0):
        assert np.all(np.diff(got.cycles) == count)


@pytest.mark.parametrize("seed", range(8))
def test_subsample(tmp_path: Path, seed: int) -> None:
    """The first pixel of every stride, of the first row of every stride."""
    rng = np.random.default_rng([seed, 3])
    (height, width), words, strides = (
        rng.integers(1, 6, 2),
        rng.integers(1, 4),
        rng.integers(1, 4, 2),
    )
    images = rng.integers(0, 256, (4, height, width, words))
    expected = [int(v) for v in images[:, :: strides[0], :: strides[1]].reshape(-1)]
    parameters: dict[str, int | str] = {
        "BITS": 8, "HEIGHT": int(height), "WIDTH": int(width), "WORDS": int(words),
        "STRIDE_H": int(strides[0]), "STRIDE_W": int(strides[1]),
    }  # fmt: skip
    got = simulate(
        tmp_path, _dut("hwc_subsample", parameters), [int(v) for v in images.reshape(-1)],
        in_width=8, out_width=8, expected=len(expected), stalls=STALLS[seed % 4],
    )  # fmt: skip
    assert got.beats == expected


@pytest.mark.parametrize("seed", range(16))
def test_pool(tmp_path: Path, seed: int) -> None:
    """Windows that do not overlap, down to columns of one beat and windows of one pixel."""
    rng = np.random.default_rng([seed, 4])
    kernel = rng.integers(1, 4, 2)
    stride = kernel + rng.integers(0, 2, 2)
    size = kernel + rng.integers(0, 6, 2)
    words, total = int(rng.integers(1, 4)), bool(rng.integers(2))
    images = rng.integers(0, 8, (5, *size, words))
    shape = output_size(tuple(size), tuple(kernel), tuple(stride), (0, 0, 0, 0), (1, 1))
    view = windows(images, tuple(kernel), tuple(stride), (1, 1))
    result = view.sum(axis=(3, 4)) if total else view.max(axis=(3, 4))
    bits = 8 if total else 3
    names = "HEIGHT WIDTH KERNEL_H KERNEL_W STRIDE_H STRIDE_W OUT_HEIGHT OUT_WIDTH".split()
    values = [int(v) for pair in (size, kernel, stride, shape) for v in pair]
    parameters: dict[str, int | str] = {
        "IN_BITS": 3, "SUM": int(total), "OUT_BITS": bits, "WORDS": words,
        **dict(zip(names, values, strict=True)),
    }  # fmt: skip
    got = simulate(
        tmp_path, _dut("hwc_pool", parameters), [int(v) for v in images.reshape(-1)],
        in_width=3, out_width=bits, expected=result.size, stalls=STALLS[seed % 4], seed=seed + 1,
    )  # fmt: skip
    assert got.beats == [int(v) for v in result.reshape(-1)]
    if seed % 4 == 0:
        frame = size[0] * size[1] * words
        assert np.all(np.diff(got.cycles[:: result[0].size]) == frame)
