"""``deploy/``: what goes to the board's project."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from hwcompress import boards
from hwcompress.boards import Board
from hwcompress.flow.step import Context
from hwcompress.flow.steps.arrays import Vectors, load_test, narrow, save_arrays
from hwcompress.hls.rtl.design import Design
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.ir import Graph, load
from hwcompress.report.facts import PackageFacts

__all__ = ["VECTORS", "run_package"]

VECTORS = 32
"""Test vectors that are packed, at most."""


def run_package(context: Context) -> PackageFacts:
    """Copy the design and the graph, write test vectors and a README."""
    graph = load(context.folder / "graph")
    board = boards.load(context.settings.board)
    deploy = context.out / "deploy"
    deploy.mkdir()
    shutil.copytree(context.folder / "rtl", deploy / "rtl")
    shutil.copytree(context.folder / "graph", deploy / "graph")
    design = Design.load(deploy / "rtl")
    count = _write_vectors(context, graph, design, deploy / "vectors")
    (deploy / "README.md").write_text(_readme(graph, design, board, count), encoding="utf-8")
    files = sum(path.is_file() for path in deploy.rglob("*"))
    return PackageFacts(
        files,
        count,
        ("deploy/ holds no bitstream: that needs the vendor's place and route",),
    )


def _write_vectors(context: Context, graph: Graph, design: Design, folder: Path) -> int:
    """The first test samples as integers, and as the beats of both streams."""
    vectors = Vectors.load(context.folder, graph)
    stored, labels = load_test(context.folder)
    count = min(VECTORS, len(vectors.inputs))
    folder.mkdir()
    arrays = {
        "x": stored[:count],
        "input": narrow(vectors.inputs[:count], graph.inputs[0].dtype),
    }
    if labels is not None:
        arrays["y"] = labels[:count]
    _write_beats(folder / "input.hex", design.inputs[0], vectors.inputs[:count])
    for index, stream in enumerate(design.outputs):
        values = vectors.outputs[stream.tensor][:count]
        arrays[f"output{index}"] = narrow(values, graph.tensors[stream.tensor].dtype)
        name = "expected.hex" if len(design.outputs) == 1 else f"expected{index}.hex"
        _write_beats(folder / name, stream, values)
    save_arrays(folder / "vectors.npz", **arrays)
    return count


def _write_beats(path: Path, stream: StreamSpec, values: np.ndarray) -> None:
    """One beat a line, most significant digit first, as ``$readmemh`` reads it."""
    lines = (row[::-1].tobytes().hex() for row in stream.pack(values))
    path.write_text("\n".join(lines) + "\n")


def _port(stream: StreamSpec, direction: str) -> str:
    return (
        f"| `{stream.port}` | {direction} | {stream.tdata_bits} | {stream.elements_per_beat} |"
        f" {stream.dtype} ({stream.bits} bit) | {stream.beats_per_frame} |"
        f" {'x'.join(map(str, stream.shape))} |"
    )


def _readme(graph: Graph, design: Design, board: Board, count: int) -> str:
    source = graph.inputs[0]
    if source.boundaries is not None:
        encoding = "`lo + step * #{b in boundaries: x >= b}` (`boundaries` in graph/graph.npz)"
    elif source.dtype.is_bipolar:
        encoding = "-1 for `x < 0`, else +1"
    else:
        encoding = (
            f"`clip(rint(x / {source.scale!r} + {source.zero!r}),"
            f" {source.dtype.lo}, {source.dtype.hi})`"
        )
    ports = [_port(stream, "in") for stream in design.inputs]
    ports += [_port(stream, "out") for stream in design.outputs]
    meanings = []
    for op in graph.outputs:
        affine = graph.tensors[op.inputs[0]].affine
        host = f", then {', '.join(op.host)}" if op.host else ""
        meanings.append(
            f"- `{op.inputs[0]}`: real = scale * integer + offset, scale"
            f" {_numbers(affine.scale)}, offset {_numbers(affine.offset)}{host}"
        )
    lines = [
        f"# {graph.name} for {board.title}",
        "",
        "Plain Verilog-2005 with AXI4-Stream ports; it was compared with the integer graph on",
        "every test sample (see report.html of the build).",
        "",
        f"- `rtl/`: sources in the order {', '.join(f'`{name}`' for name in design.files)};",
        f"  top module `{design.top}`. The memories are hex files that `$readmemh` reads by a name",
        "  relative to `rtl/`: start simulators and synthesis there (`cd rtl`).",
        "- `rtl/design.json`: ports, memories and layers, for programs.",
        "- `graph/`: the integer graph (format in docs/integer-graph.md of hwcompress).",
        f"- `vectors/`: {count} test samples. `vectors.npz` holds integers; `input.hex` and",
        "  `expected*.hex` hold the beats of the streams, one a line, for `$readmemh`: the lines",
        "  of `input.hex`, sent in order, give those of `expected*.hex`.",
        "",
        f"Part {board.part}, clock {board.clock_mhz:g} MHz. Whether the design reaches this clock",
        "has to be seen after place and route.",
        "",
        "## Streams",
        "",
        "| port | direction | tdata bits | elements per beat | element | beats per frame | frame |",
        "|---|---|---|---|---|---|---|",
        *ports,
        "",
        "Element i of a beat occupies the bits [i*bits +: bits]; elements follow each other with",
        "the last axis (channels) fastest. Signed elements are two's complement, bipolar ones one",
        "bit (0 for -1).",
        "",
        "- `aclk`: the only clock; everything happens at its rising edge.",
        "- `aresetn`: active low and synchronous. Hold it low for at least one rising edge of",
        "  `aclk` before the first frame, with the input's `tvalid` low; frames inside are lost.",
        "- `tvalid`, `tready`: a beat passes where both are high at a rising edge. Frames may",
        "  follow each other without a gap, and either side may pause at any beat.",
        "- `tlast`: on the last beat of every frame of the output. The input has none: beats are",
        "  counted from the reset. There is no `tkeep`, `tstrb` or `tuser`: every beat is full.",
        "",
        "## From reals to integers",
        "",
        f"A sample of shape {source.source_shape} is transposed by {source.axes}, then each value",
        f"x becomes {encoding}.",
        "",
        "## From integers to reals",
        "",
        *meanings,
        "",
    ]
    return "\n".join(lines)


def _numbers(values: tuple[float, ...]) -> str:
    if len(set(values)) == 1:
        return repr(values[0])
    return f"per channel [{', '.join(map(repr, values))}]"
