"""Whole designs under Icarus against the reference interpreter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl import Design, generate
from hwcompress.ir import Graph, evaluate

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
    """Generate, simulate, and assert the exact outputs and ``tlast``.

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
    return design, response
