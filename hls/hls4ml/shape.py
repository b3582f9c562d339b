"""Input, Output, Reshape, ArgMax and TopK as hls4ml layers."""

from __future__ import annotations

from hwcompress.hls.hls4ml.layer import REALISATION, Choice, Site, refuse
from hwcompress.hls.hls4ml.precision import DOUBLE_EXACT, Precision
from hwcompress.ir import ArgMax, Input, Op, Output, Reshape, TensorType, TopK

__all__ = ["copy_choice", "reshape_choice"]


def _fits_double(op: Op, kind: TensorType) -> None:
    if max(abs(kind.dtype.lo), abs(kind.dtype.hi)) > DOUBLE_EXACT:
        raise refuse(
            op,
            f"integers of type {kind.dtype} cannot be exchanged with the compiled library",
            why="its interface is double, exact up to 2^53",
            remedy="use fewer bits at the network's ends",
        )


@REALISATION.register(Input)
def _input(op: Op, site: Site) -> Choice:
    _fits_double(op, site.result)
    return Choice(
        "InputLayer",
        {"input_shape": list(site.result.shape), "data_format": "channels_last"},
        Precision.of(site.result.dtype),
    )


def copy_choice(kind: TensorType) -> Choice:
    """A layer that hands a tensor on, for a port of its own."""
    return Choice(
        "HwcCopy",
        {"n_in": kind.size, "n_chan": kind.channels},
        Precision.of(kind.dtype),
    )


@REALISATION.register(Output)
def _output(op: Op, site: Site) -> Choice:
    _fits_double(op, site.source)
    return copy_choice(site.source)


def reshape_choice(kind: TensorType) -> Choice:
    """hls4ml's Reshape to the given shape: the order of elements is ours already."""
    return Choice("Reshape", {"target_shape": list(kind.shape)}, Precision.of(kind.dtype))


@REALISATION.register(Reshape)
def _reshape(op: Op, site: Site) -> Choice:
    return reshape_choice(site.result)


@REALISATION.register(ArgMax)
def _argmax(op: Op, site: Site) -> Choice:
    return Choice(
        "HwcArgMax",
        {"n_in": site.source.size},
        Precision.of(site.result.dtype),
        reuse=site.reuse or 1,
    )


@REALISATION.register(TopK)
def _top_k(op: Op, site: Site) -> Choice:
    assert isinstance(op, TopK)
    return Choice(
        "HwcTopK",
        {"n_in": site.source.size, "k": op.k, "out_shape": [op.k]},
        Precision.of(site.result.dtype),
        reuse=site.reuse or 1,
        whole_pixels=True,
    )
