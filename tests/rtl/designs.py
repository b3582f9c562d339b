"""Whole designs under Icarus against the reference interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl import Design, generate
from hwcompress.hls.rtl.timing import design_network, timing_of
from hwcompress.ir import Graph, evaluate
from hwcompress.sim.timing import simulate as token_machine

from .icarus import Response, simulate, to_bytes, to_words

_DUT = """
    {top} dut (.aclk(aclk), .aresetn(aresetn),
        .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
        .m_axis_tdata(m_data[{ow}-1:0]), .m_axis_tvalid(m_valid), .m_axis_tready(m_ready),
        .m_axis_tlast(m_data[{ow}]));
"""


def random_frames(graph: Graph, count: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform integers of the graph's only input."""
    (op,) = graph.inputs
    index = rng.integers(0, op.dtype.count, (count, *op.shape))
    return op.dtype.lo + op.dtype.step * index


def check_design(
    graph: Graph,
    folding: Folding,
    folder: Path,
    *,
    frames: int = 3,
    stalls: tuple[int, int] = (0, 0),
    seed: int = 1,
    cut: int = 0,
    samples: np.ndarray | None = None,
    rewrite: Callable[[Design], list[str]] | None = None,
) -> tuple[Design, Response]:
    """Generate, simulate, and assert the exact outputs and ``tlast``, and all cycles.

    The bits above the elements of an input beat are random. ``cut``: see ``simulate``.
    ``rewrite`` may turn the design into other Verilog files, which it names.
    """
    rng = np.random.default_rng(seed)
    design = generate(graph, folding, folder)
    (inp,), (out,) = design.inputs, design.outputs
    samples = random_frames(graph, frames, rng) if samples is None else samples
    frames = len(samples)
    fill = rng.integers(0, 256, frames * inp.beats_per_frame)
    words = [
        word | (int(noise) << inp.data_bits) & ((1 << inp.tdata_bits) - 1)
        for word, noise in zip(to_words(inp.pack(samples)), fill, strict=True)
    ]
    response = simulate(
        folder,
        _DUT.format(top=design.top, ow=out.tdata_bits),
        words,
        in_width=inp.tdata_bits,
        out_width=out.tdata_bits + 1,
        expected=frames * out.beats_per_frame,
        stalls=stalls,
        seed=seed,
        cut=cut,
        files=rewrite(design) if rewrite else list(design.files),
    )
    last = [beat >> out.tdata_bits for beat in response.beats]
    assert last == ([0] * (out.beats_per_frame - 1) + [1]) * frames
    data = [beat & ((1 << out.tdata_bits) - 1) for beat in response.beats]
    assert all(word >> out.data_bits == 0 for word in data)
    result = out.unpack(to_bytes(data, out.tdata_bytes))
    np.testing.assert_array_equal(result, evaluate(graph, samples)[out.tensor])
    check_cycles(design, [response], frames, paused=any(stalls))
    return design, response


def check_cycles(
    design: Design, responses: Sequence[Response], frames: int, *, paused: bool
) -> None:
    """Every output beat passed in the cycle that the model says, under the pauses of the run.

    Without pauses, interval and latencies are those that the design is predicted to have.
    """
    network = design_network(design)
    sinks = [port.port for port in design.outputs]
    offered = responses[0].offered
    model = token_machine(
        network,
        frames,
        offers={port.port: row for port, row in zip(design.inputs, offered, strict=True)},
        accepts={port: each.accepted for port, each in zip(sinks, responses, strict=True)},
        watched=tuple(sinks),
    )
    for port, response in zip(sinks, responses, strict=True):
        # The bench counts from 1, the model from 0.
        assert [cycle - 1 for cycle in response.cycles] == model.beats[port].tolist(), (
            f"{port}: cycles of the RTL, and of the model"
        )
    if not paused:
        _check_predicted(design, responses, frames)


def _check_predicted(design: Design, responses: Sequence[Response], frames: int) -> None:
    timing = timing_of(design)
    # Constants start with the reset, and this bench's inputs a cycle later: latencies are shorter.
    constant = any(item.module == "hwc_constant" for item in design.instances)
    start = 1 + min(int(np.argmax(row)) for row in responses[0].offered)
    ends = np.zeros(frames, np.int64)
    for port, response in zip(design.outputs, responses, strict=True):
        beats = port.beats_per_frame
        found = (response.cycles[0] - start, response.cycles[beats - 1] - start)
        assert constant or found == timing.outputs[port.port], f"{port.port}: first output, frame"
        ends = np.maximum(ends, response.cycles[beats - 1 :: beats])
    first, period = timing.steady.settled, timing.steady.frames
    if first + period < frames:
        assert ends[first + period] - ends[first] == timing.interval * period
