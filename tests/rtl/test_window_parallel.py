"""The window that gives all kernel positions at once: order, padding, restarts, cycles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.folding.window import Window
from hwcompress.ir.ops.spatial import output_size, windows

from .icarus import simulate
from .test_modules import STALLS, _dut

_PAD = 42
_IMAGES = 5


def _random_window(rng: np.random.Generator) -> tuple[Window, int]:
    """A geometry that fits, and its pixels a beat."""
    while True:
        size = rng.integers(1, 11, 2)
        kernel, stride, dilation = rng.integers((1, 1, 1), (5, 4, 3), (2, 3)).T
        reach = dilation * (kernel - 1) + 1
        before, after = rng.integers(0, reach, (2, 2)) * rng.integers(0, 2)
        if (size + before + after - reach).min() < 0:
            continue
        pads = (int(before[0]), int(before[1]), int(after[0]), int(after[1]))
        pairs = [(int(v[0]), int(v[1])) for v in (size, kernel, stride, dilation)]
        out = output_size(pairs[0], pairs[1], pairs[2], pads, pairs[3])
        made = Window(pairs[0], (int(out[0]), int(out[1])), pairs[1], pairs[2], pads[:2], pairs[3])
        if not made.fits_parallel():
            continue
        choices = made.pixel_choices()
        if choices and not made.is_pointwise and rng.integers(2):
            return made, int(rng.choice(choices))
        return made, 1


def _expected(images: np.ndarray, window: Window) -> np.ndarray:
    """``(n, OH, OW, KH, KW, words)`` of images ``(n, H, W, words)``."""
    spans = [
        (n - 1) * s + r for n, s, r in zip(window.output, window.stride, window.reach, strict=True)
    ]
    padded = np.full((len(images), *spans, images.shape[3]), _PAD)
    top, left = window.before
    inner = images[:, : max(0, spans[0] - top), : max(0, spans[1] - left)]
    padded[:, top : top + inner.shape[1], left : left + inner.shape[2]] = inner
    view = windows(padded, window.kernel, window.stride, window.dilation)
    return view.reshape(len(images), *window.output, *window.kernel, -1)


def _join(elements: np.ndarray) -> list[int]:
    """Rows of elements to beats, the first one lowest."""
    return [sum(int(v) << (6 * i) for i, v in enumerate(row)) for row in elements]


def _run(seed: int, folder: Path, stalls: tuple[int, int]) -> None:
    rng = np.random.default_rng([seed, 78])
    w, pixels = _random_window(rng)
    words = 1 if pixels > 1 else int(rng.integers(1, 4))
    folds, lanes = (1 if pixels > 1 else int(rng.integers(1, 4))), int(rng.integers(1, 3))
    taken = w.pixels_in(pixels)
    images = rng.integers(0, 64, (_IMAGES, *w.image, words * lanes))
    stimulus = _join(images.reshape(-1, taken * lanes))
    found = _expected(images, w)
    found = found.reshape(*found.shape[:5], words, lanes)
    # (n, OH, OW / P, words, P, KH, KW, lanes)
    found = found.reshape(_IMAGES, w.output[0], -1, pixels, *w.kernel, words, lanes)
    found = found.transpose(0, 1, 2, 6, 3, 4, 5, 7)
    elements = pixels * w.taps * lanes
    beats = np.repeat(found.reshape(-1, elements), folds, axis=0)
    parameters = {
        "LANES": lanes, "PIXELS": pixels, "PIXELS_IN": taken, "IN_BITS": 6, "OUT_BITS": 6,
        "HEIGHT": w.image[0], "WIDTH": w.image[1], "WORDS": words, "FOLDS": folds,
        "KERNEL_H": w.kernel[0], "KERNEL_W": w.kernel[1],
        "STRIDE_H": w.stride[0], "STRIDE_W": w.stride[1],
        "DILATION_H": w.dilation[0], "DILATION_W": w.dilation[1],
        "PAD_TOP": w.before[0], "PAD_LEFT": w.before[1],
        "OUT_HEIGHT": w.output[0], "OUT_WIDTH": w.output[1],
        "DEPTH": w.bank_depth(words, pixels),
        "PAD": f"{6 * lanes}'d{sum(_PAD << (6 * i) for i in range(lanes))}",
    }  # fmt: skip
    got = simulate(
        folder, _dut("hwc_window_parallel", parameters), stimulus, in_width=6 * taken * lanes,
        out_width=6 * elements, expected=len(beats), stalls=stalls, seed=seed,
    )  # fmt: skip
    assert got.beats == _join(beats), f"seed {seed}"
    if stalls == (0, 0):
        ends = got.cycles[len(beats) // _IMAGES - 1 :: len(beats) // _IMAGES]
        cycles = w.parallel_cycles(words, folds, pixels)
        assert list(np.diff(ends)[2:]) == [cycles] * (_IMAGES - 3), f"seed {seed}"


@pytest.mark.parametrize("seed", range(16))
def test_window_parallel(tmp_path: Path, seed: int) -> None:
    """Every beat of random geometries, and the cycles of an image where nothing pauses."""
    _run(seed, tmp_path, STALLS[seed % 4])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 900))
def test_many_windows_parallel(tmp_path: Path, seed: int) -> None:
    """A long sweep over the same."""
    _run(seed, tmp_path, STALLS[seed % 4])
