"""Many library modules in one simulation: a top that holds them side by side.

The top has the ports of a generated design, one stream for each stream of each
module, so that the cocotb bench drives all of them at once: random pauses of
every stream on its own, protocol checks, a reset in the middle of a frame. One
compilation serves the whole table.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwcompress.hls.cosim.bench import BenchResult, run_bench
from hwcompress.hls.rtl.design import Design, LayerSpec
from hwcompress.hls.rtl.netlist import Literal
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.ir.types import IntType

__all__ = ["Case", "Words", "run_cases"]

LIBRARY = Path(__file__).parents[3] / "hls" / "rtl" / "library"


@dataclass(frozen=True)
class Words:
    """Beats of one stream, of ``width`` bits, for some frames: ``(frames, beats a frame)``."""

    width: int
    beats: Sequence[Sequence[int]]

    def spec(self, name: str) -> StreamSpec:
        """The stream as a port of the top, in elements of at most 62 bits."""
        parts = next(n for n in range(1, 99) if self.width % n == 0 and self.width // n < 62)
        kind = IntType.unsigned_bits(self.width // parts)
        return StreamSpec(name, name, (len(self.beats[0]) * parts,), kind, parts)

    def integers(self) -> np.ndarray:
        """For :class:`StreamSpec`."""
        parts = self.spec("x").elements_per_beat
        width = self.width // parts
        return np.array(
            [
                [beat >> (i * width) & ((1 << width) - 1) for beat in frame for i in range(parts)]
                for frame in self.beats
            ],
            np.int64,
        )


@dataclass(frozen=True)
class Case:
    """A module with parameters, what goes in and what must come out.

    Several streams of one side lie side by side in the module's vectors, the
    first lowest. ``files`` are hex files by name; ``{}`` in names and string
    parameters becomes the case's own prefix. ``ports`` replaces the standard
    connections, with ``s_data``, ``m_valid`` and so on for the signals; ``around`` are
    lines of Verilog beside the instance, with the same signals and ``{}``.
    """

    module: str
    parameters: Mapping[str, int | str | Literal]
    inputs: Sequence[Words]
    outputs: Sequence[Words]
    files: Mapping[str, str] = field(default_factory=dict)
    ports: str = (
        ".clk(aclk), .rst(rst), .s_data(s_data), .s_valid(s_valid), .s_ready(s_ready),"
        " .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)"
    )
    around: Sequence[str] = ()


def run_cases(cases: Sequence[Case], folder: Path, *, seed: int = 1) -> BenchResult:
    """Simulates all cases at once under Icarus; all need the same number of frames."""
    rtl = folder / "rtl"
    rtl.mkdir(parents=True)
    body: list[str] = []
    ports: list[str] = []
    inputs: list[StreamSpec] = []
    outputs: list[StreamSpec] = []
    arrays: dict[str, np.ndarray] = {}
    for number, case in enumerate(cases):
        name = f"c{number}_{case.module.removeprefix('hwc_')}"
        for file, text in case.files.items():
            (rtl / file.format(name)).write_text(text)
        for side, streams, specs in (("s", case.inputs, inputs), ("m", case.outputs, outputs)):
            for index, words in enumerate(streams):
                spec = words.spec(f"{name}_{side}{index}")
                specs.append(spec)
                arrays[spec.tensor] = words.integers()
                ports += _ports(spec, side)
        body += _instance(case, name)
    (rtl / "batch.v").write_text(
        "module batch (\n  input wire aclk, input wire aresetn,\n  "
        + ",\n  ".join(ports)
        + "\n);\n  wire rst = ~aresetn;\n"
        + "\n".join(body)
        + "\nendmodule\n"
    )
    files = _library([case.module for case in cases], rtl)
    design = Design(
        folder=rtl, graph="batch", top="batch", inputs=tuple(inputs), outputs=tuple(outputs),
        taps=(), files=(*files, "batch.v"), memories=(),
        layers=(LayerSpec("batch", "Batch", (), 1, 1, 1),),
    )  # fmt: skip
    design.save()
    frames = {len(words.beats) for case in cases for words in (*case.inputs, *case.outputs)}
    (count,) = frames
    return run_bench(
        rtl, arrays, arrays, folder / "build", simulator="icarus", frames=count, seed=seed,
        watchdog=3000,
    )  # fmt: skip


def _ports(spec: StreamSpec, side: str) -> list[str]:
    given, taken = ("input", "output") if side == "s" else ("output", "input")
    last = [f"output wire {spec.port}_tlast"] if side == "m" else []
    return [
        f"{given} wire [{spec.tdata_bits - 1}:0] {spec.port}_tdata",
        f"{given} wire {spec.port}_tvalid",
        f"{taken} wire {spec.port}_tready",
        *last,
    ]


def _instance(case: Case, name: str) -> list[str]:
    lines = []
    signals: dict[str, str] = {}
    for side, streams in (("s", case.inputs), ("m", case.outputs)):
        order = [f"{name}_{side}{index}" for index in reversed(range(len(streams)))]
        widths = dict(zip(order, reversed([words.width for words in streams]), strict=True))
        if side == "s":
            data = ", ".join(f"{port}_tdata[{widths[port] - 1}:0]" for port in order)
            signals["s_data"] = f"{{{data}}}"
        else:
            total = sum(widths.values())
            lines.append(f"  wire [{total - 1}:0] {name}_data;")
            signals["m_data"] = f"{name}_data"
        for wire in ("valid", "ready"):
            joined = ", ".join(f"{port}_t{wire}" for port in order)
            signals[f"{side}_{wire}"] = f"{{{joined}}}"
    place = 0
    for index, words in enumerate(case.outputs):
        port, beats = f"{name}_m{index}", len(words.beats[0])
        lines += [
            f"  assign {port}_tdata = {name}_data[{place + words.width - 1}:{place}];",
            # The mark that a design's end makes; the modules themselves have none.
            f"  reg [31:0] {port}_beat;",
            f"  assign {port}_tlast = {port}_beat == {beats - 1};",
            f"  always @(posedge aclk) if (rst) {port}_beat <= 0;",
            f"    else if ({port}_tvalid & {port}_tready)",
            f"      {port}_beat <= {port}_tlast ? 0 : {port}_beat + 1;",
        ]
        place += words.width
    parameters = ", ".join(f".{key}({_value(v, name)})" for key, v in case.parameters.items())
    connections = re.sub(
        r"\((s_\w+|m_\w+)((?:\[[^\]]*\])?)\)", lambda m: f"({signals[m[1]]}{m[2]})", case.ports
    ).replace("{}", name)
    for line in case.around:
        text = re.sub(r"\b[sm]_(data|valid|ready)\b", lambda m: signals[m[0]], line)
        lines.append(f"  {text.replace('{}', name)}")
    return [*lines, f"  {case.module} #({parameters}) {name} ({connections});"]


def _value(value: int | str | Literal, name: str) -> str:
    if isinstance(value, Literal):
        return value.text
    return f'"{value.format(name)}"' if isinstance(value, str) else str(value)


def _library(modules: Sequence[str], folder: Path) -> list[str]:
    waiting, found = sorted(set(modules)), set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            text = (LIBRARY / f"{module}.v").read_text()
            shutil.copy(LIBRARY / f"{module}.v", folder)
            waiting += re.findall(r"^\s*(hwc_\w+) #\(", text, re.MULTILINE)
    return [f"{module}.v" for module in sorted(found)]
