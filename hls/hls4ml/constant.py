"""Constant as an hls4ml layer of our own: the stock one exists only until it is folded away."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.hls4ml.layer import REALISATION, Choice, Site, check_file_values
from hwcompress.hls.hls4ml.precision import Precision
from hwcompress.ir import Constant, Op

__all__: list[str] = []


@REALISATION.register(Constant)
def _constant(op: Op, site: Site) -> Choice:
    assert isinstance(op, Constant)
    check_file_values(op, op.values)
    return Choice(
        "HwcConstant",
        {
            "n_in": op.values.size,
            "n_chan": site.result.channels,
            "out_shape": list(site.result.shape),
            "entry_data": np.ascontiguousarray(op.values.reshape(-1)),
        },
        Precision.of(site.result.dtype),
        {"entry": Precision.of_values(op.values)},
        site.reuse or 1,
    )
