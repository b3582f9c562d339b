"""Split, Shuffle, Transpose and Upsample as hls4ml layers of our own."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.hls4ml.layer import REALISATION, Choice, Site
from hwcompress.hls.hls4ml.precision import Precision
from hwcompress.ir import Op, Shuffle, Split, Transpose, Upsample

__all__: list[str] = []


def _pick(site: Site, index: np.ndarray) -> Choice:
    """Channels ``index`` of every position."""
    return Choice(
        "HwcPick",
        {
            "n_positions": site.source.size // site.source.channels,
            "n_chan": site.source.channels,
            "n_out": index.size,
            "out_shape": list(site.result.shape),
            "choice_data": np.ascontiguousarray(index),
        },
        Precision.of(site.result.dtype),
        {"choice": Precision.of_values(index)},
        site.reuse or 1,
        whole_pixels=True,
    )


@REALISATION.register(Split)
def _split(op: Op, site: Site) -> Choice:
    """Each part picks its channels from a copy of the input."""
    assert isinstance(op, Split)
    first = sum(op.sizes[: site.part])
    return _pick(site, np.arange(first, first + op.sizes[site.part]))


@REALISATION.register(Shuffle)
def _shuffle(op: Op, site: Site) -> Choice:
    assert isinstance(op, Shuffle)
    return _pick(site, op.permutation)


@REALISATION.register(Transpose)
def _transpose(op: Op, site: Site) -> Choice:
    assert isinstance(op, Transpose)
    index = np.arange(site.source.size).reshape(op.shape).transpose(op.axes).reshape(-1)
    return Choice(
        "HwcGather",
        {
            "n_in": site.source.size,
            "out_shape": list(site.result.shape),
            "choice_data": np.ascontiguousarray(index),
        },
        Precision.of(site.result.dtype),
        {"choice": Precision.of_values(index)},
        site.reuse or 1,
    )


@REALISATION.register(Upsample)
def _upsample(op: Op, site: Site) -> Choice:
    assert isinstance(op, Upsample)
    height, width, channels = site.source.shape
    return Choice(
        "HwcUpsample",
        {
            "in_height": height,
            "in_width": width,
            "n_chan": channels,
            "factor_height": op.factor[0],
            "factor_width": op.factor[1],
            "out_shape": list(site.result.shape),
        },
        Precision.of(site.result.dtype),
        reuse=site.reuse or 1,
        whole_pixels=True,
    )
