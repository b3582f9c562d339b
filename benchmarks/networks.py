"""The networks of the zoo as designs: exactness, cycles, pauses, buffers, and Yosys counts.

Usage, in the repository's folder::

    python -m benchmarks.networks [--only resnet8 ...] [--synthesize resnet8 ...]
        [--folder build/networks] [--write docs/networks.md]

Each network gets random weights, and batch norms and quantizers fitted to real
samples (`network_samples.py`); `network_runs.py` says what is checked. What was
found is kept in ``--folder``, and the page is written from all that lies there,
so that networks can be measured one by one. ``HWCOMPRESS_DATA`` names the folder
with ``data/`` (default: ``../shared``).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.network_runs import STALLS, TARGETS, Built, Checked, build, check
from benchmarks.network_samples import SOURCES, samples
from hwcompress import boards
from hwcompress.hls.synth import synthesize

_RECORD = "measured.json"


_HEAD = """\
# Small networks of many topologies

Written by `python -m benchmarks.networks --write docs/networks.md`; nothing here
is typed by hand. The networks are those of `hwcompress/models/zoo` with weights
and activations of four bits. Weights are random; batch norms and quantizers are
fitted to the samples named. The folding is the default one for the interval asked
for. Intervals and latencies are in clock cycles."""

_CHECKED = """\
## Checks

All output integers equal the simulator's and all cycles the model's, or this
page would not have been written. Frames pass

- back to back;
- with random pauses of every port ({stalls}): the integers alone;
- with pauses that are given cycle by cycle, to the Verilog and to the token
  machine: the first and the last beat of every frame, on every port and behind
  every layer, pass in the same cycle in both.

The latter once with short pauses, none longer than the mean time between two
beats of its port, and once with pauses of up to 64 cycles. Short ones must not
cost rate, and do not. Long ones may: the busiest layer of a design never rests, so
that time for which it had to wait is lost, and designs have no buffers at
their ports. The columns are the cycles a frame that were measured."""


@dataclass(frozen=True)
class Record:
    """Figures of one network; cycles unless a name says otherwise. Fractions as text."""

    name: str
    samples: str
    operations: int
    weights: int
    target: int
    interval: str
    measured: str
    first_output: int
    frame: int
    settled: int
    places: int
    buffers: int
    buffer_beats: int
    buffer_bits: int
    frames: int
    values: int
    cycles: int
    short: str
    long: str
    paused: float
    importing: float
    generation: float
    modelling: float
    compiling: float
    simulating: float
    lut: int | None = None
    lut_memory: int | None = None
    ff: int | None = None
    bram: float | None = None
    dsp: int | None = None
    synthesis: float | None = None
    tool: str = ""
    part: str = ""


def measure(name: str, folder: Path, *, synthesis: bool) -> Record:
    """Build and check one network.

    Raises:
        CheckFailed: something differs.
    """
    built = build(name, folder, x=samples(name))
    record = _record(built, check(built))
    if not synthesis:
        return record
    report = synthesize(folder / "rtl", folder / "synth", board=boards.load("pynq"))
    total = report.total
    found = {
        "lut": total.lut,
        "lut_memory": total.lut_memory,
        "ff": total.ff,
        "bram": total.bram,
        "dsp": total.dsp,
        "synthesis": report.seconds,
        "tool": report.tool,
        "part": report.part,
    }
    return Record(**{**asdict(record), **found})


def _record(built: Built, checked: Checked) -> Record:
    fifos = [fifo for fifo in built.design.fifos if fifo.depth]
    return Record(
        name=built.name,
        samples=SOURCES[built.name][0],
        operations=len(built.graph.layers),
        weights=sum(op.weight.size for op in built.graph.layers if hasattr(op, "weight")),
        target=TARGETS[built.name],
        interval=str(built.timing.interval),
        measured=str(checked.interval),
        first_output=built.timing.latency_first_output,
        frame=built.timing.latency_frame,
        settled=built.timing.steady.settled,
        places=len(built.design.fifos),
        buffers=len(fifos),
        buffer_beats=sum(fifo.depth for fifo in fifos),
        buffer_bits=sum(fifo.depth * fifo.width for fifo in fifos),
        frames=checked.frames,
        values=checked.values,
        cycles=checked.cycles,
        short=str(checked.short),
        long=str(checked.long),
        paused=min(checked.paused.values()),
        importing=built.importing,
        generation=built.generation,
        modelling=built.modelling,
        compiling=checked.compiling,
        simulating=checked.simulating,
    )


def main() -> None:
    """Measure what is asked for, print the page of all, and write it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(TARGETS))
    parser.add_argument("--synthesize", nargs="*", choices=list(TARGETS), default=[])
    parser.add_argument("--folder", type=Path, default=Path("build/networks"))
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    for name in TARGETS if wanted.only is None else wanted.only:
        record = measure(name, wanted.folder / name, synthesis=name in wanted.synthesize)
        text = json.dumps(asdict(record), indent=1) + "\n"
        (wanted.folder / name / _RECORD).write_text(text, encoding="utf-8")
        print(name, "done", flush=True)
    records = []
    for name in TARGETS:
        path = wanted.folder / name / _RECORD
        if path.is_file():
            records.append(Record(**json.loads(path.read_text(encoding="utf-8"))))
    text = page(records)
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")


def _number(text: str) -> str:
    value = Fraction(text)
    return f"{int(value):,}" if value.denominator == 1 else f"{float(value):,.2f}"


_Column = tuple[str, Callable[[Record], str]]

_CYCLES: tuple[_Column, ...] = (
    ("samples", lambda r: r.samples),
    ("operations", lambda r: str(r.operations)),
    ("weights", lambda r: f"{r.weights:,}"),
    ("asked for", lambda r: f"{r.target:,}"),
    ("interval, predicted", lambda r: _number(r.interval)),
    ("measured", lambda r: _number(r.measured)),
    ("first output after", lambda r: f"{r.first_output:,}"),
    ("last output after", lambda r: f"{r.frame:,}"),
)
_CHECKS: tuple[_Column, ...] = (
    ("frames", lambda r: str(r.frames)),
    ("output integers", lambda r: f"{r.values:,}"),
    ("cycles of first and last beats", lambda r: f"{r.cycles:,}"),
    ("every port shut for", lambda r: f"{r.paused:.0%} or more"),
    ("interval, short pauses", lambda r: _number(r.short)),
    ("long pauses", lambda r: _number(r.long)),
)
_BUFFERS: tuple[_Column, ...] = (
    ("places", lambda r: str(r.places)),
    ("buffers", lambda r: str(r.buffers)),
    ("beats", lambda r: f"{r.buffer_beats:,}"),
    ("bits", lambda r: f"{r.buffer_bits:,}"),
)
_TIMES: tuple[_Column, ...] = tuple(
    (title, lambda r, key=key: f"{getattr(r, key):.1f}")  # type: ignore[misc]
    for title, key in (
        ("quantize and import", "importing"),
        ("fold, size buffers, write Verilog", "generation"),
        ("cycle model", "modelling"),
        ("Verilator and g++", "compiling"),
        ("simulation", "simulating"),
    )
)
_AREA: tuple[_Column, ...] = (
    ("LUT", lambda r: f"{r.lut:,}"),
    ("of these memory", lambda r: f"{r.lut_memory:,}"),
    ("FF", lambda r: f"{r.ff:,}"),
    ("BRAM36", lambda r: f"{r.bram:g}"),
    ("DSP", lambda r: f"{r.dsp}"),
    ("Yosys, seconds", lambda r: f"{r.synthesis:.0f}"),
)


def _table(records: list[Record], columns: tuple[_Column, ...]) -> list[str]:
    head = ["network", *(title for title, _ in columns)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for record in records:
        cells = [record.name, *(show(record) for _, show in columns)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def page(records: list[Record]) -> str:
    """The page, from what was measured."""
    stalls = "; ".join(
        f"chance {s.input_permille / 1000:g}, "
        + (f"of up to {2 * s.burst - 1} cycles" if s.burst > 1 else "of one cycle")
        for s in STALLS
    )
    lines = [
        *_HEAD.splitlines(),
        "",
        "## Cycles",
        "",
        *_table(records, _CYCLES),
        "",
        *_CHECKED.format(stalls=stalls).splitlines(),
        "",
        *_table(records, _CHECKS),
        "",
        "## Buffers of branches",
        "",
        *_table(records, _BUFFERS),
        "",
        "## Seconds",
        "",
        "On the machine that wrote this page, which others may have been using. A verilated",
        "library that was there from a run before is not made again (less than a second).",
        "",
        *_table(records, _TIMES),
    ]
    counted = [record for record in records if record.lut is not None]
    if counted:
        lines += [
            "",
            "## Resources",
            "",
            f"{counted[0].tool}, for {counted[0].part}; the hierarchy is kept, nothing placed or",
            "routed. Networks that are not listed were not synthesized.",
            "",
            *_table(counted, _AREA),
        ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
