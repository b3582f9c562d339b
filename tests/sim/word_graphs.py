"""Small graphs for all that the simulator does with words besides sums of a convolution."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwcompress.ir import (
    BIPOLAR,
    Add,
    ArgMax,
    Concat,
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    Input,
    IntType,
    MaxPool,
    Mul,
    Op,
    Output,
    Rescale,
    Reshape,
    Shuffle,
    Split,
    SumPool,
    Table,
    Threshold,
    TopK,
    Upsample,
)

__all__ = ["OPERATIONS", "graphs"]

_TYPES = {
    "bytes": (IntType(-5, 60), 5),
    "pairs": (IntType(-400, 300), 3),
    "bits": (BIPOLAR, 33),
    "wide": (IntType(-100_000, 70_000), 3),
}

_ALIKE = {"MaxPool", "Upsample"}
_SUMS = {"Conv", "ConvTranspose", "Dense"}
OPERATIONS = {
    "bytes": _ALIKE | _SUMS | {"Add", "SumPool", "Threshold", "Rescale"},
    "pairs": _ALIKE | _SUMS | {"Add", "SumPool", "Threshold", "Rescale"},
    "bits": _ALIKE | _SUMS,
    "wide": _ALIKE,
}
"""What works on which words."""


def graphs() -> Iterator[Graph]:
    """All of them."""
    for kind in _TYPES:
        yield Graph.build(f"moved_{kind}", _moved(kind))
    for kind in ("bytes", "pairs", "bits"):
        yield Graph.build(f"summed_{kind}", _summed(kind))
    for kind in ("bytes", "pairs"):
        yield Graph.build(f"joined_{kind}", _joined(kind))
        yield Graph.build(f"alone_{kind}", _alone(kind))
    for kind in ("bytes", "pairs", "bits"):
        yield Graph.build(f"borders_{kind}", _borders(kind))
    for index, dtype in enumerate(_FOR_ROWS):
        yield Graph.build(f"to_rows_{index}", _to_rows(dtype))
    for index, dtype in enumerate(_FROM_ROWS):
        yield Graph.build(f"from_rows_{index}", _from_rows(dtype))


def _input(name: str, kind: IntType, channels: int) -> Input:
    shape = (4, 5, channels)
    return Input(f"in_{name}", (), (name,), shape, (0, 1, 2), shape, kind, 1.0)


def _weights(kind: str, *shape: int) -> tuple[np.ndarray, IntType]:
    rng = np.random.default_rng([len(shape), *shape])
    if kind == "bits":
        return rng.choice([-1, 1], shape), BIPOLAR
    return rng.integers(-9, 10, shape), IntType(-9, 9)


def _out(*tensors: str) -> list[Op]:
    return [Output(f"out_{name}", (name,), ()) for name in tensors]


def _moved(kind: str) -> list[Op]:
    """The maximum over windows with and without padding, and nearest neighbours."""
    dtype, channels = _TYPES[kind]
    ops: list[Op] = [
        _input("x", dtype, channels),
        MaxPool("p", ("x",), ("p",), (2, 3), (1, 2), (1, 1, 0, 1)),
        Upsample("u", ("p",), ("u",), (2, 3)),
        MaxPool("q", ("u",), ("q",), (3, 2), (2, 1)),
    ]
    if kind != "wide":
        ops.append(Conv("c", ("q",), ("c",), *_weights(kind, 3, 2, 2, channels)))
    return [*ops, *_out(ops[-1].outputs[0], "p", "u")]


def _summed(kind: str) -> list[Op]:
    """Sums of every kind over words."""
    dtype, channels = _TYPES[kind]
    bias = np.arange(-2, 3)
    pad = 1 if kind == "bits" else 0
    ops: list[Op] = [
        _input("x", dtype, channels),
        Reshape("flat", ("x",), ("v",), (20 * channels,)),
        Dense("d", ("v",), ("d",), *_weights(kind, 31, 20 * channels)),
        Conv("c", ("x",), ("c",), *_weights(kind, 5, 3, 3, channels), bias, (2, 1), (1, 1, 0, 2),
             pad_value=pad),
    ]  # fmt: skip
    # Beyond an image there are zeros, which single bits are not: there, nothing may be read.
    padding, more = ((0, 0, 1, 1), (1, 2)) if kind != "bits" else ((0, 0, 0, 0), (0, 0))
    weights = _weights(kind, 5, *((2, 3) if kind == "bits" else (3, 2)), channels)
    ops.append(ConvTranspose("t", ("x",), ("t",), *weights, bias, (2, 3), padding, more))
    outputs = ["d", "c", "t"]
    if kind != "bits":
        each, its_type = _weights(kind, channels, 3, 3, 1)
        ops += [
            SumPool("s", ("x",), ("s",), (3, 2), (1, 2), (0, 1, 1, 0)),
            Conv("w", ("x",), ("w",), each, its_type, groups=channels),
            _input("z", dtype, channels),
            Add("a", ("x", "z", "x"), ("a",), np.array([[1], [-3], [2]])),
        ]
        outputs += ["s", "w", "a"]
    return [*ops, *_out(*outputs)]


def _joined(kind: str) -> list[Op]:
    """Channels of one and of several tensors that no word is moved for, and sums of them."""
    dtype, channels = _TYPES[kind]
    first = channels - 2
    order = np.random.default_rng(0).permutation(2 * channels)
    ops: list[Op] = [
        _input("x", dtype, channels),
        _input("z", dtype, channels),
        Concat("j", ("x", "z"), ("j",)),
        Shuffle("m", ("j",), ("m",), order),
        Split("k", ("m",), ("k0", "k1"), (first, 2 * channels - first)),
        Conv("c", ("k0",), ("c",), *_weights(kind, 3, 2, 2, first)),
        Conv("e", ("k1",), ("e",), *_weights(kind, 1, 1, 1, 2 * channels - first)),
        MaxPool("p", ("k1",), ("p",), (2, 2), (2, 2)),  # of no whole plane: on rows
        Reshape("flat", ("m",), ("v",), (40 * channels,)),
        Dense("d", ("v",), ("d",), *_weights(kind, 3, 40 * channels)),
    ]
    return [*ops, *_out("c", "e", "p", "d", "k1")]


def _alone(kind: str) -> list[Op]:
    """Steps that follow no sum."""
    dtype, channels = _TYPES[kind]
    rng = np.random.default_rng(3)
    rows = np.sort(rng.integers(dtype.lo, dtype.hi, (channels, 6)), axis=1)
    sign = rng.choice([-1, 1], channels)
    ops: list[Op] = [
        _input("x", dtype, channels),
        Threshold("t", ("x",), ("t",), np.sort(rows * sign[:, None]), sign, IntType(-3, 3)),
        Rescale("r", ("x",), ("r",), np.array([7]), np.array([-9]), np.array([2]), "half_even",
                IntType(-100, 90)),
    ]  # fmt: skip
    return [*ops, *_out("t", "r")]


def _borders(kind: str) -> list[Op]:
    """Two readers want different integers around an image: one of them reads rows."""
    dtype, channels = _TYPES[kind]
    weights = _weights(kind, 3, 3, 3, channels)
    ops: list[Op] = [_input("x", dtype, channels)]
    for name, pad in (("c", 1), ("e", -1)):
        ops.append(Conv(name, ("x",), (name,), *weights, padding=(1, 2, 1, 0), pad_value=pad))
    return [*ops, *_out("c", "e")]


_FOR_ROWS = (
    IntType(-5, 60),
    IntType(0, 255),
    IntType(100_000, 100_255),
    IntType(-400, 300),
    IntType(-100_000, 70_000),
)


def _to_rows(dtype: IntType) -> list[Op]:
    """Words that operations on rows read."""
    channels = 5
    ops: list[Op] = [
        _input("x", dtype, channels),
        MaxPool("p", ("x",), ("p",), (2, 2), (1, 1)),
        Conv("c", ("p",), ("c",), *_weights("", 3, 1, 1, channels)),
        Reshape("flat", ("p",), ("v",), (12 * channels,)),
        ArgMax("a", ("v",), ("a",)),
        TopK("k", ("v",), ("k",), 2),
        Mul("m", ("p", "p"), ("m",)),
    ]
    return [*ops, *_out("c", "a", "k", "m")]


_FROM_ROWS = (
    IntType(-5, 60),
    IntType(0, 200),
    IntType(100_000, 100_100),
    IntType(-400, 300),
    BIPOLAR,
)


def _from_rows(dtype: IntType) -> list[Op]:
    """Rows that sums over words read."""
    rng = np.random.default_rng(7)
    source, binary = IntType(-8, 7), dtype.is_bipolar
    channels = 33 if binary else 5
    made = IntType(-8, 7) if binary else dtype
    values = rng.integers(made.lo, made.hi + 1, (channels, source.count))
    ops: list[Op] = [
        _input("x", source, channels),
        Table("t", ("x",), ("t",), values, source, made),
    ]
    last = "t"
    if binary:
        one = np.array([1])
        ops.append(Threshold("b", ("t",), ("b",), rng.integers(-8, 8, (channels, 1)), one, BIPOLAR))
        last = "b"
    ops.append(Conv("c", (last,), ("c",), *_weights("bits" if binary else "", 3, 2, 2, channels)))
    return [*ops, *_out("c")]
