"""A generated design: what its folder holds and how its ports are read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwcompress.errors import InputError
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.ir.types import IntType

__all__ = [
    "FORMAT",
    "Design",
    "FifoSpec",
    "InstanceSpec",
    "LayerSpec",
    "MemorySpec",
    "ReloadSpec",
    "TapSpec",
    "write_file",
]

FORMAT = "hwcompress-design-2"
_NAME = "design.json"


@dataclass(frozen=True, slots=True)
class TapSpec:
    """An observed tensor: ports ``<port>_data`` and ``<port>_fire`` under ``HWC_TAPS``.

    A beat passed in a cycle when ``fire`` is 1 at the rising clock edge.
    ``wires`` names the stream among those of the instances.
    """

    op: str
    stream: StreamSpec
    wires: str = ""


@dataclass(frozen=True, slots=True)
class MemorySpec:
    """A hex file: ``depth`` words of ``width`` bits. ``kind`` says what they hold."""

    file: str
    op: str
    kind: str
    width: int
    depth: int


@dataclass(frozen=True, slots=True)
class ReloadSpec:
    """Weights that can be written at run time: memory ``number`` of the AXI4-Lite port.

    ``depth`` words of ``width`` bits; see :mod:`hwcompress.hls.rtl.reload`.
    """

    op: str
    number: int
    depth: int
    width: int


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One operation's hardware.

    ``modules`` are the instance names in the top. ``cycles`` is the number
    of clock cycles for which the layer's busiest module works on one frame
    when it is neither starved nor stalled; the largest one of a design is
    its initiation interval.
    """

    op: str
    kind: str
    modules: tuple[str, ...]
    pe: int
    simd: int
    cycles: int
    pixels: int = 1


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """An instance in the top: what a model of the design's timing is built from.

    ``parameters`` are those with a number for a value. ``sources`` and
    ``results`` are stream names; a port of the top is a stream, too, made by
    nobody or read by nobody.
    """

    module: str
    name: str
    parameters: Mapping[str, int]
    sources: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FifoSpec:
    """A place for a buffer in front of ``op``, which reads ``tensor``.

    ``depth`` is the number of beats that it holds, of ``width`` bits each; at 0
    there is no hardware. ``why`` says what it waits for.
    """

    name: str
    op: str
    tensor: str
    width: int
    depth: int
    why: str


@dataclass(frozen=True)
class Design:
    """A generated design in a folder.

    ``files`` are the Verilog files in compile order, relative to ``folder``;
    tools must run with ``folder`` as working directory, because the hex
    files are found by relative name.
    """

    folder: Path
    graph: str
    top: str
    inputs: tuple[StreamSpec, ...]
    outputs: tuple[StreamSpec, ...]
    taps: tuple[TapSpec, ...]
    files: tuple[str, ...]
    memories: tuple[MemorySpec, ...]
    layers: tuple[LayerSpec, ...]
    instances: tuple[InstanceSpec, ...] = ()
    fifos: tuple[FifoSpec, ...] = ()
    reloads: tuple[ReloadSpec, ...] = ()

    @property
    def idle_inputs(self) -> tuple[str, ...]:
        """Input signals beside the streams, which a bench has to hold at 0."""
        if not self.reloads:
            return ()
        names = ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arvalid")
        return tuple(f"s_axil_{name}" for name in (*names, "rready"))

    @property
    def interval(self) -> int:
        """Cycles between two frames in steady state: those of the busiest layer or port."""
        ports = [port.beats_per_frame for port in (*self.inputs, *self.outputs)]
        return max(*ports, *(layer.cycles for layer in self.layers))

    def to_json(self) -> str:
        """The text of ``design.json``: the same design gives the same bytes."""
        record = {
            "format": FORMAT,
            "graph": self.graph,
            "top": self.top,
            "inputs": [_stream_record(spec) for spec in self.inputs],
            "outputs": [_stream_record(spec) for spec in self.outputs],
            "taps": [
                {"op": tap.op, "wires": tap.wires, **_stream_record(tap.stream)}
                for tap in self.taps
            ],
            "files": list(self.files),
            "memories": [asdict(memory) for memory in self.memories],
            "layers": [asdict(layer) for layer in self.layers],
            "instances": [asdict(instance) for instance in self.instances],
            "fifos": [asdict(fifo) for fifo in self.fifos],
            "reloads": [asdict(item) for item in self.reloads],
        }
        return json.dumps(record, indent=1) + "\n"

    def save(self) -> None:
        """Write ``design.json`` into the folder."""
        write_file(self.folder / _NAME, self.to_json())

    @classmethod
    def load(cls, folder: str | Path) -> Design:
        """Read a design that :func:`hwcompress.hls.rtl.generate` wrote.

        Raises:
            InputError: there is none, or the file is damaged.
        """
        path = Path(folder) / _NAME
        try:
            record = json.loads(path.read_text())
        except FileNotFoundError:
            raise InputError(
                "no generated design in this folder",
                where=str(path),
                remedy="run hwcompress build first",
            ) from None
        except (OSError, ValueError) as error:
            raise InputError(
                "cannot be read", where=str(path), why=str(error), remedy="generate it again"
            ) from None
        try:
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']!r}, expected {FORMAT!r}")
            return cls(
                folder=Path(folder),
                graph=record["graph"],
                top=record["top"],
                inputs=tuple(_read_stream(item) for item in record["inputs"]),
                outputs=tuple(_read_stream(item) for item in record["outputs"]),
                taps=tuple(
                    TapSpec(item["op"], _read_stream(item), item["wires"])
                    for item in record["taps"]
                ),
                files=tuple(record["files"]),
                memories=tuple(MemorySpec(**item) for item in record["memories"]),
                layers=tuple(
                    LayerSpec(**{**item, "modules": tuple(item["modules"])})
                    for item in record["layers"]
                ),
                instances=tuple(_read_instance(item) for item in record["instances"]),
                fifos=tuple(FifoSpec(**item) for item in record["fifos"]),
                reloads=tuple(ReloadSpec(**item) for item in record["reloads"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "is not a design file of this version",
                where=str(path),
                why=str(error),
                remedy="generate it again",
            ) from None


def _stream_record(spec: StreamSpec) -> dict[str, str | int | bool | Sequence[int]]:
    return {
        "tensor": spec.tensor,
        "port": spec.port,
        "shape": list(spec.shape),
        "lo": spec.dtype.lo,
        "hi": spec.dtype.hi,
        "step": spec.dtype.step,
        "signed": spec.dtype.signed,
        "bits": spec.bits,
        "elements_per_beat": spec.elements_per_beat,
        "tdata_bits": spec.tdata_bits,
        "beats_per_frame": spec.beats_per_frame,
    }


def _read_stream(record: Mapping[str, Any]) -> StreamSpec:
    spec = StreamSpec(
        tensor=record["tensor"],
        port=record["port"],
        shape=tuple(record["shape"]),
        dtype=IntType(record["lo"], record["hi"], record["step"]),
        elements_per_beat=record["elements_per_beat"],
    )
    for key, value in _stream_record(spec).items():  # derived facts must agree
        if record[key] != value:
            raise ValueError(f"{key} of port {spec.port!r} is {record[key]!r}, expected {value!r}")
    return spec


def _read_instance(record: Mapping[str, Any]) -> InstanceSpec:
    return InstanceSpec(
        record["module"],
        record["name"],
        dict(record["parameters"]),
        tuple(record["sources"]),
        tuple(record["results"]),
    )


def write_file(path: Path, text: str) -> None:
    """Write a text file so that a half-written one never has its name."""
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_text(text)
    os.replace(scratch, path)
