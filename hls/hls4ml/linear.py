"""Dense, Conv and ConvTranspose as hls4ml layers."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.hls4ml.layer import REALISATION, Attribute, Choice, Site, check_file_values
from hwcompress.hls.hls4ml.precision import Precision
from hwcompress.ir import Conv, ConvTranspose, Dense, IntType, Op

__all__ = ["valid_reuse", "window_attributes"]

# Vitis HLS refuses to unroll a loop or to partition an array beyond this.
_UNROLL_LIMIT = 4096
# In io_parallel hls4ml writes one C++ statement per element of im2col; beyond
# this the compiler needs minutes, and our own loop takes its place.
_IM2COL_LIMIT = 20_000


def valid_reuse(columns: int, rows: int) -> list[int]:
    """Reuse factors, ascending, that hls4ml's Resource strategy computes correctly with.

    The rule of hls4ml 1.3, ``FPGABackend._validate_reuse_factor``.
    """
    total = columns * rows
    low = [factor for factor in range(1, math.isqrt(total) + 1) if total % factor == 0]
    divisors = sorted({*low, *(total // factor for factor in low)})
    return [
        factor
        for factor in divisors
        if (factor >= columns and factor % columns == 0)
        or (factor < columns and math.ceil(total / factor) % rows == 0)
    ]


def _strategy(op: Op, site: Site, columns: int, rows: int) -> tuple[str, int]:
    """Strategy and reuse factor: the user's wish, else unrolled if Vitis can unroll it."""
    wish = site.reuse
    if wish is None:
        if columns * rows <= _UNROLL_LIMIT:
            return "Latency", 1
        factors = valid_reuse(columns, rows)
        at = bisect_left(factors, columns * rows / _UNROLL_LIMIT)
        return "Resource", factors[min(at, len(factors) - 1)]
    if wish == 1:
        return "Latency", 1
    factors = valid_reuse(columns, rows)
    if wish not in factors:
        raise InputError(
            f"reuse factor {wish} does not fit a {rows} x {columns} matrix",
            where=f"{op.kind} {op.name!r}",
            remedy=f"use one of {', '.join(map(str, factors))}",
        )
    return "Resource", wish


def _weight_precision(wtype: IntType, source: Precision) -> Precision:
    """Type of the weights of a stock layer.

    hls4ml gives two meanings to narrow types: a signed 2-bit weight is taken
    as ternary, so that -2 would count as +1, and unsigned 1-bit weights times
    unsigned 1-bit inputs as XNOR. One bit more avoids both.
    """
    exact = Precision.of(wtype)
    if exact == Precision(True, 2) and wtype.lo < -1:
        return Precision(True, 3)
    if exact == source == Precision(False, 1):
        return Precision(False, 2)
    return exact


def _types(bias: np.ndarray | None, weight: Precision, result: Precision) -> dict[str, Precision]:
    """Types of a matrix product. Partial sums wrap in ``accum``, which is harmless:
    addition modulo 2^bits is exact when the total fits, and the total's type is exact."""
    return {
        "weight": weight,
        # hls4ml writes an absent bias as zeros of one unsigned bit.
        "bias": Precision(False, 1) if bias is None else Precision.of_values(bias),
        "accum": result,
    }


@REALISATION.register(Dense)
def _dense(op: Op, site: Site) -> Choice:
    assert isinstance(op, Dense)
    rows, columns = op.weight.shape
    strategy, reuse = _strategy(op, site, columns, rows)
    result = Precision.of(site.result.dtype)
    weight = _weight_precision(op.wtype, Precision.of(site.source.dtype))
    return Choice(
        "Dense",
        {
            "n_in": columns,
            "n_out": rows,
            "weight_data": np.ascontiguousarray(op.weight.T),
            "bias_data": op.bias,
        },
        result,
        _types(op.bias, weight, result),
        reuse,
        strategy,
    )


def window_attributes(op: Op, site: Site, filters: int) -> dict[str, Attribute]:
    """Sizes that every windowed layer has; ``op`` has stride and padding."""
    top, left, bottom, right = op.padding  # type: ignore[attr-defined]
    height, width, channels = site.source.shape
    return {
        "data_format": "channels_last",
        "in_height": height,
        "in_width": width,
        "n_chan": channels,
        "n_filt": filters,
        "out_height": site.result.shape[0],
        "out_width": site.result.shape[1],
        "stride_height": op.stride[0],  # type: ignore[attr-defined]
        "stride_width": op.stride[1],  # type: ignore[attr-defined]
        "pad_top": top,
        "pad_left": left,
        "pad_bottom": bottom,
        "pad_right": right,
    }


def _is_stock(op: Conv, site: Site) -> bool:
    """Whether hls4ml's Conv2D computes exactly this, in code of bearable size."""
    plain = op.groups == 1 and op.dilation == (1, 1)
    if not plain or (any(op.padding) and op.pad_value != 0):
        return False
    # A stream with a window of one row goes through hls4ml's one-dimensional
    # path, which steps along the row only.
    if site.stream and op.kernel[0] == 1 and op.stride[0] > 1:
        return False
    # hls4ml pads before the layer, in the input's own type.
    if any(op.padding) and not site.source.dtype.lo <= 0 <= site.source.dtype.hi:
        return False
    statements = math.prod(site.result.shape[:2]) * math.prod(op.weight.shape[1:])
    return site.stream or bool(statements <= _IM2COL_LIMIT)


@REALISATION.register(Conv)
def _conv(op: Op, site: Site) -> Choice:
    assert isinstance(op, Conv)
    rows, height, width, depth = op.weight.shape
    result = Precision.of(site.result.dtype)
    source = Precision.of(site.source.dtype)
    attributes = window_attributes(op, site, rows)
    if _is_stock(op, site):
        strategy, reuse = _strategy(op, site, height * width * depth, rows)
        return Choice(
            "Conv2D",
            {
                **attributes,
                "filt_height": height,
                "filt_width": width,
                "weight_data": np.ascontiguousarray(op.weight.transpose(1, 2, 3, 0)),
                "bias_data": op.bias,
            },
            result,
            _types(op.bias, _weight_precision(op.wtype, source), result),
            reuse,
            strategy,
        )
    return Choice(
        "HwcCorrelation",
        {
            **attributes,
            "kernel_height": height,
            "kernel_width": width,
            "dilation_height": op.dilation[0],
            "dilation_width": op.dilation[1],
            "groups": op.groups,
            "pad_value": op.pad_value,
            "weight_data": op.weight.reshape(rows, -1),
            "bias_data": op.bias,
        },
        result,
        {
            **_types(op.bias, Precision.of(op.wtype), result),
            "window": Precision.of(op.window_type(site.source.dtype)),
        },
        site.reuse or 1,
    )


@REALISATION.register(ConvTranspose)
def _conv_transpose(op: Op, site: Site) -> Choice:
    """A layer of our own: hls4ml has none for its Vitis backend."""
    assert isinstance(op, ConvTranspose)
    rows, height, width, _ = op.weight.shape
    result = Precision.of(site.result.dtype)
    bias = np.zeros(rows, np.int64) if op.bias is None else op.bias
    check_file_values(op, op.weight)
    check_file_values(op, bias)
    return Choice(
        "HwcTransposed",
        {
            **window_attributes(op, site, rows),
            "kernel_height": height,
            "kernel_width": width,
            "dilation_height": op.dilation[0],
            "dilation_width": op.dilation[1],
            "groups": op.groups,
            "out_shape": list(site.result.shape),
            "taps_data": op.weight.reshape(rows, -1),
            "offset_data": bias,
        },
        result,
        # Sums wrap in the result's type, which holds the total.
        {"taps": Precision.of(op.wtype), "offset": Precision.of_values(bias), "accum": result},
        site.reuse or 1,
        whole_pixels=True,
    )
