"""The page of the estimates of whole networks, from measurements and today's coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.estimate_list import NETWORKS, Network
from benchmarks.estimate_records import Record, build
from hwcompress.errors import HwcompressError
from hwcompress.hls.estimate import Estimate
from hwcompress.hls.estimate.coefficients import load_coefficients

__all__ = ["GOAL", "WORST", "Row", "page", "rows_of"]

GOAL = 0.10
"""Relative error of LUTs that nine of ten networks stay within."""

WORST = 0.20
"""Relative error of LUTs that every network stays within."""

_TITLES = {"xc7": "Xilinx 7", "ecp5": "Lattice ECP5", "ice40": "Lattice iCE40"}
_BLOCKS = {"xc7": "BRAM36", "ecp5": "EBR", "ice40": "EBR"}

_HEAD = """\
# Estimates of whole networks

Whole designs of {count} networks, listed below: what `hwcompress.hls.estimate` says before
synthesis, beside what Yosys counts in the design of the whole network, and the cycles of the
model beside those of the simulated Verilog. Printed by
`python -m benchmarks.estimate_networks --write docs/estimate-networks.md` from the
measurements in `benchmarks/results` and the coefficients of today; do not edit.
`--synthesis --cycles` measures what is missing or has become stale, an hour and more of one
core for all; `python -m benchmarks.estimate_causes NAME` names the modules that make up an
error.

How the networks were chosen: by topology, bits and folding, each before it was synthesized;
{models} are models that others published, {made} are made of usual layers, with normally
distributed weights, and with thresholds and scales from the statistics of what arrives.
Seven were made smaller or slower then, and one was left out, because their estimated size
said that Yosys would take too long; two more were left out because Yosys was not done with
them after eight minutes, and seven because the time for synthesis was over. None was left
out or changed for its error. What the first of them showed to be wrong in the model of a
module was corrected there; the coefficients are fitted to measured modules
([estimates](estimates.md)), never to networks.

The folding is the default one for the number of cycles asked for, with one style for all
matrix engines. Errors are (estimate - count) / count. *Interval*: what the estimate itself
gives beside its number, so that nine of ten counts lie inside. A pair is estimate / count."""


@dataclass(frozen=True)
class Row:
    """A network with what was measured and what is estimated today.

    Args:
        network: which.
        record: measured.
        stale: the Verilog has changed since, or the coefficients stand for another Yosys.
        guess: today's estimate, None if there is none.
        why: there is none.
    """

    network: Network
    record: Record
    stale: bool
    guess: Estimate | None
    why: str = ""

    @property
    def error(self) -> float:
        """Of the LUTs, relative; infinite without an estimate."""
        if self.guess is None:
            return float("inf")
        return self.guess.lut / self.record.lut - 1

    @property
    def inside(self) -> bool:
        """Whether the count lies in the estimate's interval."""
        guess = self.guess
        if guess is None:
            return False
        return guess.lut - guess.below <= self.record.lut <= guess.lut + guess.above


def rows_of(family: str, records: Mapping[str, Record], data: Path) -> list[Row]:
    """Measured networks of a family with today's estimates, in the order of the list."""
    yosys = load_coefficients().yosys
    found = []
    for name, network in NETWORKS.items():
        if name not in records:
            continue
        record = records[name]
        built = build(network, data, record)
        stale = built.digest != record.digest or record.yosys != yosys
        try:
            found.append(Row(network, record, stale, built.estimate(family)))
        except HwcompressError as error:
            found.append(Row(network, record, stale, None, str(error)))
    return found


def page(families: Mapping[str, Sequence[Row]]) -> str:
    """The page, from the rows of every family."""
    models = sum(item.is_model for item in NETWORKS.values())
    lines = _HEAD.format(
        count=len(NETWORKS), models=models, made=len(NETWORKS) - models
    ).splitlines()
    for family, rows in families.items():
        if not rows:
            continue
        tools = sorted({row.record.yosys for row in rows})
        lines += [
            "",
            f"## {_TITLES[family]}",
            "",
            f"{', '.join(tools)}; modules kept apart, out of context, neither placed nor routed.",
            "",
            *_summary(rows),
            "",
            *_table(
                ["network", "LUT estimated", "interval", "LUT counted", "error", "inside", "memory",
                 "FF", f"{_BLOCKS[family]}", "DSP", "Yosys, s"],
                [_counts(row) for row in rows],
            ),
        ]  # fmt: skip
    lines += ["", *_cycles(families.get("xc7", []))]
    lines += ["", "## The networks", "", *_about()]
    return "\n".join([*lines, ""])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    right = ["---", *("--:" for _ in head[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (head, right, *rows)]


def _summary(rows: Sequence[Row]) -> list[str]:
    current = [row for row in rows if not row.stale]
    if not current:
        return ["All measurements are stale."]
    errors = sorted(abs(row.error) for row in current)
    within = sum(error <= GOAL for error in errors)
    lines = [
        f"LUTs within {GOAL:.0%} in {within} of {len(errors)} networks"
        f" ({within / len(errors):.0%}); median error {_median(errors):.1%},"
        f" worst {errors[-1]:.1%}.",
    ]
    known = [row for row in current if row.guess is not None]
    pairs = [(row.guess, row.record) for row in known if row.guess is not None]
    for title, exact in (
        ("LUTs as memory", sum(g.lut_memory == r.lut_memory for g, r in pairs)),
        ("flip-flops", sum(g.ff == r.ff for g, r in pairs)),
        (
            "block RAMs",
            sum((g.bram18, g.bram36, g.ebr) == (r.bram18, r.bram36, r.ebr) for g, r in pairs),
        ),
        ("DSP blocks", sum(g.dsp == r.dsp for g, r in pairs)),
    ):
        lines.append(f"- {title} exact in {exact} of {len(current)}")
    inside = sum(row.inside for row in current)
    lines.append(f"- LUTs counted inside the estimate's interval in {inside} of {len(current)}")
    worst_ff = max((abs(g.ff / r.ff - 1) for g, r in pairs), default=0.0)
    lines.append(f"- worst error of flip-flops {worst_ff:.1%}")
    if without := [row.network.name for row in current if row.guess is None]:
        lines.append(f"- without an estimate, an infinite error above: {', '.join(without)}")
    if stale := [row.network.name for row in rows if row.stale]:
        lines.append(f"- stale, not counted above: {', '.join(stale)}")
    return [lines[0], "", *lines[1:]]


def _median(values: Sequence[float]) -> float:
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _counts(row: Row) -> list[str]:
    record, guess = row.record, row.guess
    name = f"{row.network.name} (stale)" if row.stale else row.network.name
    seconds = f"{record.seconds:.0f}"
    if guess is None:
        return [name, "none", "", f"{record.lut:,}", "", "", f"{record.lut_memory}",
                f"{record.ff:,}", f"{record.bram:g}", f"{record.dsp}", seconds]  # fmt: skip
    low, high = guess.lut - guess.below, guess.lut + guess.above
    return [
        name, f"{guess.lut:,.0f}", f"{low:,.0f} to {high:,.0f}", f"{record.lut:,}",
        f"{row.error:+.1%}", "yes" if row.inside else "no",
        _pair(guess.lut_memory, record.lut_memory), _pair(guess.ff, record.ff),
        _pair(guess.bram, record.bram), _pair(guess.dsp, record.dsp), seconds,
    ]  # fmt: skip


def _pair(guess: float, real: float) -> str:
    """One number where both agree."""
    return f"{real:,g}" if guess == real else f"{guess:,g} / {real:,g}"


_CYCLES = """\
## Cycles

The model's interval (cycles a frame in the steady state), its cycles to the first output and
to the end of the first frame, and how many frames the Verilog was given back to back. A
network is listed only if all three were in the simulation what the model says, and all
integers those of the simulator. The model also says in which cycle every beat passes;
*beats* is how many were compared: in Icarus those of all ports and between all layers, with
Verilator the first and the last of every frame on every port. The command fails if any of
this differs. Error: 0 in all.

The same is held by tests: beat by beat and with pauses on all ports for random networks
with and without branches (`tests/property`, `tests/timing`); for every streaming design of
`tests/rtl` and `tests/conformance`, every output beat under the pauses of the test, and
interval and latencies where there are none (`check_cycles` in `tests/rtl/designs.py`); for
the networks of the zoo (`tests/integration/test_networks.py`, [networks](networks.md)); for CNV
(`tests/integration/test_cnv.py`). `hwcompress build` compares the cycles of every design
that it verifies, too."""


def _cycles(rows: Sequence[Row]) -> list[str]:
    cells = []
    for row in rows:
        cycles = row.record.cycles
        if cycles is None or row.stale:
            continue
        interval = Fraction(cycles.interval)
        shown = f"{int(interval):,}" if interval.denominator == 1 else f"{float(interval):,.2f}"
        cells.append(
            [row.network.name, f"{row.network.cycles:,}", shown, f"{cycles.first:,}",
             f"{cycles.frame:,}", str(cycles.frames), cycles.simulator, f"{cycles.compared:,}"]
        )  # fmt: skip
    head = ["network", "asked for", "interval", "first output", "first frame", "frames",
            "simulated by", "beats"]  # fmt: skip
    return [*_CYCLES.splitlines(), "", *_table(head, cells)]


def _about() -> list[str]:
    head = ["network", "topology", "bits of weights / activations", "style"]
    rows = [[item.name, item.about, item.bits, item.style] for item in NETWORKS.values()]
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * 4, *rows)]
