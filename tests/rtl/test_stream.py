"""Beats of a stream."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.rtl import StreamSpec
from hwcompress.ir import BIPOLAR, TERNARY, IntType

TYPES = (
    BIPOLAR, TERNARY, IntType(-5, 7), IntType(0, 255), IntType(0, 0), IntType(-(2**40), 2**40),
    IntType(-128, 127), IntType(0, 2**33),
)  # fmt: skip


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("lanes", [1, 2, 3, 6, 12])
def test_round_trip(dtype: IntType, lanes: int) -> None:
    """Unpacking inverts packing, and element i lies in its own bits."""
    rng = np.random.default_rng(5)
    spec = StreamSpec("t", "s_axis", (2, 6), dtype, lanes)
    values = dtype.lo + dtype.step * rng.integers(0, dtype.count, (7, 2, 6))
    beats = spec.pack(values)
    assert beats.shape == (7 * spec.beats_per_frame, spec.tdata_bytes)
    word = int.from_bytes(beats[0].tobytes(), "little")
    raw = dtype.to_raw(values.reshape(-1)[:lanes])
    assert word == sum(int(v) << (i * dtype.bits) for i, v in enumerate(raw))
    np.testing.assert_array_equal(spec.unpack(beats), values)


def test_many_elements_are_handled_in_pieces() -> None:
    """More elements than fit into one piece keep their order."""
    spec = StreamSpec("t", "s_axis", (1 << 12,), IntType(0, 7), 4)
    values = np.random.default_rng(1).integers(0, 8, (600, 1 << 12))
    np.testing.assert_array_equal(spec.unpack(spec.pack(values)), values)


def test_refusals() -> None:
    """Wrong shape, type, range and width are named."""
    spec = StreamSpec("t", "s_axis", (4,), IntType(0, 7), 2)
    for bad in (np.zeros((2, 5), int), np.zeros((2, 4)), np.full((1, 4), 8), np.full((1, 4), -1)):
        with pytest.raises(InputError, match="s_axis"):
            spec.pack(bad)
    for beats in (np.zeros((3, 1), np.uint8), np.zeros((2, 2), np.uint8), np.zeros((2, 1), int)):
        with pytest.raises(InputError, match="s_axis"):
            spec.unpack(beats)
    with pytest.raises(InputError, match="3 elements per beat do not divide a sample of 4"):
        StreamSpec("t", "s_axis", (4,), IntType(0, 7), 3)
