"""Whole designs under Icarus, with their taps."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.rtl import Design
from hwcompress.hls.rtl.timing import design_network
from hwcompress.sim.timing import simulate

from .bench import measure

__all__ = ["check_beats"]

_LENGTH = 509  # cycles of a pattern, a prime


def check_beats(
    design: Design,
    *,
    frames: int,
    rng: np.random.Generator,
    pauses: tuple[int, int] = (100, 100),
) -> None:
    """Every beat of every port and every tap passes in the cycle that the model says.

    ``pauses``: percent of the cycles in which an input offers and an output accepts.
    The data are zero: no module's handshakes depend on them.
    """
    network = design_network(design)
    sources = [port.port for port in design.inputs]
    sinks = [port.port for port in design.outputs]
    offers = {c: (rng.integers(0, 100, _LENGTH) < pauses[0]).astype(int) for c in sources}
    accepts = {c: (rng.integers(0, 100, _LENGTH) < pauses[1]).astype(int) for c in sinks}
    taps = [tap for tap in design.taps if tap.wires in network.channels]
    watched = tuple(dict.fromkeys([*sources, *sinks, *(tap.wires for tap in taps)]))
    got = simulate(network, frames, offers=offers, accepts=accepts, watched=watched)
    pins = [".aclk(clk), .aresetn(~rst)"]
    for i, port in enumerate(design.inputs):
        data = f"s_data[{port.tdata_bits - 1}:0]"
        pins.append(
            f".{port.port}_tdata({data}), .{port.port}_tvalid(s_valid[{i}]),"
            f" .{port.port}_tready(s_ready[{i}])"
        )
    for i, port in enumerate(design.outputs):
        pins.append(
            f".{port.port}_tdata(), .{port.port}_tvalid(m_valid[{i}]),"
            f" .{port.port}_tready(m_ready[{i}]), .{port.port}_tlast()"
        )
    for i, tap in enumerate(taps):
        pins.append(f".{tap.stream.port}_fire(m_valid[{len(sinks) + i}])")
    seen = measure(
        design.folder, f"{design.top} dut ({', '.join(pins)});",
        in_width=max(port.tdata_bits for port in design.inputs), out_width=1,
        beats=[frames * port.beats_per_frame for port in design.inputs],
        expected=[frames * port.beats_per_frame for port in design.outputs]
        + [frames * tap.stream.beats_per_frame for tap in taps],
        offers=[offers[c] for c in sources],
        accepts=[accepts[c] for c in sinks] + [np.ones(_LENGTH, int)] * len(taps),
        options=["-DHWC_TAPS", *design.files],
    )  # fmt: skip
    end = got.cycles  # of the last output beat; the model runs no further
    for channel, cycles in zip(
        [*sinks, *(tap.wires for tap in taps), *sources], [*seen.outputs, *seen.inputs], strict=True
    ):
        modelled = got.beats[channel].tolist()
        assert [cycle for cycle in cycles if cycle < end] == modelled, channel
