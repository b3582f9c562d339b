"""``deploy/``: what goes to the board's project."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hwcompress import boards
from hwcompress.boards import Board
from hwcompress.flow.step import Context
from hwcompress.flow.steps.arrays import (
    Vectors,
    load_test,
    narrow,
    sample_arrays,
    save_arrays,
)
from hwcompress.hls.rtl.design import Design
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.ir import Graph, Input, load
from hwcompress.report.facts import DataFacts, GraphFacts, PackageFacts
from hwcompress.samples import sample_rows

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
    facts, data = context.result("import", GraphFacts), context.result("data", DataFacts)
    readme = _readme(graph, _entrances(graph, facts, data, design), design, board, count)
    (deploy / "README.md").write_text(readme, encoding="utf-8")
    files = sum(path.is_file() for path in deploy.rglob("*"))
    return PackageFacts(
        files,
        count,
        ("deploy/ holds no bitstream: that needs the vendor's place and route",),
    )


def _write_vectors(context: Context, graph: Graph, design: Design, folder: Path) -> int:
    """The first test samples as integers, and as the beats of every stream."""
    vectors = Vectors.load(context.folder, graph)
    stored, labels = load_test(context.folder, context.result("data", DataFacts))
    count = min(VECTORS, vectors.count)
    folder.mkdir()
    arrays = sample_arrays(
        sample_rows(stored, slice(count)), None if labels is None else labels[:count]
    )
    for name, stream in zip(_names("input", design.inputs), design.inputs, strict=True):
        values = vectors.inputs[stream.tensor][:count]
        arrays[name] = narrow(values, graph.tensors[stream.tensor].dtype)
        _write_beats(folder / f"{name}.hex", stream, values)
    ends = _names("expected", design.outputs)
    for index, (name, stream) in enumerate(zip(ends, design.outputs, strict=True)):
        values = vectors.outputs[stream.tensor][:count]
        arrays[f"output{index}"] = narrow(values, graph.tensors[stream.tensor].dtype)
        _write_beats(folder / f"{name}.hex", stream, values)
    save_arrays(folder / "vectors.npz", **arrays)
    return count


def _names(base: str, streams: Sequence[StreamSpec]) -> list[str]:
    """Names of what belongs to each stream: ``input``, or ``input0``, ``input1``, ..."""
    return [base] if len(streams) == 1 else [f"{base}{index}" for index in range(len(streams))]


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


def _encoding(op: Input) -> str:
    """From a real value x of an input to its integer."""
    if op.boundaries is not None:
        return (
            "`lo + step * #{b in boundaries: x >= b}`"
            f" (`{op.name}/boundaries` in graph/graph.npz)"
        )
    if op.dtype.is_bipolar:
        return "-1 for `x < 0`, else +1"
    return f"`clip(rint(x / {op.scale!r} + {op.zero!r}), {op.dtype.lo}, {op.dtype.hi})`"


def _entrances(graph: Graph, facts: GraphFacts, data: DataFacts, design: Design) -> list[str]:
    """How the samples of each input become integers."""
    ops = {op.outputs[0]: op for op in graph.inputs}
    if len(ops) == 1:
        (op,) = ops.values()
        return [
            f"A sample of shape {op.source_shape} is transposed by {op.axes}, then each value",
            f"x becomes {_encoding(op)}.",
        ]
    sources = {item.tensor: item.source for item in facts.inputs}
    places = {item.name: index for index, item in enumerate(data.inputs)}
    lines = [
        "Each sample is transposed by the axes given, then each value x becomes an integer.",
        "",
    ]
    for file, stream in zip(_names("input", design.inputs), design.inputs, strict=True):
        op, source = ops[stream.tensor], sources[stream.tensor]
        lines.append(
            f"- `{source}`, port `{stream.port}`: shape {op.source_shape}, axes {op.axes},"
            f" {_encoding(op)}; in `vectors.npz` samples `x{places[source]}`, integers `{file}`"
        )
    return lines


def _readme(graph: Graph, entrances: list[str], design: Design, board: Board, count: int) -> str:
    starts = ", ".join(f"`{name}.hex`" for name in _names("input", design.inputs))
    ends = ", ".join(f"`{name}.hex`" for name in _names("expected", design.outputs))
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
        f"- `vectors/`: {count} test samples. `vectors.npz` holds samples and integers. The beats",
        f"  of the streams lie in {starts} and {ends}, one a line,",
        "  for `$readmemh`: the first, sent in order, give the second.",
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
        "  `aclk` before the first frame, with every input's `tvalid` low; frames inside are lost.",
        "- `tvalid`, `tready`: a beat passes where both are high at a rising edge. Frames may",
        "  follow each other without a gap, and either side may pause at any beat.",
        "- `tlast`: on the last beat of every frame of an output. Inputs have none: beats are",
        "  counted from the reset. There is no `tkeep`, `tstrb` or `tuser`: every beat is full.",
        "",
        "## From reals to integers",
        "",
        *entrances,
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
