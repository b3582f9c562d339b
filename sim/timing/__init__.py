"""Token networks: the handshakes of streaming hardware, cycle by cycle, without data.

A network consists of stages (:mod:`models <hwcompress.sim.timing.models>`) between
channels. :func:`simulate` replays it for some frames, :func:`steady` until it
repeats itself, :func:`deadlock_free` shows that no stalls can stop it, and
:func:`size_fifos` finds the least depths of its buffers. See docs/timing.md.
"""

from hwcompress.sim.timing.fifos import FifoSizes, size_fifos
from hwcompress.sim.timing.models import (
    Buffer,
    Model,
    Narrower,
    Pipeline,
    Slice,
    Step,
    Sweep,
    filtering,
    fork,
    pipeline,
)
from hwcompress.sim.timing.network import Stage, TokenNetwork
from hwcompress.sim.timing.simulate import Pattern, StreamTiming, Timing, simulate
from hwcompress.sim.timing.steady import Steady, steady
from hwcompress.sim.timing.untimed import deadlock_free

__all__ = [
    "Buffer",
    "FifoSizes",
    "Model",
    "Narrower",
    "Pattern",
    "Pipeline",
    "Slice",
    "Stage",
    "Steady",
    "Step",
    "StreamTiming",
    "Sweep",
    "Timing",
    "TokenNetwork",
    "deadlock_free",
    "filtering",
    "fork",
    "pipeline",
    "simulate",
    "size_fifos",
    "steady",
]
