"""C synthesis with Vitis HLS, when it is installed, and its report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from hwcompress.errors import CheckFailed
from hwcompress.tools import find, run

__all__ = ["CSynthesis", "Synthesis", "read_report", "synthesize"]

_OPTIONS = ["reset", "csim", "synth", "cosim", "validation", "export", "vsynth", "fifo_opt"]


@dataclass(frozen=True, slots=True)
class CSynthesis:
    """Vitis HLS' estimate. Latency and interval in clock cycles (None: it depends on data),
    clock period in ns, resources as counts on the device."""

    clock_ns: float
    latency_min: int | None
    latency_max: int | None
    interval_min: int | None
    interval_max: int | None
    lut: int
    ff: int
    dsp: int
    bram_18k: int
    uram: int


@dataclass(frozen=True, slots=True)
class Synthesis:
    """Outcome: a line for the report, and the numbers if the tool ran."""

    status: str
    report: CSynthesis | None = None


def synthesize(folder: Path, project: str, *, timeout: float | None = None) -> Synthesis:
    """Run C synthesis of a written project, or say why not.

    Raises:
        CheckFailed: the tool fails, or leaves no report.
    """
    tool = find("vitis")
    if tool is None:
        return Synthesis("not run: Vitis HLS not found")
    chosen = " ".join(f"{name} {int(name in ('reset', 'synth'))}" for name in _OPTIONS)
    (folder / "build_opt.tcl").write_text(f"array set opt {{ {chosen} }}\n")
    modern = Path(tool.argv[0]).name.startswith("vitis-run")
    arguments = ["--mode", "hls", "--tcl", "build_prj.tcl"] if modern else ["-f", "build_prj.tcl"]
    run(tool, arguments, cwd=folder, log=folder / "vitis.log", timeout=timeout)
    xml = folder / f"{project}_prj" / "solution1" / "syn" / "report" / f"{project}_csynth.xml"
    return Synthesis(f"C synthesis by {tool.label}", read_report(xml))


def _count(root: ElementTree.Element, path: str) -> int | None:
    text = (root.findtext(path) or "").strip()
    return int(text) if text.isdigit() else None


def read_report(xml: Path) -> CSynthesis:
    """Parse ``<top>_csynth.xml``.

    Raises:
        CheckFailed: the file is missing or is not such a report.
    """
    try:
        root = ElementTree.parse(xml).getroot()  # noqa: S314  (written by the tool we ran)
    except (OSError, ElementTree.ParseError) as error:
        raise CheckFailed(
            "Vitis HLS left no readable report",
            where=str(xml),
            why=str(error),
            remedy="read vitis.log in the project folder",
        ) from error
    clock = root.findtext("./PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")
    latency = "./PerformanceEstimates/SummaryOfOverallLatency"
    area = "./AreaEstimates/Resources"
    counts = {name: _count(root, f"{area}/{name}") for name in ("LUT", "FF", "BRAM_18K")}
    missing = [name for name, value in counts.items() if value is None]
    if clock is None or missing:
        raise CheckFailed(
            f"the report lacks {', '.join(missing) or 'the clock period'}", where=str(xml)
        )
    return CSynthesis(
        clock_ns=float(clock),
        latency_min=_count(root, f"{latency}/Best-caseLatency"),
        latency_max=_count(root, f"{latency}/Worst-caseLatency"),
        interval_min=_count(root, f"{latency}/Interval-min"),
        interval_max=_count(root, f"{latency}/Interval-max"),
        lut=counts["LUT"] or 0,
        ff=counts["FF"] or 0,
        # Vivado HLS called it DSP48E; a device without URAM has no such entry.
        dsp=_count(root, f"{area}/DSP") or _count(root, f"{area}/DSP48E") or 0,
        bram_18k=counts["BRAM_18K"] or 0,
        uram=_count(root, f"{area}/URAM") or 0,
    )
