"""Add, Mul and Concat as hls4ml layers of our own.

Stock hls4ml adds and multiplies with a type of its own choice and knows no
multipliers; its Concatenate takes two inputs of one type.
"""

from __future__ import annotations

import numpy as np

from hwcompress.hls.hls4ml.layer import REALISATION, Choice, Site, check_file_values
from hwcompress.hls.hls4ml.precision import Precision
from hwcompress.ir import Add, Concat, Mul, Op

__all__: list[str] = []


@REALISATION.register(Add)
def _add(op: Op, site: Site) -> Choice:
    assert isinstance(op, Add)
    check_file_values(op, op.multipliers)
    result = Precision.of(site.result.dtype)
    return Choice(
        "HwcAdd",
        {
            "n_in": site.source.size,
            "n_chan": site.source.channels,
            "n_rows": op.multipliers.shape[1],
            "out_shape": list(site.result.shape),
            "multiplier_data": np.ascontiguousarray(op.multipliers),
        },
        result,
        # Sums wrap in the result's type, which holds the total.
        {"multiplier": Precision.of_values(op.multipliers), "accum": result},
        site.reuse or 1,
        whole_pixels=True,
    )


@REALISATION.register(Mul)
def _mul(op: Op, site: Site) -> Choice:
    assert isinstance(op, Mul)
    return Choice(
        "HwcMul",
        {
            "n_in": site.source.size,
            "n_chan": site.source.channels,
            "n_gate": site.sources[1].size,
            "out_shape": list(site.result.shape),
        },
        Precision.of(site.result.dtype),
        reuse=site.reuse or 1,
        whole_pixels=True,
    )


@REALISATION.register(Concat)
def _concat(op: Op, site: Site) -> Choice:
    widths = np.array([source.channels for source in site.sources], np.int64)
    return Choice(
        "HwcConcat",
        {
            "n_positions": site.result.size // site.result.channels,
            "n_chan": site.result.channels,
            "out_shape": list(site.result.shape),
            "width_data": widths,
        },
        Precision.of(site.result.dtype),
        {"width": Precision.of_values(widths)},
        site.reuse or 1,
        whole_pixels=True,
    )
