"""MaxPool and SumPool as hls4ml layers."""

from __future__ import annotations

from hwcompress.hls.hls4ml.layer import REALISATION, Attribute, Choice, Site
from hwcompress.hls.hls4ml.linear import window_attributes
from hwcompress.hls.hls4ml.precision import Precision
from hwcompress.ir import IntType, MaxPool, Op, SumPool

__all__: list[str] = []


def _own(op: MaxPool | SumPool, site: Site, pad_value: int) -> dict[str, Attribute]:
    return {
        **window_attributes(op, site, site.source.channels),
        "kernel_height": op.kernel[0],
        "kernel_width": op.kernel[1],
        "dilation_height": 1,
        "dilation_width": 1,
        "groups": 1,
        "pad_value": pad_value,
    }


@REALISATION.register(MaxPool)
def _max_pool(op: Op, site: Site) -> Choice:
    assert isinstance(op, MaxPool)
    result = Precision.of(site.result.dtype)
    # hls4ml's own pooling takes the bit pattern 10...0 for padding, the largest
    # unsigned half, and its streams need windows that do not overlap.
    if not any(op.padding) and (op.kernel == op.stride or not site.stream):
        return Choice(
            "MaxPooling2D",
            {
                **window_attributes(op, site, site.source.channels),
                "pool_height": op.kernel[0],
                "pool_width": op.kernel[1],
                "count_pad": False,
            },
            result,
            {"accum": result},
        )
    # No window is all padding, so the smallest value of the type never wins wrongly.
    lowest = site.source.dtype.lo
    types = {"window": result, "accum": result}
    return Choice("HwcMaxPool", _own(op, site, lowest), result, types, site.reuse or 1)


@REALISATION.register(SumPool)
def _sum_pool(op: Op, site: Site) -> Choice:
    assert isinstance(op, SumPool)
    source = site.source.dtype
    if any(op.padding):
        source = source.union(IntType(op.pad_value, op.pad_value))
    result = Precision.of(site.result.dtype)
    types = {"window": Precision.of(source), "accum": result}
    return Choice("HwcSumPool", _own(op, site, op.pad_value), result, types, site.reuse or 1)
