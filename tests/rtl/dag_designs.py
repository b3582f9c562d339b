"""Whole designs of several inputs and outputs under Icarus against the reference interpreter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl import Design, generate
from hwcompress.ir import Graph, evaluate
from tests.conformance.generators import random_inputs

from .designs import check_cycles
from .icarus import Response, to_bytes, to_words
from .streams import Source, simulate_streams

__all__ = ["check_dag", "dut_text", "intervals"]


def dut_text(design: Design) -> str:
    """The instance of a top between the buses of :mod:`tests.rtl.streams`."""
    ports = [".aclk(aclk)", ".aresetn(aresetn)"]
    for i, spec in enumerate(design.inputs):
        ports += [
            f".{spec.port}_tdata(s_data_{i})",
            f".{spec.port}_tvalid(s_valid[{i}])",
            f".{spec.port}_tready(s_ready[{i}])",
        ]
    for i, spec in enumerate(design.outputs):
        ports += [
            f".{spec.port}_tdata(m_data_{i}[{spec.tdata_bits - 1}:0])",
            f".{spec.port}_tlast(m_data_{i}[{spec.tdata_bits}])",
            f".{spec.port}_tvalid(m_valid[{i}])",
            f".{spec.port}_tready(m_ready[{i}])",
        ]
    return f"{design.top} dut ({', '.join(ports)});"


def check_dag(
    graph: Graph,
    folding: Folding,
    folder: Path,
    *,
    frames: int = 3,
    stalls: tuple[int, int] = (0, 0),
    seed: int = 1,
    fifo_depths: Mapping[str, int] | None = None,
    rewrite: Callable[[Design], list[str]] | None = None,
) -> tuple[Design, list[Response]]:
    """Generate, simulate, and assert the exact outputs, ``tlast`` and cycles of every port.

    The bits above the elements of an input beat are random.
    """
    rng = np.random.default_rng(seed)
    design = generate(graph, folding, folder, fifo_depths=fifo_depths)
    assert Design.load(folder) == design
    feeds = random_inputs(graph, frames, seed)
    sources = []
    for spec in design.inputs:
        fill = rng.integers(0, 256, frames * spec.beats_per_frame)
        words = [
            word | (int(noise) << spec.data_bits) & ((1 << spec.tdata_bits) - 1)
            for word, noise in zip(to_words(spec.pack(feeds[spec.tensor])), fill, strict=True)
        ]
        sources.append(Source(spec.tdata_bits, words))
    responses = simulate_streams(
        folder,
        dut_text(design),
        sources,
        [(spec.tdata_bits + 1, frames * spec.beats_per_frame) for spec in design.outputs],
        stalls=stalls,
        seed=seed,
        files=rewrite(design) if rewrite else list(design.files),
        watchdog=2000 + 4 * design.interval,
    )
    expected = evaluate(graph, feeds)
    for spec, response in zip(design.outputs, responses, strict=True):
        last = [beat >> spec.tdata_bits for beat in response.beats]
        assert last == ([0] * (spec.beats_per_frame - 1) + [1]) * frames
        data = [beat & ((1 << spec.tdata_bits) - 1) for beat in response.beats]
        assert all(word >> spec.data_bits == 0 for word in data)
        result = spec.unpack(to_bytes(data, spec.tdata_bytes))
        np.testing.assert_array_equal(result, expected[spec.tensor], err_msg=spec.port)
    check_cycles(design, responses, frames, paused=any(stalls))
    return design, responses


def intervals(design: Design, responses: list[Response]) -> list[list[int]]:
    """Cycles between the ends of frames, per output."""
    return [
        [int(v) for v in np.diff(response.cycles[spec.beats_per_frame - 1 :: spec.beats_per_frame])]
        for spec, response in zip(design.outputs, responses, strict=True)
    ]
