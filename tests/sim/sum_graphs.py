"""Small graphs for the kernel of weighted sums: one for every way that it can be called.

A way is what words are read, what follows the sums, and what words are written. Whether the
simulator does choose it is for the test to see.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwcompress.ir import (
    BIPOLAR,
    Conv,
    Graph,
    Input,
    IntType,
    Op,
    Output,
    Rescale,
    TensorType,
    Threshold,
)
from hwcompress.sim.words import dot_kernel as kernel

__all__ = ["KINDS", "MODES", "RESULTS", "Way", "graph_of", "ways"]

Way = tuple[str, str, str]
"""Words that are read, what follows, words that are written."""

KINDS = {"bytes": kernel.BYTES, "pairs": kernel.PAIRS, "bits": kernel.BITS}
RESULTS = {**KINDS, "wide": kernel.WIDE}
MODES = {
    "raw": kernel.RAW,
    "compare": kernel.COMPARE,
    "search": kernel.SEARCH,
    "rescale": kernel.RESCALE,
    "narrow": kernel.NARROW,
    "near": kernel.NEAR,
    "double": kernel.DOUBLE,
    "float_bytes": kernel.FLOAT_BYTES,
    "double_bytes": kernel.DOUBLE_BYTES,
    "compare_bytes": kernel.COMPARE_BYTES,
    "near_bytes": kernel.NEAR_BYTES,
}
# Modes that make words of bytes at once, and those that do the same otherwise.
_AT_ONCE = {
    "float_bytes": "narrow",
    "double_bytes": "double",
    "compare_bytes": "compare",
    "near_bytes": "near",
}
_CHANNELS = (1, 3, 5, 31, 33)
_FROM = 100_000
_LARGE = 300


def ways() -> Iterator[Way]:
    """All of them: single bits come of one threshold only.

    Bytes are made at once, unless of sums of single bits; a guess that may be wrong either way
    is not.
    """
    for kind in KINDS:
        for mode in MODES:
            if mode in _AT_ONCE:
                if kind != "bits":
                    yield kind, mode, "bytes"
                continue
            for result in ("bytes", "pairs", "wide"):
                once = mode in _AT_ONCE.values() and mode != "near" and result == "bytes"
                if kind == "bits" or not once:
                    yield kind, mode, result
        yield kind, "compare", "bits"


def graph_of(way: Way, number: int) -> Graph:
    """A convolution with what follows it; ``number`` decides about its odd sizes."""
    kind, mode, result = way
    rng = np.random.default_rng([number, 5, *"".join(way).encode()])
    ops = _sums(way, number, rng)
    noise = 0.3 if mode == "near_bytes" else 0.6
    tight, mode = mode == "double_bytes", _AT_ONCE.get(mode, mode)
    accumulator = Graph.build("sums", [*ops, Output("o", ("s",), ())]).tensors["s"].type
    last = "s"
    if mode != "raw":
        last = "z"
        if mode in ("compare", "search", "near"):
            ops.append(_threshold(mode, result, accumulator, noise, rng))
        else:
            ops.append(_rescale(mode, result, accumulator, tight, rng))
    ops.append(Output("out", (last,), ()))
    if mode in ("compare", "search", "near") and result in ("pairs", "wide"):
        # Few levels fit bytes; a reader with large weights wants more of them.
        ops += _reader("far", last, accumulator.channels, _LARGE, rng)
    if result == "bits":
        ops += _reader("far", last, accumulator.channels, 1, rng)
    if kind == "pairs" and (number % 2 or way[1:] == ("raw", "bytes")):
        ops += _reader("beside", "x", _inputs(ops), _LARGE, rng)
    return Graph.build(f"{kind}_{mode}_{result}_{number}", ops)


def _inputs(ops: list[Op]) -> int:
    first = ops[0]
    assert isinstance(first, Input)
    return first.shape[2]


def _sums(way: Way, number: int, rng: np.random.Generator) -> list[Op]:
    """Input ``x`` and sums ``s``, of a size that gives the words that are wanted."""
    kind, mode, result = way
    raw = mode == "raw"
    channels = _CHANNELS[3 + number % 2] if kind == "bits" else _CHANNELS[number % 5]
    outputs = _CHANNELS[3 + number % 2] if result == "bits" else _CHANNELS[(number + 2) % 5]
    height, width = (3, 9) if number % 2 else (4, 6)
    size = (1, 1) if raw and result == "bytes" else (3, 2)
    groups = 1
    if "bits" not in way and channels > 1 and number % 3 == 0:
        groups, outputs = channels, channels  # of its own for every channel
    most = {"bytes": 11, "pairs": 20, "bits": 1}[kind]
    dtype = {"bytes": IntType(-5, 60), "pairs": IntType(-400, 300), "bits": BIPOLAR}[kind]
    if kind == "pairs" and number % 2:
        dtype = IntType(-7, 7)  # another reader's weights want the room
    if raw and result == "bytes":
        most, dtype = 1, {"bytes": IntType(3, 5), "pairs": IntType(-2, 1)}.get(kind, dtype)
    shape = (outputs, *size, channels // groups)
    weight = rng.choice([-1, 1], shape) if most == 1 else rng.integers(-most, most + 1, shape)
    bias = rng.integers(-3, 4, outputs)
    if raw and result != "bytes":
        # Words of 16 bits for sums that are just too many for a byte, 32 for those beyond.
        spread = 200 if result == "pairs" else _FROM
        bias = np.linspace(-spread, spread, outputs).astype(np.int64)
    padding = (1, 0, 1, 1) if size != (1, 1) and number % 2 else (0, 0, 0, 0)
    image = (height, width, channels)
    conv = Conv(
        "conv", ("x",), ("s",), weight, IntType(-most, most) if most > 1 else BIPOLAR, bias,
        stride=(1, 1 + number % 2), padding=padding, dilation=(1, 1 + number // 2 % 2),
        groups=groups, pad_value=1 if any(padding) and kind == "bits" else 0,
    )  # fmt: skip
    return [Input("in", (), ("x",), image, (0, 1, 2), image, dtype, 1.0), conv]


def _reader(name: str, tensor: str, channels: int, most: int, rng: np.random.Generator) -> list[Op]:
    """A second reader, with outputs of its own."""
    weight = rng.choice([-most, most], (3, 1, 1, channels))
    kind = BIPOLAR if most == 1 else IntType(-most, most)
    conv = Conv(name, (tensor,), (f"{name}_s",), weight, kind)
    return [conv, Output(f"{name}_out", (f"{name}_s",), ())]


def _threshold(
    mode: str, result: str, sums: TensorType, noise: float, rng: np.random.Generator
) -> Threshold:
    """Irregular levels: few, many in two heaps, or many close to a line."""
    channels, source = sums.channels, sums.dtype
    low, high = source.lo, source.hi
    span = high - low
    if mode == "compare":
        count = 1 if result == "bits" else 5
        rows = rng.integers(low - 1, high + 2, (channels, count))
    elif mode == "search":
        count = 61
        heaps = np.repeat([low + span // 4, low + 3 * span // 4], [30, 31])
        rows = heaps + rng.integers(-2, 3, (channels, count))
    else:
        count = 59
        line = low + span / 2 + (np.arange(count) - count / 2) * span / count * 0.9
        rows = np.rint(line + rng.uniform(-noise, noise, (channels, count)) * span / count)
    sign = rng.choice([-1, 1], channels)
    rows = np.sort(rows.astype(np.int64) * sign[:, None], axis=1)
    start = _FROM if result == "wide" else -20
    otype = BIPOLAR if result == "bits" else IntType(start, start + count)
    return Threshold("after", ("s",), ("z",), rows, sign, otype)


def _rescale(
    mode: str, result: str, sums: TensorType, tight: bool, rng: np.random.Generator
) -> Rescale:
    """Products of about 24, 45 or 58 bits, with ties, or ``tight``: with results that are a step
    of the product below a whole number, which float32 does not tell from it."""
    channels, source = sums.channels, sums.dtype
    reach = max(abs(source.lo), abs(source.hi))
    product = {"narrow": 24, "double": 45, "rescale": 58}[mode]
    most = max((1 << product) // reach, 2)
    bits = {"bytes": 6, "pairs": 12, "wide": 20}[result]
    shift = max(product - bits, 0)
    mul = rng.integers(-most + 1, most, channels)
    mul[0] = most - 1
    # In every third channel, a power of two: its products often lie on a tie.
    mul[::3] = 1 << int(mul[0]).bit_length() - 1
    add = rng.integers(-(1 << shift), 1 << shift, channels)
    add[::3] = 1 << max(shift - 1, 0)
    top = (1 << bits) - 5
    rounding = "half_even" if rng.random() < 0.5 else "floor"
    if tight:
        add[::3], rounding = -1, "floor"
    otype = IntType(-top - 2, top)
    if mode == "rescale":
        mul[-1] = most - 1
    shifts = np.full(channels, min(shift, 48))
    return Rescale("after", ("s",), ("z",), mul, add, shifts, rounding, otype)
