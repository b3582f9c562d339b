"""What a run of a verilated design gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.cosim.cycles import steady_interval

__all__ = ["PortCycles", "Run"]


@dataclass(frozen=True)
class PortCycles:
    """When the frames of one stream passed. Cycles count from the end of reset, from 0.

    Args:
        tensor: what the stream carries.
        first: cycle of each frame's first beat, ``(n,)``; a stream that stopped
            may have one more than ``last``.
        last: cycle of each frame's last beat, ``(n,)``.
        every: cycle of every beat ``(n, beats per frame)`` of whole frames, if asked for.
    """

    tensor: str
    first: np.ndarray
    last: np.ndarray
    every: np.ndarray | None = None

    @property
    def interval(self) -> float | None:
        """Mean cycles between frame ends in the second half, None for fewer than four frames."""
        return steady_interval(self.last)


@dataclass(frozen=True)
class Run:
    """What a run gave. Cycles are counted from the end of reset, from 0.

    Args:
        values: int64 ``(n, *shape)`` of every output tensor.
        cycles: clock cycles until the last output beat, inclusive.
        input_ports: cycles of every input port, by port.
        output_ports: cycles of every output port, by port.
        taps: integers ``(n, *shape)`` of every observed tensor, in graph order.
        tap_cycles: their cycles, by tensor.
    """

    values: Mapping[str, np.ndarray]
    cycles: int
    input_ports: Mapping[str, PortCycles]
    output_ports: Mapping[str, PortCycles]
    taps: Mapping[str, np.ndarray] = field(default_factory=dict)
    tap_cycles: Mapping[str, PortCycles] = field(default_factory=dict)

    @property
    def outputs(self) -> np.ndarray:
        """Integers ``(n, *shape)`` of the only output tensor.

        Raises:
            InputError: there are several; ``values`` has them by name.
        """
        if len(self.values) != 1:
            raise InputError(
                f"there are {len(self.values)} output tensors",
                remedy=f"take one of {', '.join(self.values)} from values",
            )
        return next(iter(self.values.values()))

    @property
    def first_input_cycle(self) -> int:
        """Cycle in which the first input beat was taken, on any port."""
        return min(int(port.first[0]) for port in self.input_ports.values())

    @property
    def first_output_cycle(self) -> int:
        """Cycle in which the first output beat was taken, on any port."""
        return min(int(port.first[0]) for port in self.output_ports.values())

    @property
    def frame_end_cycles(self) -> np.ndarray:
        """Cycle in which each frame was complete on all output ports, ``(n,)``."""
        return np.max([port.last for port in self.output_ports.values()], axis=0)

    @property
    def latency_first_output(self) -> int:
        """Cycles from taking the first input beat to taking the first output beat."""
        return self.first_output_cycle - self.first_input_cycle

    @property
    def latency_frame(self) -> int:
        """Cycles from taking the first input beat to the end of the first frame on all ports."""
        return int(self.frame_end_cycles[0]) - self.first_input_cycle

    @property
    def interval(self) -> float | None:
        """Mean cycles between frame ends in the second half, None for fewer than four frames."""
        return steady_interval(self.frame_end_cycles)

    def latency_of(self, port: str) -> tuple[int, int]:
        """Cycles from the first input beat to the first beat and to the first frame's end.

        ``port`` is an output port, or the tensor of an observation port.
        """
        seen = {**self.tap_cycles, **self.output_ports}[port]
        start = self.first_input_cycle
        return int(seen.first[0]) - start, int(seen.last[0]) - start
