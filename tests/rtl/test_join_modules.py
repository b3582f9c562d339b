"""Modules with several inputs or outputs one by one: random stalls, exact beats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.rtl.netlist import Literal

from .icarus import Response
from .streams import Source, simulate_streams

STALLS = [(0, 0), (140, 0), (0, 140), (100, 100)]
_BEATS = 60


def _value(raw: int, bits: int, kind: int) -> int:
    if kind == 2:
        return 2 * raw - 1
    return raw - (1 << bits) if kind in (1, 3) and raw >> (bits - 1) else raw


def _elements(beat: int, bits: int, lanes: int) -> list[int]:
    return [beat >> (i * bits) & ((1 << bits) - 1) for i in range(lanes)]


def _pack(raws: Sequence[int], bits: int) -> int:
    return sum((raw & ((1 << bits) - 1)) << (i * bits) for i, raw in enumerate(raws))


def _starts(widths: Sequence[int]) -> list[int]:
    return [sum(widths[:i]) for i in range(len(widths))]


def _words(rng: np.random.Generator, count: int, width: int) -> list[int]:
    return [int.from_bytes(rng.bytes(16)) & ((1 << width) - 1) for _ in range(count)]


def _run(
    folder: Path,
    module: str,
    parameters: dict[str, int | Literal | str],
    inputs: Sequence[Source],
    outputs: Sequence[tuple[int, int]],
    seed: int,
) -> list[Response]:
    """The module between packed buses, with the stalls of the seed."""
    text = ", ".join(
        f".{name}({value.text if isinstance(value, Literal) else value})"
        for name, value in parameters.items()
    )
    s_data = ", ".join(f"s_data_{i}" for i in reversed(range(len(inputs))))
    m_data = ", ".join(f"m_data_{i}" for i in reversed(range(len(outputs))))
    return simulate_streams(
        folder,
        f"{module} #({text}) dut (.clk(clk), .rst(rst), .s_data({{{s_data}}}), .s_valid(s_valid),"
        f" .s_ready(s_ready), .m_data({{{m_data}}}), .m_valid(m_valid), .m_ready(m_ready));",
        inputs,
        outputs,
        stalls=STALLS[seed % 4],
        seed=seed,
        joins=len(inputs) > 1,
    )


def _rate(responses: Sequence[Response], seed: int) -> None:
    """Without pauses a beat leaves in every cycle."""
    if seed % 4 == 0:
        for response in responses:
            assert np.all(np.diff(response.cycles) == 1)


@pytest.mark.parametrize("seed", range(8))
def test_fork(tmp_path: Path, seed: int) -> None:
    """Every copy is complete and in order, however the others pause."""
    rng = np.random.default_rng([seed, 71])
    count, width = int(rng.integers(2, 5)), int(rng.integers(1, 20))
    words = _words(rng, _BEATS, width)
    got = _run(
        tmp_path, "hwc_fork", {"WIDTH": width, "COUNT": count}, [Source(width, words)],
        [(width, _BEATS)] * count, seed,
    )  # fmt: skip
    assert all(response.beats == words for response in got)
    _rate(got, seed)


def _draw_inputs(
    rng: np.random.Generator, count: int
) -> tuple[list[int], list[int], dict[str, int | Literal | str]]:
    kinds = [int(kind) for kind in rng.integers(0, 3, count)]
    bits = [1 if kind == 2 else int(rng.integers(2, 7)) for kind in kinds]
    return kinds, bits, {
        "COUNT": count,
        "WIDTHS": Literal.fields(bits, 16),
        "KINDS": Literal.fields(kinds, 4),
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_add(tmp_path: Path, seed: int) -> None:
    """Constant factors of all kinds, factors by channel, any number of inputs."""
    rng = np.random.default_rng([seed, 72])
    count, lanes, folds = (int(v) for v in rng.integers((2, 1, 1), (5, 4, 4)))
    kinds, bits, parameters = _draw_inputs(rng, count)
    tabled = rng.integers(0, 2, count) * int(rng.integers(2))
    factors = rng.choice([0, 1, 1, -1, 2, -4, 3, -5, 11], (folds, lanes, count))
    factors = np.where(tabled == 0, factors[:1, :1], factors)
    fixed = [int(factors[0, 0, i]) if not tabled[i] else 0 for i in range(count)]
    free = all(abs(factor).bit_count() <= 1 for factor in fixed)
    widths = [lanes * b for b in bits]
    out = 12
    parameters |= {
        "LANES": lanes,
        "S_WIDTH": sum(widths),
        "OFFSETS": Literal.fields(_starts(widths), 32),
        "FACTORS": Literal.fields([abs(factor) for factor in fixed], 64),
        "NEGATIVE": Literal.fields([int(factor < 0) for factor in fixed], 1),
        "SLOTS": Literal.fields(
            [int(sum(tabled[:i])) if tabled[i] else 255 for i in range(count)], 8
        ),
        "STAGES": 3 if tabled.any() else 1 if free else 2,
        "OUT_BITS": out,
    }
    if tabled.any():
        rows = factors[:, :, tabled == 1].reshape(folds, -1)
        text = "".join(f"{_pack([int(v) for v in row], 5):x}\n" for row in rows)
        (tmp_path / "table.hex").write_text(text)
        parameters |= {
            "TABLES": int(tabled.sum()), "MUL_BITS": 5, "FOLDS": folds, "TABLE": '"table.hex"',
        }  # fmt: skip
    beats = [_words(rng, _BEATS, width) for width in widths]
    expected = []
    for t in range(_BEATS):
        sums = [0] * lanes
        for i in range(count):
            for lane, raw in enumerate(_elements(beats[i][t], bits[i], lanes)):
                sums[lane] += int(factors[t % folds, lane, i]) * _value(raw, bits[i], kinds[i])
        expected.append(_pack(sums, out))
    (got,) = _run(
        tmp_path, "hwc_add", parameters,
        [Source(*item) for item in zip(widths, beats, strict=True)], [(lanes * out, _BEATS)], seed,
    )  # fmt: skip
    assert got.beats == expected
    _rate([got], seed)


@pytest.mark.parametrize("seed", range(16))
def test_gate(tmp_path: Path, seed: int) -> None:
    """Every pair of kinds; gates for several groups of elements."""
    rng = np.random.default_rng([seed, 73])
    kinds = (seed % 4, seed // 4)
    bits = [{0: 3, 1: 4, 2: 1, 3: 2}[kind] for kind in kinds]
    g_lanes, groups = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    lanes = g_lanes * groups
    xnor = kinds == (2, 2)
    out = 1 if xnor else 8
    widths = [lanes * bits[0], g_lanes * bits[1]]
    # -2 is no element of a ternary type.
    choices = [
        [r for r in range(1 << b) if k != 3 or r != 2] for b, k in zip(bits, kinds, strict=True)
    ]
    beats = [
        [_pack([int(v) for v in rng.choice(pool, width // b)], b) for _ in range(_BEATS)]
        for pool, width, b in zip(choices, widths, bits, strict=True)
    ]
    expected = []
    for x, g in zip(*beats, strict=True):
        gates = [_value(v, bits[1], kinds[1]) for v in _elements(g, bits[1], g_lanes)] * groups
        values = [_value(v, bits[0], kinds[0]) for v in _elements(x, bits[0], lanes)]
        products = [a * b for a, b in zip(values, gates, strict=True)]
        expected.append(_pack([(p + 1) // 2 if xnor else p for p in products], out))
    width = sum(b + (k == 0) + (k == 2) for b, k in zip(bits, kinds, strict=True))
    parameters = {
        "LANES": lanes, "G_LANES": g_lanes, "X_BITS": bits[0], "X_KIND": kinds[0],
        "G_BITS": bits[1], "G_KIND": kinds[1], "P_BITS": width, "OUT_BITS": 1 if xnor else width,
    }  # fmt: skip
    real = parameters["OUT_BITS"]
    (got,) = _run(
        tmp_path, "hwc_gate", parameters,
        [Source(*item) for item in zip(widths, beats, strict=True)], [(lanes * real, _BEATS)], seed,
    )  # fmt: skip
    mask = (1 << real) - 1
    assert [_elements(beat, real, lanes) for beat in got.beats] == [
        [raw & mask for raw in _elements(beat, out, lanes)] for beat in expected
    ]
    _rate([got], seed)


@pytest.mark.parametrize("seed", range(12))
def test_concat(tmp_path: Path, seed: int) -> None:
    """Turns of different lengths, inputs of different types."""
    rng = np.random.default_rng([seed, 74])
    count, lanes = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    kinds, bits, parameters = _draw_inputs(rng, count)
    turns = [int(v) for v in rng.integers(1, 5 if seed % 3 else 2, count)]
    widths, out = [lanes * b for b in bits], 7
    parameters |= {
        "LANES": lanes,
        "S_WIDTH": sum(widths),
        "OFFSETS": Literal.fields(_starts(widths), 32),
        "BEATS": Literal.fields(turns, 32),
        "LONGEST": max(turns),
        "OUT_BITS": out,
    }
    rounds = 15
    beats = [_words(rng, rounds * turn, width) for turn, width in zip(turns, widths, strict=True)]
    expected = [
        _pack([_value(raw, bits[i], kinds[i]) for raw in _elements(beat, bits[i], lanes)], out)
        for k in range(rounds)
        for i in range(count)
        for beat in beats[i][k * turns[i] : (k + 1) * turns[i]]
    ]
    (got,) = _run(
        tmp_path, "hwc_concat", parameters,
        [Source(*item) for item in zip(widths, beats, strict=True)],
        [(lanes * out, len(expected))], seed,
    )  # fmt: skip
    assert got.beats == expected
    _rate([got], seed)


@pytest.mark.parametrize("seed", range(8))
def test_split(tmp_path: Path, seed: int) -> None:
    """The inverse of the concatenation."""
    rng = np.random.default_rng([seed, 75])
    count, width = int(rng.integers(2, 5)), int(rng.integers(1, 12))
    turns = [int(v) for v in rng.integers(1, 5 if seed % 3 else 2, count)]
    rounds = 15
    words = _words(rng, rounds * sum(turns), width)
    parameters: dict[str, int | Literal | str] = {
        "WIDTH": width, "COUNT": count, "BEATS": Literal.fields(turns, 32), "LONGEST": max(turns),
    }  # fmt: skip
    got = _run(
        tmp_path, "hwc_split", parameters, [Source(width, words)],
        [(width, rounds * turn) for turn in turns], seed,
    )  # fmt: skip
    rows = [words[k * sum(turns) : (k + 1) * sum(turns)] for k in range(rounds)]
    for response, start, turn in zip(got, _starts(turns), turns, strict=True):
        assert response.beats == [word for row in rows for word in row[start : start + turn]]


@pytest.mark.parametrize("seed", range(8))
def test_zip_and_unzip(tmp_path: Path, seed: int) -> None:
    """Whole pixels, one or several a beat, joined with a cast and cut again."""
    rng = np.random.default_rng([seed, 76])
    count, pixels = int(rng.integers(2, 4)), int(rng.integers(1, 4))
    kinds, bits, parameters = _draw_inputs(rng, count)
    channels = [int(v) for v in rng.integers(1, 4, count)]
    widths = [pixels * n * b for n, b in zip(channels, bits, strict=True)]
    out = 7
    parts = [n * out for n in channels]
    beats = [_words(rng, _BEATS, width) for width in widths]
    joined, cut = [], [[] for _ in range(count)]
    for t in range(_BEATS):
        values = [
            [_value(raw, bits[i], kinds[i]) for raw in _elements(beats[i][t], bits[i], n * pixels)]
            for i, n in enumerate(channels)
        ]
        joined.append(
            _pack(
                [
                    value
                    for p in range(pixels)
                    for i, n in enumerate(channels)
                    for value in values[i][p * n : (p + 1) * n]
                ],
                out,
            )
        )
        for i, row in enumerate(values):
            cut[i].append(_pack(row, out))
    width = pixels * sum(parts)
    (got,) = _run(
        tmp_path,
        "hwc_zip",
        {
            **parameters,
            "PIXELS": pixels,
            "PIXEL": sum(parts),
            "S_WIDTH": sum(widths),
            "LANES": Literal.fields(channels, 32),
            "OFFSETS": Literal.fields(_starts(widths), 32),
            "PLACES": Literal.fields(_starts(parts), 32),
            "OUT_BITS": out,
        },
        [Source(*item) for item in zip(widths, beats, strict=True)],
        [(width, _BEATS)],
        seed,
    )
    assert got.beats == joined
    apart = _run(
        tmp_path,
        "hwc_unzip",
        {
            "PIXELS": pixels,
            "PIXEL": sum(parts),
            "COUNT": count,
            "OFFSETS": Literal.fields(_starts(parts), 32),
            "WIDTHS": Literal.fields(parts, 32),
        },
        [Source(width, joined)],
        [(pixels * part, _BEATS) for part in parts],
        seed,
    )
    assert [response.beats for response in apart] == cut
    _rate([got, *apart], seed)
