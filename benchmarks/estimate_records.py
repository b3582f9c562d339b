"""Whole networks as synthesized and simulated, kept in a file so that it is done once.

A record holds the digest of the Verilog and of the memories that it stands for (comments
do not count), and so is known to be stale after a change of what is generated.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.estimate_list import Network
from hwcompress import boards
from hwcompress.errors import CheckFailed, InputError
from hwcompress.hls.cosim.verilated import VerilatedDesign
from hwcompress.hls.estimate import Estimate, estimate_plan
from hwcompress.hls.estimate.rows import FAMILIES
from hwcompress.hls.rtl import Design, generate
from hwcompress.hls.rtl.plan import Plan, plan
from hwcompress.hls.rtl.timing import design_network, timing_of
from hwcompress.hls.synth import synthesize
from hwcompress.ir import Graph
from hwcompress.sim import Simulator
from hwcompress.sim.timing import Timing
from tests.conformance.generators import random_inputs
from tests.property.bench import Bench
from tests.property.check import LENGTH, compare_cycles, modelled, watchdog

__all__ = [
    "Built", "Cycles", "Record", "build", "load", "simulate_cycles", "store", "synthesized",
]  # fmt: skip

_FORMAT = "hwcompress-estimate-networks-1"
_FRAMES = 3  # at least
_ICARUS = 50_000  # cycles that it simulates in a minute or so


@dataclass(frozen=True)
class Cycles:
    """Cycles of a design by its model, all of which the simulation confirmed.

    Args:
        interval: cycles a frame, a fraction as text.
        first: cycles from the first input beat to the first output beat.
        frame: to the last output beat of the first frame.
        frames: simulated back to back.
        compared: beats whose cycles were compared.
        simulator: of the Verilog.
    """

    interval: str
    first: int
    frame: int
    frames: int
    compared: int
    simulator: str


@dataclass(frozen=True)
class Record:
    """A network as measured.

    Args:
        digest: of the Verilog and the memories.
        depths: of the buffers, by name.
        yosys: name and version.
        seconds: of Yosys.
        lut_logic: counts of the whole design from here on.
        cycles: where it was simulated.
    """

    digest: str
    depths: Mapping[str, int]
    yosys: str
    seconds: float
    lut_logic: int
    lut_memory: int
    ff: int
    bram18: int
    bram36: int
    ebr: int
    dsp: int
    cycles: Cycles | None = None

    @property
    def lut(self) -> int:
        """All LUTs."""
        return self.lut_logic + self.lut_memory

    @property
    def bram(self) -> float:
        """Block RAMs in the family's unit."""
        return self.bram36 + self.bram18 / 2 + self.ebr


@dataclass(frozen=True, eq=False)
class Built:
    """A network as planned, with the depths of a record or those computed."""

    network: Network
    graph: Graph
    plan: Plan
    depths: Mapping[str, int]

    @property
    def digest(self) -> str:
        """Of everything that synthesis reads, but for comments and blank space."""
        found = hashlib.sha256()
        for name, text in sorted(self.plan.texts(self.depths).items()):
            code = text
            if name.endswith(".v"):
                code = re.sub(r"\s+", " ", re.sub(r"//.*", "", text)).strip()
            found.update(f"{name}\n{code}\n".encode())
        return found.hexdigest()[:16]

    def estimate(self, family: str) -> Estimate:
        """The whole design before synthesis."""
        return estimate_plan(self.plan, self.depths, family=family).total


def build(network: Network, data: Path, record: Record | None) -> Built:
    """Make the network and plan its design.

    Args:
        network: which.
        data: folder with ``models/``.
        record: its depths of buffers are taken where there is one; they take a minute to
            compute for some networks.
    """
    graph = network.make(data)
    made = plan(graph, network.folding(graph))
    depths: Mapping[str, int] = {} if record is None else record.depths
    if set(depths) != set(made.builder.fifos):
        from hwcompress.hls.rtl.timing import fifo_depths

        depths = fifo_depths(made.design()).depths if made.builder.fifos else {}
    return Built(network, graph, made, depths)


def synthesized(built: Built, family: str, folder: Path) -> Record:
    """Whole-design counts of Yosys, by the command of the flow."""
    design = generate(built.graph, built.plan.builder.folding, folder / "rtl")
    depths = {fifo.name: fifo.depth for fifo in design.fifos}
    computed = replace(built, depths=depths)
    report = synthesize(folder / "rtl", folder / "synth", board=boards.load(FAMILIES[family]))
    total = report.total
    return Record(
        computed.digest, depths, report.tool, report.seconds,
        total.lut_logic, total.lut_memory, total.ff, total.bram18, total.bram36, total.ebr,
        total.dsp,
    )  # fmt: skip


def simulate_cycles(built: Built, folder: Path) -> Cycles:
    """Frames back to back through the Verilog: every cycle as predicted, every integer right.

    In Icarus, where every beat of every port and layer is compared; verilated where that would
    take long, with the first and the last beat of every frame on every port.

    Raises:
        CheckFailed: a cycle or an integer differs.
    """
    design = generate(
        built.graph, built.plan.builder.folding, folder / "rtl", fifo_depths=built.depths
    )
    timing = timing_of(design)
    period = max(1, timing.steady.frames)
    count = max(_FRAMES, timing.steady.settled + period + 1)
    feeds = random_inputs(built.graph, count, 1)
    model = modelled(design, design_network(design), count, {}, {})
    if model.cycles <= _ICARUS:
        simulator, seen, compared = "Icarus", *_by_icarus(built, design, feeds, model)
    else:
        simulator, seen, compared = "Verilator", *_by_verilator(built, design, feeds, model, folder)
    starts, firsts, ends = seen
    found = (Fraction(int(ends[-1] - ends[-1 - period]), period), firsts - starts, ends[0] - starts)
    predicted = (timing.interval, timing.latency_first_output, timing.latency_frame)
    if found != predicted:
        raise CheckFailed(
            f"interval, first output and first frame are {found} in the simulation,"
            f" {predicted} were predicted",
            where=built.network.name,
        )
    return Cycles(str(found[0]), int(found[1]), int(found[2]), count, compared, simulator)


_Seen = tuple[int, int, np.ndarray]
"""Cycles of the first input beat, of the first output beat, and of every frame's end."""


def _by_icarus(
    built: Built, design: Design, feeds: Mapping[str, np.ndarray], model: Timing
) -> tuple[_Seen, int]:
    count = len(next(iter(feeds.values())))
    bench = Bench(design, length=LENGTH, most_frames=count)
    run = bench.run(
        feeds, offers={}, accepts={}, limit=4 * model.cycles + 10_000,
        watchdog=watchdog(design), strict=False,
    )  # fmt: skip
    expected = Simulator(built.graph, threads=1).trace(feeds)
    for stream in (*run.taps, *run.outputs):
        _same(built, stream.spec.tensor, stream.integers(), expected)
    try:
        compared = compare_cycles(design, run, model)
    except AssertionError as error:
        raise CheckFailed(str(error), where=built.network.name) from None
    start = min(stream.cycles[0] for stream in run.inputs)
    first = min(stream.cycles[0] for stream in run.outputs)
    return (start, first, np.max([stream.ends() for stream in run.outputs], axis=0)), compared


def _by_verilator(
    built: Built,
    design: Design,
    feeds: Mapping[str, np.ndarray],
    model: Timing,
    folder: Path,
) -> tuple[_Seen, int]:
    run = VerilatedDesign.build(folder / "rtl", folder / "sim").run(feeds)
    expected = Simulator(built.graph, threads=1).trace(feeds)
    for tensor, values in run.values.items():
        _same(built, tensor, values, expected)
    compared = 0
    for port, cycles in {**run.input_ports, **run.output_ports}.items():
        stream = model.streams[port]
        for what, known, seen in (
            ("first", stream.first, cycles.first), ("last", stream.last, cycles.last),
        ):  # fmt: skip
            if not np.array_equal(known, seen):
                raise CheckFailed(
                    f"the {what} beats on {port} pass in cycles {seen.tolist()},"
                    f" the model says {known.tolist()}",
                    where=built.network.name,
                )
            compared += len(known)
    return (run.first_input_cycle, run.first_output_cycle, run.frame_end_cycles), compared


def _same(built: Built, tensor: str, found: np.ndarray, expected: Mapping[str, np.ndarray]) -> None:
    if not np.array_equal(found, expected[tensor]):
        raise CheckFailed(f"{tensor} differs from the simulator", where=built.network.name)


def load(path: Path) -> dict[str, Record]:
    """Records by network; none without a file.

    Raises:
        InputError: it is damaged.
    """
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != _FORMAT:
            raise ValueError(f"not {_FORMAT}")
        found = {}
        for name, item in record["networks"].items():
            cycles = item.pop("cycles")
            found[name] = Record(**item, cycles=Cycles(**cycles) if cycles else None)
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "no readable measurements", where=path.name, why=str(error),
            remedy="check it out again, or delete it and measure again with --synthesis",
        ) from error  # fmt: skip


def store(records: Mapping[str, Record], path: Path) -> None:
    """Write records, sorted by name."""
    networks = {name: asdict(records[name]) for name in sorted(records)}
    text = json.dumps({"format": _FORMAT, "networks": networks}, indent=1) + "\n"
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
