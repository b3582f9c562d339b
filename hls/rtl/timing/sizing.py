"""Depths of a design's buffers."""

from __future__ import annotations

from dataclasses import replace

from hwcompress.hls.rtl.design import Design
from hwcompress.hls.rtl.timing.design import design_network
from hwcompress.hls.rtl.timing.registry import model_of
from hwcompress.sim.timing import FifoSizes, Model, size_fifos

__all__ = ["fifo_depths", "fifo_model"]

_SKID_DEPTH = 2  # beats up to which a buffer is a register slice


def fifo_model(depth: int) -> Model | None:
    """The hardware that the generator puts in place of a buffer of ``depth`` beats."""
    if depth == 0:
        return None
    if depth <= _SKID_DEPTH:
        return model_of("hwc_skid", {})
    return model_of("hwc_fifo", {"DEPTH": depth})


def fifo_depths(design: Design, *, keep_latency: bool = False) -> FifoSizes:
    """The least depths that leave a design its full rate and free of deadlock.

    See :func:`hwcompress.sim.timing.size_fifos` for what is guaranteed. The
    buffers are sized in the order of ``design.fifos``.

    Args:
        design: with every place for a buffer present, as ``Plan.design()``
            gives it without depths.
        keep_latency: see there.

    Raises:
        CheckFailed: no depths make the design run.
        UnsupportedError: a module has no timing model.
    """
    network = design_network(design)
    names = [fifo.name for fifo in design.fifos]
    found = size_fifos(network, names, fifo_model, keep_latency=keep_latency)
    # A register slice holds two beats, whether they are needed or not.
    depths = {name: max(depth, _SKID_DEPTH) if depth else 0 for name, depth in found.depths.items()}
    return replace(found, depths=depths)
