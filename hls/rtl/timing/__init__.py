"""Timing of generated designs: every library module as a model of its handshake registers.

Adding a model
==============

Write a function from the instance's integer parameters (a ``Parameters``) to a
model of :mod:`hwcompress.sim.timing`, and register it under the module's name in
a file of this package that ``__init__`` imports::

    @model("hwc_add")
    def _add(p: Parameters) -> Model:
        return pipeline(3, inputs=p["INPUTS"])

Ready-made:

* ``pipeline(stages, period=..., inputs=..., output=...)``: ``stages`` registers that all
  move on ``en`` (count the valid bits in front of the slice, the one that feeds it
  included), every ``period``-th beat taken gives one. Ends in ``hwc_slice`` of that
  period (``hwc_half`` above 1, else ``hwc_skid``); ``output=`` says otherwise. With
  several inputs a beat of each is taken in the same cycle (a join).
* ``fork(n)``: lockstep, a ``hwc_skid`` a result, nothing in front of them.
* ``Pipeline(stages, program, slices)``: any periodic order of taking and giving,
  as runs of ``Step(count, takes, gives)``. Concat of 2 and 3 beats:
  ``(Step(2, (0,)), Step(3, (1,)))`` with one slice; its inverse
  ``(Step(2, (0,), (0,)), Step(3, (0,), (1,)))`` with two (and ``eager=True`` if a step asks
  for room only in the results that it gives to, not in all); a beat given four times:
  ``(Step(1), Step(3, takes=()))``. ``Step(1, (0, 1), (0,))`` takes from both.
* ``Buffer(depth, frame, needs, keeps, repeat, stages, late_room)``: segment ``i`` of a
  frame is ``repeat`` output beats (a number, or one for each segment), starts when
  ``needs[i]`` beats of the frame have been written, and keeps those from ``keeps[i]`` on;
  after the last segment the whole frame is free. ``stages``: registers between memory
  and slice (1 for a registered read that moves on ``en``). ``late_room``: ``s_ready`` is a
  register that was loaded with ``held < depth`` (give the limit that the RTL compares with).

Add the module to ``tests/timing/modules.py``: the battery there compares every
beat's cycle with Icarus under random pauses.
"""

from hwcompress.hls.rtl.timing import library, up
from hwcompress.hls.rtl.timing.design import (
    DesignTiming,
    LayerTiming,
    design_network,
    network_of,
    timing_of,
)
from hwcompress.hls.rtl.timing.registry import Parameters, model, model_of, modules
from hwcompress.hls.rtl.timing.sizing import fifo_depths, fifo_model

__all__ = [
    "DesignTiming",
    "LayerTiming",
    "Parameters",
    "design_network",
    "fifo_depths",
    "fifo_model",
    "library",
    "model",
    "model_of",
    "modules",
    "network_of",
    "timing_of",
    "up",
]
