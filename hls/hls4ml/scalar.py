"""Threshold, Rescale and Table as hls4ml layers of our own."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.hls4ml.layer import REALISATION, Choice, Site, check_file_values, refuse
from hwcompress.hls.hls4ml.precision import DOUBLE_EXACT, Precision
from hwcompress.ir import Op, Rescale, Table, Threshold

__all__: list[str] = []


@REALISATION.register(Threshold)
def _threshold(op: Op, site: Site) -> Choice:
    assert isinstance(op, Threshold)
    channels = site.source.channels
    rows = channels if max(op.thresholds.shape[0], op.sign.shape[0]) > 1 else 1
    thresholds, sign = op.rows(rows)
    dtype = site.source.dtype
    # sign * x lies between -reach and reach: thresholds beyond are always or
    # never met, and moving them to the edge keeps their type narrow.
    reach = max(abs(dtype.lo), abs(dtype.hi))
    thresholds = np.clip(thresholds, -reach, reach + 1)
    if thresholds.shape[1] == 0:  # a single level: C++ has no empty arrays
        thresholds = np.full((rows, 1), reach + 1, np.int64)
    if reach + 1 > DOUBLE_EXACT:
        raise refuse(
            op,
            f"thresholds up to {reach} cannot be written to an hls4ml weight file",
            why="the files carry integers as double, exact up to 2^53",
            remedy="use fewer weight or activation bits",
        )
    return Choice(
        "HwcThreshold",
        {
            "n_in": site.source.size,
            "n_chan": channels,
            "n_rows": rows,
            "n_steps": thresholds.shape[1],
            "lo": op.otype.lo,
            "step": op.otype.step,
            "threshold_data": np.ascontiguousarray(thresholds),
            "sign_data": np.ascontiguousarray(sign),
        },
        Precision.of(site.result.dtype),
        {
            "threshold": Precision.of_values(thresholds),
            "sign": Precision(True, 2),
            "accum": Precision.signed_for(reach + 1),
        },
        site.reuse or 1,
    )


@REALISATION.register(Rescale)
def _rescale(op: Op, site: Site) -> Choice:
    assert isinstance(op, Rescale)
    channels = site.source.channels
    rows = channels if max(op.mul.size, op.add.size, op.shift.size) > 1 else 1
    mul, add, shift = (
        np.ascontiguousarray(np.broadcast_to(values, (rows,)))
        for values in (op.mul, op.add, op.shift)
    )
    largest = max(int(np.abs(mul).max()), int(np.abs(add).max()))
    if largest > DOUBLE_EXACT:
        raise refuse(
            op,
            f"the constant {largest} cannot be written to an hls4ml weight file",
            why="the files carry integers as double, exact up to 2^53",
            remedy="use a smaller shift",
        )
    dtype = site.source.dtype
    reach = int(np.abs(mul).max()) * max(abs(dtype.lo), abs(dtype.hi)) + int(np.abs(add).max())
    # Rounding needs twice the rest, below 2^(shift + 1), and the clip its bounds.
    accum = max(reach + 1, 1 << (int(shift.max()) + 1), abs(op.otype.lo), abs(op.otype.hi))
    return Choice(
        "HwcRescale",
        {
            "n_in": site.source.size,
            "n_chan": channels,
            "n_rows": rows,
            "half_even": op.rounding == "half_even",
            "lo": op.otype.lo,
            "hi": op.otype.hi,
            "mul_data": mul,
            "add_data": add,
            "shift_data": shift,
        },
        Precision.of(site.result.dtype),
        {
            "mul": Precision.of_values(mul),
            "add": Precision.of_values(add),
            "shift": Precision.of_values(shift),
            "accum": Precision.signed_for(accum),
        },
        site.reuse or 1,
    )


@REALISATION.register(Table)
def _table(op: Op, site: Site) -> Choice:
    assert isinstance(op, Table)
    check_file_values(op, op.values)
    lo, hi = op.itype.lo, op.itype.hi
    return Choice(
        "HwcTable",
        {
            "n_in": site.source.size,
            "n_chan": site.source.channels,
            "n_rows": op.values.shape[0],
            "n_entries": op.values.shape[1],
            "step": op.itype.step,
            "lo": lo,
            "entry_data": np.ascontiguousarray(op.values),
        },
        Precision.of(site.result.dtype),
        {
            "entry": Precision.of_values(op.values),
            "accum": Precision.signed_for(max(abs(lo), abs(hi)) + hi - lo),
        },
        site.reuse or 1,
    )
