"""The one-pass encoder equals ``Input.encode``, ties and infinities included."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.ir import BIPOLAR, Input, IntType
from hwcompress.sim.real_input import encode_real

TYPES = [
    (IntType(-8, 7), np.int8),
    (IntType(0, 255), np.uint8),
    (IntType(-32768, 32767), np.int32),
    (IntType(0, (1 << 31) - 1), np.int64),
    (IntType(-(1 << 40), 1 << 40), np.int64),
    (BIPOLAR, np.int8),
]


@pytest.mark.parametrize(("dtype", "stored"), TYPES)
@pytest.mark.parametrize(("scale", "zero"), [(0.5, 0.0), (1 / 255, 0.0), (0.037, 3.0), (3.0, -7.5)])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, np.int16])
def test_equal(dtype: IntType, stored: type, scale: float, zero: float, kind: type) -> None:
    random = np.random.default_rng(4)
    op = Input("in", (), ("x",), (2, 3, 5), (1, 2, 0), (3, 5, 2), dtype, scale, zero)
    with np.errstate(all="ignore"):
        x = random.normal(0, 1, (40, 2, 3, 5)) * 10.0 ** random.integers(-3, 6, (40, 1, 1, 1))
        x[:8] = (random.integers(-600, 600, (8, 2, 3, 5)) / 2 - zero) * scale  # ties
        x = x.astype(kind)
    if x.dtype.kind == "f":
        x[9, 0, 0, :4] = np.inf, -np.inf, -0.0, np.finfo(kind).max  # type: ignore[type-var]
    found = np.empty((40, 3, 5, 2), stored)
    with np.errstate(over="ignore"):
        encode_real(op, x, found)
    with np.errstate(over="ignore"):
        assert np.array_equal(found, op.encode(x))
    if x.dtype.kind == "f":
        x[7, 1, 2, 3] = np.nan
        with (
            np.errstate(over="ignore"),
            pytest.raises(InputError, match=r"sample 7 is not a number at \(1, 2, 3\)"),
        ):
            encode_real(op, x, found)


def test_boundaries_and_shapes() -> None:
    edges = np.array([-1.0, 0.5, 0.5, np.inf])
    op = Input("in", (), ("x",), (4,), (0,), (4,), IntType(0, 4), 1.0, 0.0, edges)
    x = np.array([[-2.0, -1.0, 0.5, 9.0]], np.float32)
    found = np.empty((1, 4), np.int8)
    encode_real(op, x, found)
    assert np.array_equal(found, op.encode(x))
    with pytest.raises(InputError, match=r"samples of shape \(3,\), expected \(4,\)"):
        encode_real(op, x[:, :3], found)
