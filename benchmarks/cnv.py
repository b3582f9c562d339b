"""CNV at FINN's published foldings: exactness, cycles, times, and Yosys counts beside FINN's.

Usage::

    python benchmarks/cnv.py [--only cnv_w1a1] [--without-synthesis] [--write docs/cnv.md]

For each of the three networks: random weights, import, the folding of
``examples/folding``, Verilog, three frames with random stalls and eight
without in the verilated library, and synthesis for the PYNQ's part. FINN's
figures are those of its own publications, with the source in the table; they
were placed and routed by the vendor's tool, ours come from Yosys, unplaced.
``HWCOMPRESS_DATA`` names the folder with ``data/cifar10`` (default:
``../shared``).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress import boards
from hwcompress.compress.export import export_qonnx
from hwcompress.frontend import import_model
from hwcompress.hls.cosim.verilated import Stalls, VerilatedDesign
from hwcompress.hls.folding.complete import complete_folding, read_folding
from hwcompress.hls.rtl import generate
from hwcompress.hls.synth import SynthReport, synthesize
from hwcompress.models.cnv import CNV_SHAPE, cnv
from hwcompress.sim import Simulator

ROOT = Path(__file__).resolve().parents[1]
FRAMES = 8
STALLED = 3


_FOLDINGS = """\
## Foldings as files

    hwcompress build hwcompress/models/cnv.py:cnv_w1a1 --data cifar10.npz --epochs 0 \\
        --board pynq --folding examples/folding/cnv_w1a1.json

A folding file names layers of the graph (`graph/graph.txt` of a build folder)
with `pe`, the output channels at once, and `simd`, the input channels at once;
see `hls/folding/folding.py` for the rest. `folding.json` of a build folder is such
a file. A layer that the file leaves out takes as many lanes as the layer before
it gives, or the next larger number that does not slow the design down, so the
matrix layers alone, as FINN publishes them, are enough.
"""


@dataclass(frozen=True)
class Finn:
    """What FINN publishes: LUTs, block RAMs of 36 kbit, measured interval and latency in cycles."""

    lut: int
    bram36: float
    interval: int
    latency: int


@dataclass(frozen=True)
class Network:
    """A network, its folding, and what FINN publishes for it."""

    name: str
    weight_bits: int
    act_bits: int
    folding: str
    finn: Finn


# FINN's figures of the same three networks at the same foldings: finn-plus, CI
# metrics of March and April 2026 (RFSoC 2x2, Vivado 2024.2, whole design with
# shell, DMA and instrumentation).
NETWORKS = (
    Network("cnv_w1a1", 1, 1, "cnv_w1a1.json", Finn(30_807, 162 / 2, 34_145, 134_471)),
    Network("cnv_w1a2", 1, 2, "cnv_small.json", Finn(34_673, 214 / 2, 130_605, 395_618)),
    Network("cnv_w2a2", 2, 2, "cnv_small.json", Finn(36_855, 214 / 2, 130_761, 395_734)),
)


@dataclass(frozen=True)
class Measured:
    """One network's figures; times in seconds, cycles of the verilated design."""

    network: Network
    generation: float
    build: float
    interval: float
    first_output: int
    frame: int
    stalled: int
    synthesis: SynthReport | None


def images(count: int) -> np.ndarray:
    """Test images of CIFAR-10, float32 ``(count, 3, 32, 32)`` in 0..1."""
    folder = Path(os.environ.get("HWCOMPRESS_DATA") or ROOT.parent / "shared")
    with np.load(folder / "data/cifar10/cifar10_subset.npz") as data:
        return data["x_test"][:count].astype(np.float32) / 255


def measure(network: Network, folder: Path, *, synthesis: bool) -> Measured:
    """Build one network and compare it with the simulator.

    Raises:
        SystemExit: an output differs.
    """
    samples = images(FRAMES)
    folder.mkdir(parents=True, exist_ok=True)
    model = cnv(network.weight_bits, network.act_bits)
    export_qonnx(model, CNV_SHAPE, folder / "model.onnx")
    start = time.perf_counter()
    graph = import_model(folder / "model.onnx", samples=samples).graph
    folding = complete_folding(graph, read_folding(ROOT / "examples/folding" / network.folding))
    generate(graph, folding, folder / "rtl")
    generation = time.perf_counter() - start
    integers = graph.inputs[0].encode(samples)
    expected = Simulator(graph)(integers)
    start = time.perf_counter()
    design = VerilatedDesign.build(folder / "rtl", folder / "build")
    build = time.perf_counter() - start
    free = design.run(integers)
    stalled = design.run(integers[:STALLED], stalls=Stalls(300, 300))
    for what, run in (("back to back", free), ("random stalls", stalled)):
        if not np.array_equal(run.outputs, expected[: len(run.outputs)]):
            sys.exit(f"{network.name}, {what}: outputs differ from the simulator")
    assert free.interval is not None
    report = None
    if synthesis:
        report = synthesize(folder / "rtl", folder / "synth", board=boards.load("pynq"))
    return Measured(
        network,
        generation,
        build,
        free.interval,
        free.latency_first_output,
        free.latency_frame,
        stalled.cycles,
        report,
    )


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[network.name for network in NETWORKS])
    parser.add_argument("--without-synthesis", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--folder", type=Path, help="keep the designs here")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.folder or Path(scratch)
        rows = [
            measure(network, folder / network.name, synthesis=not wanted.without_synthesis)
            for network in NETWORKS
            if wanted.only in (None, network.name)
        ]
    text = page(rows, f" --only {wanted.only}" if wanted.only else "")
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")


def page(rows: list[Measured], only: str) -> str:
    """The page: cycles and times, then resources, then layers."""
    lines = [
        "# CNV beside FINN",
        "",
        f"Written by `python benchmarks/cnv.py{only} --write docs/cnv.md`.",
        "The network of BNN-PYNQ (`hwcompress/models/cnv.py`), random weights and batch norms, at",
        "FINN's published foldings (`examples/folding`; pools and thresholds follow). All outputs",
        f"equal the simulator's: {FRAMES} frames back to back, {STALLED} with random stalls.",
        "",
        "## Cycles and times",
        "",
        "| network | interval | FINN, measured | first output after | last output after"
        " | FINN, latency | import + generation | Verilator build |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        finn = row.network.finn
        lines.append(
            f"| {row.network.name} | {row.interval:,.0f} | {finn.interval:,}"
            f" | {row.first_output:,} | {row.frame:,} | {finn.latency:,}"
            f" | {row.generation:.1f} s | {row.build:.0f} s |"
        )
    made = [(row, row.synthesis) for row in rows if row.synthesis is not None]
    if made:
        lines += ["", "## Resources", "", *_resources(made)]
    return "\n".join([*lines, "", _FOLDINGS])


def _resources(made: list[tuple[Measured, SynthReport]]) -> list[str]:
    lines = [
        "| network | LUT | of these memory | FF | BRAM36 | DSP | synthesis | FINN, LUT"
        " | FINN, BRAM36 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row, report in made:
        total, finn = report.total, row.network.finn
        lines.append(
            f"| {row.network.name} | {total.lut:,} | {total.lut_memory:,} | {total.ff:,}"
            f" | {total.bram:g} | {total.dsp} | {report.seconds:.0f} s"
            f" | {finn.lut:,} | {finn.bram36:g} |"
        )
    lines += [
        "",
        f"Ours: {made[0][1].tool}, synthesis for {made[0][1].part}, hierarchy kept, not placed and",
        "routed; the accelerator alone. FINN's: finn-plus CI metrics (RFSoC 2x2, Vivado 2024.2),",
        "placed and routed, with shell, DMA and instrumentation; so compare the order of magnitude",
        "only. On the PYNQ-Z2 itself FINN's CNV-W1A1 of MLPerf Tiny v0.7 takes 22,714 LUT,",
        "31,508 FF and 100.5 BRAM36 at 661 frames/s (a slower folding), after implementation.",
    ]
    for row, report in made:
        lines += [
            "",
            f"### {row.network.name}, by layer",
            "",
            "| layer | LUT | FF | BRAM36 |",
            "|---|---|---|---|",
        ]
        for layer in report.layers:
            used = layer.resources
            if used.lut:
                lines.append(
                    f"| {layer.op} ({layer.kind}) | {used.lut:,} | {used.ff:,} | {used.bram:g} |"
                )
    return lines


if __name__ == "__main__":
    main()
