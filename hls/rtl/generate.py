"""From an integer graph and a folding to a folder with a complete design."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import hwcompress.hls.rtl.engines  # noqa: F401  (registers the handlers)
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl.builder import RTL, Builder, Layer
from hwcompress.hls.rtl.design import Design, LayerSpec, TapSpec, write_file
from hwcompress.hls.rtl.netlist import Stream
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.hls.rtl.top import Port, top_text
from hwcompress.ir import Graph, Reshape

__all__ = ["generate"]


def generate(
    graph: Graph, folding: Folding, folder: str | Path, *, top: str = "hwcompress_top"
) -> Design:
    """Write ``<top>.v``, the library files it needs, hex files and ``design.json``.

    The same graph and folding give the same bytes. Files of an earlier design
    that are not written again stay; ``design.json`` is written last.

    Raises:
        InputError: the folding does not fit the graph, ``top`` is no
            identifier, or the folder cannot be written.
        UnsupportedError: an operation has no engine, or a tensor has several
            readers.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", top):
        raise InputError(f"{top!r} is not a Verilog module name")
    _check(graph)
    folding.check(graph)
    builder = Builder(graph, folding)
    streams: dict[str, Stream] = {}
    inputs: list[Port] = []
    outputs: list[Port] = []
    taps: list[tuple[str, Port]] = []
    layers: list[LayerSpec] = []

    for number, source in enumerate(graph.inputs):
        tensor = source.outputs[0]
        prefix = "s_axis" if len(graph.inputs) == 1 else f"s_axis_{number}"
        spec = _spec(graph, tensor, prefix, _wanted_lanes(builder, tensor))
        name = builder.unique(f"{prefix}_slice")
        streams[tensor] = Stream(name, spec.dtype, spec.elements_per_beat, spec.size)
        inputs.append(Port(spec, streams[tensor]))
    for op in graph.layers:
        layer = Layer(builder, op)
        builder.netlist.comment(f"{op.kind} {op.name!r}".replace("\n", " "))
        stream = RTL.handler(op)(layer, op, streams[op.inputs[0]])
        streams[op.outputs[0]] = stream
        spec = _spec(graph, op.outputs[0], f"tap_{len(taps)}", stream.lanes)
        taps.append((op.name, Port(spec, stream)))
        layers.append(layer.spec())
    for number, sink in enumerate(graph.outputs):
        tensor = sink.inputs[0]
        prefix = "m_axis" if len(graph.outputs) == 1 else f"m_axis_{number}"
        spec = _spec(graph, tensor, prefix, streams[tensor].lanes)
        outputs.append(Port(spec, streams[tensor]))

    builder.modules |= {"hwc_skid", "hwc_last"}
    library = _library(builder.modules)
    design = Design(
        folder=Path(folder),
        graph=graph.name,
        top=top,
        inputs=tuple(port.spec for port in inputs),
        outputs=tuple(port.spec for port in outputs),
        taps=tuple(TapSpec(op, port.spec) for op, port in taps),
        files=(*library, f"{top}.v"),
        memories=tuple(builder.memories),
        layers=tuple(layers),
    )
    text = top_text(top, graph, builder.netlist, inputs, outputs, [port for _, port in taps])
    _write(design, {**library, **builder.hex_files, f"{top}.v": text})
    return design


def _check(graph: Graph) -> None:
    """All that cannot be expressed, in one error."""
    problems = []
    for op in graph.layers:
        try:
            RTL.handler(op)
        except UnsupportedError as error:
            problems.append(str(error))
    for tensor in graph.tensors:
        readers = graph.consumers(tensor)
        if len(readers) > 1:
            names = ", ".join(repr(op.name) for op in readers)
            problems.append(
                f"tensor {tensor!r} is read by {names}: branches are not yet in the RTL backend"
            )
    if problems:
        raise UnsupportedError("cannot be made into streaming Verilog", problems, where=graph.name)


def _spec(graph: Graph, tensor: str, port: str, lanes: int) -> StreamSpec:
    kind = graph.tensors[tensor].type
    return StreamSpec(tensor, port, kind.shape, kind.dtype, lanes)


def _wanted_lanes(builder: Builder, tensor: str) -> int:
    """Elements per beat that the first engine behind a graph input takes."""
    (reader,) = builder.graph.consumers(tensor)
    if isinstance(reader, Reshape):
        return _wanted_lanes(builder, reader.outputs[0])
    if not reader.outputs:
        return 1
    layer = Layer(builder, reader)
    return layer.engine.lanes_in(layer.lanes)


def _library(modules: set[str]) -> dict[str, str]:
    """Library files, by name, of the modules and all that they instantiate."""
    folder = resources.files("hwcompress.hls.rtl") / "library"
    texts: dict[str, str] = {}
    waiting = sorted(modules)
    while waiting:
        module = waiting.pop()
        if f"{module}.v" not in texts:
            texts[f"{module}.v"] = text = (folder / f"{module}.v").read_text()
            waiting += re.findall(r"^\s*(hwc_\w+) #\(", text, re.MULTILINE)
    return dict(sorted(texts.items()))


def _write(design: Design, texts: dict[str, str]) -> None:
    try:
        design.folder.mkdir(parents=True, exist_ok=True)
        (design.folder / "design.json").unlink(missing_ok=True)  # not valid while files change
        for name, text in texts.items():
            write_file(design.folder / name, text)
        design.save()
    except OSError as error:
        raise InputError(
            "cannot be written",
            where=str(design.folder),
            why=error.strerror or str(error),
            remedy="choose another output folder",
        ) from None
