"""A whole design in memory: what ``generate`` sizes and then writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import hwcompress.hls.rtl.engines  # noqa: F401  (registers the handlers)
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl.builder import RTL, Builder, Layer
from hwcompress.hls.rtl.design import Design, FifoSpec, InstanceSpec, LayerSpec, TapSpec
from hwcompress.hls.rtl.keywords import KEYWORDS
from hwcompress.hls.rtl.lanes import readers as readers_of
from hwcompress.hls.rtl.lanes import wanted_lanes
from hwcompress.hls.rtl.netlist import Instance, Literal, Netlist, Stream
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.hls.rtl.top import Port, top_text
from hwcompress.ir import Constant, Graph, Op

__all__ = ["Plan", "plan"]

_SKID_DEPTH = 2  # beats that a register slice holds


@dataclass(frozen=True)
class Plan:
    """A design whose buffers have no depth yet."""

    graph: Graph
    top: str
    builder: Builder
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    taps: tuple[tuple[str, Port], ...]
    layers: tuple[LayerSpec, ...]

    def design(self, folder: str | Path = "", depths: Mapping[str, int] | None = None) -> Design:
        """The record of the design, with ``depths`` in beats by buffer name.

        Without ``depths`` every place for a buffer is an ``hwc_fifo`` of DEPTH
        0, which stands for one that is never full.

        Raises:
            InputError: ``depths`` names a place that is not there, or is negative.
        """
        netlist, inputs, outputs, taps = self._parts(depths)
        fifos = tuple(
            replace(fifo, depth=0 if depths is None else depths.get(name, 0))
            for name, fifo in self.builder.fifos.items()
        )
        return Design(
            folder=Path(folder),
            graph=self.graph.name,
            top=self.top,
            inputs=tuple(port.spec for port in inputs),
            outputs=tuple(port.spec for port in outputs),
            taps=tuple(TapSpec(op, port.spec, port.stream.name) for op, port in taps),
            files=(*_library(self._modules(netlist)), f"{self.top}.v"),
            memories=tuple(self.builder.memories),
            layers=tuple(
                replace(
                    layer,
                    modules=(
                        *(fifo.name for fifo in fifos if fifo.op == layer.op and fifo.depth),
                        *layer.modules,
                    ),
                )
                for layer in self.layers
            ),
            instances=tuple(_instances(netlist, inputs, outputs)),
            fifos=fifos,
            reloads=tuple(self.builder.reloads),
        )

    def texts(self, depths: Mapping[str, int]) -> dict[str, str]:
        """Every file but ``design.json``, by name."""
        netlist, inputs, outputs, taps = self._parts(depths)
        text = top_text(
            self.top,
            self.graph,
            netlist,
            inputs,
            outputs,
            [port for _, port in taps],
            self.builder.reloads,
        )
        library = _library(self._modules(netlist))
        return {**library, **self.builder.hex_files, f"{self.top}.v": text}

    def _modules(self, netlist: Netlist) -> set[str]:
        return _modules(netlist) | ({"hwc_axil"} if self.builder.reloads else set())

    def _parts(
        self, depths: Mapping[str, int] | None
    ) -> tuple[Netlist, list[Port], list[Port], list[tuple[str, Port]]]:
        netlist = self.builder.netlist
        alias: dict[str, Stream] = {}
        if depths is not None:
            _check_depths(depths, self.builder.fifos)
            absent = {name for name in self.builder.fifos if not depths.get(name, 0)}
            netlist, alias = netlist.without(absent)
            netlist = Netlist(
                [
                    _sized(item, depths[item.name])
                    if isinstance(item, Instance) and item.name in self.builder.fifos
                    else item
                    for item in netlist.items
                ]
            )

        def seen(port: Port) -> Port:
            return replace(port, stream=alias.get(port.stream.name, port.stream))

        return (
            netlist,
            [seen(port) for port in self.inputs],
            [seen(port) for port in self.outputs],
            [(op, seen(port)) for op, port in self.taps],
        )


def plan(graph: Graph, folding: Folding, *, top: str = "hwcompress_top") -> Plan:
    """Every instance, memory and port of the design; nothing is written.

    Raises:
        InputError: the folding does not fit the graph, or ``top`` is no name for a module.
        UnsupportedError: an operation has no engine.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", top):
        raise InputError(f"{top!r} is not a Verilog module name")
    if top in KEYWORDS or top.startswith("hwc_"):
        raise InputError(
            f"the top cannot be called {top!r}",
            why="Verilog keeps this word, or a module of the library has the name",
            remedy="give another name, such as my_network",
        )
    _check(graph)
    folding.check(graph)
    builder = Builder(graph, folding)
    streams: dict[tuple[str, int], Stream] = {}  # by reader and number of its input
    inputs: list[Port] = []
    outputs: list[Port] = []
    taps: list[tuple[str, Port]] = []
    layers: list[LayerSpec] = []

    for number, source in enumerate(graph.inputs):
        tensor = source.outputs[0]
        prefix = "s_axis" if len(graph.inputs) == 1 else f"s_axis_{number}"
        spec = _spec(graph, tensor, prefix, wanted_lanes(builder, tensor))
        name = builder.unique(f"{prefix}_slice")
        stream = Stream(name, spec.dtype, spec.elements_per_beat, spec.size)
        inputs.append(Port(spec, stream))
    for port in inputs:
        _distribute(builder, port.spec.tensor, port.spec.tensor, port.stream, streams)
    for op in graph.layers:
        layer = Layer(builder, op)
        builder.netlist.comment(f"{op.kind} {op.name!r}".replace("\n", " "))
        sources = [
            _join_fifo(builder, op, position, streams.pop((op.name, position)))
            for position in range(len(op.inputs))
        ]
        made = RTL.handler(op)(layer, op, *sources)
        results = made if isinstance(made, tuple) else (made,)
        for tensor, stream in zip(op.outputs, results, strict=True):
            spec = _spec(graph, tensor, f"tap_{len(taps)}", stream.lanes)
            taps.append((op.name, Port(spec, stream)))
            layer.instances += _distribute(builder, op.name, tensor, stream, streams)
        layers.append(layer.spec())
    for number, sink in enumerate(graph.outputs):
        stream = streams.pop((sink.name, 0))
        prefix = "m_axis" if len(graph.outputs) == 1 else f"m_axis_{number}"
        outputs.append(Port(_spec(graph, sink.inputs[0], prefix, stream.lanes), stream))
    return Plan(graph, top, builder, tuple(inputs), tuple(outputs), tuple(taps), tuple(layers))


def _check(graph: Graph) -> None:
    """All that cannot be expressed, in one error."""
    problems = []
    for op in graph.layers:
        try:
            RTL.handler(op)
        except UnsupportedError as error:
            problems.append(str(error))
    if problems:
        raise UnsupportedError("cannot be made into streaming Verilog", problems, where=graph.name)


def _distribute(
    builder: Builder,
    maker: str,
    tensor: str,
    stream: Stream,
    streams: dict[tuple[str, int], Stream],
) -> list[str]:
    """Give a tensor's stream to its readers, through a fork if they are several.

    Gives the name of the fork.
    """
    readers = readers_of(builder.graph, tensor)
    if len(readers) == 1:
        ((op, position),) = readers
        streams[op.name, position] = stream
        return []
    builder.netlist.comment(f"{len(readers)} readers of tensor {tensor!r}".replace("\n", " "))
    fork, copies = builder.fork(maker, stream, len(readers))
    for (op, position), copy in zip(readers, copies, strict=True):
        why = f"{op.kind} {op.name!r} takes tensor {tensor!r} at another time than other readers"
        label = op.name if len(op.inputs) == 1 else f"{op.name}_{position}"
        streams[op.name, position] = builder.fifo(label, copy, op, tensor, why)
    return [fork]


def _join_fifo(builder: Builder, op: Op, position: int, stream: Stream) -> Stream:
    """A place for a buffer in front of an operation with several inputs.

    A constant never keeps it waiting and holds nothing back; copies of it have their
    places behind the fork.
    """
    if len(op.inputs) == 1 or isinstance(builder.graph.producer(op.inputs[position]), Constant):
        return stream
    why = f"input {position} of {op.kind} {op.name!r} waits for the others"
    return builder.fifo(f"{op.name}_{position}", stream, op, op.inputs[position], why)


def _spec(graph: Graph, tensor: str, port: str, lanes: int) -> StreamSpec:
    kind = graph.tensors[tensor].type
    return StreamSpec(tensor, port, kind.shape, kind.dtype, lanes)


def _check_depths(depths: Mapping[str, int], fifos: Mapping[str, FifoSpec]) -> None:
    unknown = set(depths) - set(fifos)
    if unknown:
        raise InputError(
            f"{min(unknown)!r} is no buffer of this design",
            remedy=f"buffers are {', '.join(fifos) or 'not needed in a chain'}",
        )
    for name, depth in depths.items():
        if depth < 0:
            raise InputError(
                f"depth {depth} of buffer {name!r} is negative", remedy="give 0 or more"
            )


def _sized(fifo: Instance, depth: int) -> Instance:
    width = fifo.parameters["WIDTH"]
    if depth <= _SKID_DEPTH:
        return replace(fifo, module="hwc_skid", parameters={"WIDTH": width})
    return replace(fifo, parameters={"WIDTH": width, "DEPTH": depth})


def _instances(netlist: Netlist, inputs: list[Port], outputs: list[Port]) -> list[InstanceSpec]:
    """Every instance of the top, the ends of its ports among them."""
    found = [
        InstanceSpec(
            "hwc_skid",
            port.stream.name,
            {"WIDTH": port.spec.data_bits},
            (port.spec.port,),
            (port.stream.name,),
        )
        for port in inputs
    ]
    for item in netlist.instances:
        numbers = {
            key: value.value if isinstance(value, Literal) else value
            for key, value in item.parameters.items()
            if not isinstance(value, str)
        }
        sources = tuple(stream.name for stream in item.sources)
        results = tuple(stream.name for stream in item.results)
        found.append(InstanceSpec(item.module, item.name, numbers, sources, results))
    found += [
        InstanceSpec(
            "hwc_last",
            f"{port.spec.port}_end",
            {"WIDTH": port.spec.tdata_bits, "BEATS": port.spec.beats_per_frame},
            (port.stream.name,),
            (port.spec.port,),
        )
        for port in outputs
    ]
    return found


def _modules(netlist: Netlist) -> set[str]:
    return {instance.module for instance in netlist.instances} | {"hwc_skid", "hwc_last"}


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
