"""What a handler of one operation uses to put hardware into the design."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.folding.engines import Engine, engine
from hwcompress.hls.folding.gearbox import gearbox
from hwcompress.hls.rtl.design import FifoSpec, LayerSpec, MemorySpec, ReloadSpec
from hwcompress.hls.rtl.memory import hex_lines, to_bits
from hwcompress.hls.rtl.netlist import Instance, Literal, Netlist, Stream, identifier
from hwcompress.ir import Graph, IntType, Op, Realisation, TensorType

__all__ = ["RTL", "Builder", "Layer", "kind_code", "value_code"]

T = TypeVar("T")

# A handler takes the layer under construction, its operation and its input
# streams, and returns the output stream, or a tuple of them.
RTL: Realisation[Callable[..., Stream | tuple[Stream, ...]]] = Realisation(
    "rtl", "streaming Verilog"
)


def value_code(dtype: IntType) -> int:
    """The library's KIND of an element that is read as a number: 0, 1 or 2."""
    return 2 if dtype.is_bipolar else int(dtype.signed)


def kind_code(dtype: IntType) -> int:
    """The library's KIND of a factor: as :func:`value_code`, and 3 for ternary."""
    return 3 if dtype.is_ternary else value_code(dtype)


@dataclass
class Builder:
    """The design under construction."""

    graph: Graph
    folding: Folding
    netlist: Netlist = field(default_factory=Netlist)
    hex_files: dict[str, str] = field(default_factory=dict)
    memories: list[MemorySpec] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    reloads: list[ReloadSpec] = field(default_factory=list)
    fifos: dict[str, FifoSpec] = field(default_factory=dict)

    def unique(self, name: str) -> str:
        """``name``, or with a number behind it if it is taken already."""
        candidate, count = name, 1
        while candidate.lower() in self.names:
            count += 1
            candidate = f"{name}_{count}"
        self.names.add(candidate.lower())
        return candidate

    def put(
        self,
        module: str,
        name: str,
        sources: Sequence[Stream],
        parameters: Mapping[str, int | str | Literal],
        results: Sequence[Stream],
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Add an instance under a name that is free."""
        self.netlist.add(
            Instance(module, name, parameters, tuple(sources), tuple(results), extra or {})
        )
        self.modules.add(module)

    def fork(self, name: str, stream: Stream, count: int) -> tuple[str, tuple[Stream, ...]]:
        """``count`` copies of a stream; also the name of the instance."""
        name = self.unique(f"{identifier(name)}_fork")
        results = tuple(replace(stream, name=self.unique(f"{name}_{i}")) for i in range(count))
        self.put("hwc_fork", name, [stream], {"WIDTH": stream.width, "COUNT": count}, results)
        return name, results

    def fifo(self, name: str, stream: Stream, reader: Op, tensor: str, why: str) -> Stream:
        """A place for a buffer, of a depth to be found; none directly behind another."""
        if stream.name in self.fifos:
            return stream
        name = self.unique(f"{identifier(name)}_fifo")
        result = replace(stream, name=name)
        self.fifos[name] = FifoSpec(name, reader.name, tensor, stream.width, 0, why)
        self.put("hwc_fifo", name, [stream], {"WIDTH": stream.width, "DEPTH": 0}, [result])
        return result


@dataclass
class Layer:
    """The hardware of one operation under construction."""

    builder: Builder
    op: Op
    instances: list[str] = field(default_factory=list)
    cycles: int = 0

    @property
    def source(self) -> TensorType:
        """Type of the operation's first input."""
        return self.builder.graph.input_types(self.op)[0]

    @property
    def target(self) -> TensorType:
        """Type of the operation's first output."""
        return self.builder.graph.output_types(self.op)[0]

    @property
    def engine(self) -> Engine:
        """Cycles and choices of the operation's engine."""
        found = engine(self.op, self.builder.graph)
        assert found is not None, f"{self.op.kind} has no engine"
        return found

    @property
    def lanes(self) -> Lanes:
        """The operation's folding."""
        return self.builder.folding.of(self.op)

    @property
    def style(self) -> Style:
        """How the operation's multiplications and memories are made."""
        return self.builder.folding.style(self.op)

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives; the search makes it once for all styles of the same lanes."""
        return make()

    def load_ports(self, depth: int, width: int) -> dict[str, str]:
        """Connections of an engine's load ports, for ``depth`` words of weights."""
        address = max(1, (depth - 1).bit_length())
        if not self.style.reload:
            return {
                "load_en": "1'b0",
                "load_addr": f"{address}'d0",
                "load_data": f"{width}'d0",
            }
        number = len(self.builder.reloads)
        self.builder.reloads.append(ReloadSpec(self.op.name, number, depth, width))
        return {
            "load_en": f"load_{number}_en",
            "load_addr": f"load_addr[{address - 1}:0]",
            "load_data": f"load_data[{width - 1}:0]",
        }

    def put(
        self,
        module: str,
        suffix: str,
        source: Stream | Sequence[Stream],
        parameters: Mapping[str, int | str | Literal],
        *,
        dtype: IntType,
        lanes: int,
        size: int,
        tag: int = 0,
        extra: Mapping[str, str] | None = None,
    ) -> Stream:
        """Add an instance with one output; its name is the operation's with ``suffix``."""
        name = self._name(suffix)
        result = Stream(name, dtype, lanes, size, tag)
        sources = [source] if isinstance(source, Stream) else source
        self.builder.put(module, name, sources, parameters, [result], extra)
        return result

    def put_many(
        self,
        module: str,
        suffix: str,
        source: Stream,
        parameters: Mapping[str, int | str | Literal],
        *,
        lanes: Sequence[int],
        sizes: Sequence[int],
    ) -> tuple[Stream, ...]:
        """Add an instance with several outputs, all of the input's element type."""
        name = self._name(suffix)
        results = [
            Stream(self.builder.unique(f"{name}_{i}"), source.dtype, count, size)
            for i, (count, size) in enumerate(zip(lanes, sizes, strict=True))
        ]
        self.builder.put(module, name, [source], parameters, results)
        return tuple(results)

    def _name(self, suffix: str) -> str:
        name = self.builder.unique(f"{identifier(self.op.name)}_{suffix}")
        self.instances.append(name)
        return name

    def memory(self, kind: str, bits: np.ndarray) -> str:
        """Add a hex file with words ``(depth, width)`` of bits, lowest first; gives its name."""
        file = self.builder.unique(f"{identifier(self.op.name)}_{kind}") + ".hex"
        self.memory_file(file, kind, bits)
        return file

    def memory_of(self, kind: str, raw: np.ndarray, width: int) -> str:
        """Add a hex file with words of several numbers each, in stored form; gives its name.

        Args:
            kind: what it holds.
            raw: ``(depth, numbers)``, the first one in the lowest bits.
            width: bits of a number.
        """
        return self.memory(kind, to_bits(raw, width).reshape(len(raw), -1))

    def memory_file(self, file: str, kind: str, bits: np.ndarray) -> None:
        """Add a hex file under a name that the caller knows to be free."""
        self.builder.hex_files[file] = hex_lines(bits)
        depth, width = bits.shape
        self.builder.memories.append(MemorySpec(file, self.op.name, kind, width, depth))

    def table(self, kind: str, bits: np.ndarray) -> tuple[str, int]:
        """A memory by channel fold, of one word if all folds agree; its file and its depth."""
        if bool(np.all(bits == bits[:1])):
            bits = bits[:1]
        return self.memory(kind, bits), bits.shape[0]

    def convert(self, stream: Stream, lanes: int) -> Stream:
        """The stream with another number of elements per beat (see :func:`gearbox`)."""
        for step in gearbox(stream.lanes, lanes, stream.dtype.bits):
            stream = self._resize(stream, step)
        return stream

    def _resize(self, stream: Stream, lanes: int) -> Stream:
        self.cycles = max(self.cycles, stream.size // min(lanes, stream.lanes))
        up = lanes > stream.lanes
        ratio = lanes // stream.lanes if up else stream.lanes // lanes
        narrow = min(lanes, stream.lanes) * stream.dtype.bits
        return self.put(
            "hwc_width_up" if up else "hwc_width_down",
            "widen" if up else "narrow",
            stream,
            {"WIDTH": narrow, "RATIO": ratio},
            dtype=stream.dtype,
            lanes=lanes,
            size=stream.size,
        )

    def spec(self) -> LayerSpec:
        """The record of the finished layer."""
        item = engine(self.op, self.builder.graph)
        lanes = self.lanes if item is not None else Lanes(0, 0)
        busy = item.cycles(lanes) if item is not None else 0
        return LayerSpec(
            self.op.name,
            self.op.kind,
            tuple(self.instances),
            lanes.pe,
            lanes.simd,
            max(busy, self.cycles),
            lanes.pixels,
        )
