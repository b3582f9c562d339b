"""The simulator beside other tools that give exact answers, in one run on one machine.

Usage, in the repository's folder::

    python -m benchmarks.simulator [--only PART ...] [--quick] [--profile]
        [--repetitions N] [--threads 1 2] [--output FILE] [--page docs/simulator.md]

Parts: hls4ml, qonnx, brevitas, float, int8, binary, interpreters (comparisons), and peak,
growth, overhead. Every comparison also checks that the outputs are equal. The record is JSON; the
page is written from it, nothing is typed by hand. ``--from FILE`` writes the page from an old
record. Compiled code and models go to ``--folder``.

da4ml and alkaid are compared with if they are installed: ``pip install da4ml alkaid``.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.simulator_page import put, text
from benchmarks.simulator_timing import Settings

if TYPE_CHECKING:
    from benchmarks.simulator_networks import Network
    from hwcompress.ir import Graph

_OTHER = ("peak", "growth", "overhead")
_PARTS = ("hls4ml", "qonnx", "brevitas", "float", "int8", "binary", "interpreters", *_OTHER)
_PROFILED = ("hls4ml", "brevitas", "int8", "binary")


def main() -> None:
    """Measure, print, and write the record and the page."""
    options = _options()
    plot = None
    if options.source is not None:
        record = json.loads(options.source.read_text(encoding="utf-8"))
    else:
        record = _measured(options)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        partial = options.output.with_suffix(".partial")
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, options.output)
        print(f"written: {options.output}")
    if options.page is None:
        return
    if "growth" in record:
        from benchmarks.simulator_plot import plot as drawn
        from benchmarks.simulator_scaling import Growth

        picture = options.page.with_suffix(".svg")
        growth = [Growth(**item) for item in record["growth"]]
        picture.write_text(drawn(growth), encoding="utf-8")
        plot = picture.name
    put(options.page, text(record, plot))
    print(f"written: {options.page}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the simulator with other tools.")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, metavar="PART")
    parser.add_argument("--quick", action="store_true", help="few samples and repetitions")
    parser.add_argument("--profile", action="store_true", help="also time every job of the plans")
    parser.add_argument("--repetitions", type=int, help="turns of each tool (11; quick: 3)")
    parser.add_argument("--least", type=float, help="seconds of a turn (0.2; quick: 0.03)")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument(
        "--clock",
        choices=("wall", "process"),
        default="wall",
        help="process: the processor's time, for one thread on a busy machine",
    )
    parser.add_argument("--folder", type=Path, default=Path("build/simulator"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/simulator.json"))
    parser.add_argument("--page", type=Path, help="page to write the tables into")
    parser.add_argument("--from", dest="source", type=Path, help="a record, instead of measuring")
    options = parser.parse_args()
    if options.repetitions is None:
        options.repetitions = 3 if options.quick else 11
    if options.least is None:
        options.least = 0.03 if options.quick else 0.2
    if options.repetitions < 1 or min(options.threads) < 1:
        parser.error("--repetitions and --threads are positive")
    if options.clock == "process" and options.threads != [1]:
        parser.error("--clock process is for --threads 1")
    return options


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.simulator_machine import describe

    options.folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        options.folder,
        options.repetitions,
        options.least,
        options.quick,
        tuple(options.threads),
        options.clock,
    )
    # A record says nothing of the folders of the machine.
    arguments = [Path(item).name if item.startswith("/") else item for item in sys.argv[1:]]
    record: dict[str, Any] = {
        "machine": describe(),
        "settings": {
            "command": shlex.join(["python", "-m", "benchmarks.simulator", *arguments]),
            "repetitions": options.repetitions,
            "least seconds": options.least,
            "quick": options.quick,
            "clock": options.clock,
            "parts": list(options.only),
        },
    }
    compared = [part for part in options.only if part not in _OTHER]
    if compared:
        record["comparisons"] = _comparisons(compared, settings)
    others: dict[str, Callable[[Settings], dict[str, Any]]] = {
        "peak": _peak,
        "growth": _growth,
        "overhead": _overhead,
    }
    for part, measure in others.items():
        if part in options.only:
            record |= measure(settings)
    if options.profile:
        record["profiles"] = _profiles(settings)
    record["machine"]["load after"] = [round(value, 2) for value in os.getloadavg()]
    return record


def _comparisons(parts: Sequence[str], settings: Settings) -> list[dict[str, Any]]:
    # torch and Brevitas take seconds to import.
    from benchmarks.simulator_comparisons import compare

    found = []
    for part in parts:
        for item in compare(part, settings):
            found.append(item.as_json())
            _print(found[-1])
    return found


def _print(item: dict[str, Any]) -> None:
    head = f"{item['network']:14} {item['peer']:30} {item['threads']} threads"
    if item["error"]:
        print(f"{head}: {item['error']}", flush=True)
        return
    ratio = item["ratio"]
    goal = "" if item["wanted"] is None else f", goal {item['wanted']:g}"
    print(
        f"{head}: {ratio['median']:.3g} times ({ratio['low']:.3g} to {ratio['high']:.3g}){goal};"
        f" {item['rate']['median']:.4g} against {item['peer_rate']['median']:.4g} samples/s at"
        f" batch {item['peer_batch']}; {item['differing']} of {item['compared']} differ,"
        f" {item['unexplained']} of them unexplained",
        flush=True,
    )


def _peak(settings: Settings) -> dict[str, Any]:
    from benchmarks.simulator_peak import measure
    from benchmarks.simulator_scaling import kernel_shares

    # Short and many: the best one is undisturbed.
    peaks = list(measure(5 * settings.repetitions, min(settings.least, 0.02)))
    for peak in peaks:
        print(f"peak of {peak.kind}: {peak.one:.0f} G/s, two threads {peak.two:.0f} G/s")
    kernels = kernel_shares(
        {peak.kind: peak.one for peak in peaks}, settings.repetitions, settings.least / 4
    )
    for item in kernels:
        print(f"{item.kind}, {item.layer}: {item.rate:.0f} G/s, {100 * item.share:.0f} % of peak")
    return {
        "peaks": [asdict(item) for item in peaks],
        "kernels": [asdict(item) for item in kernels],
    }


def _growth(settings: Settings) -> dict[str, Any]:
    from benchmarks.simulator_scaling import growth

    found = growth(settings.repetitions, settings.least / 4, settings.quick)
    for item in found:
        print(f"{item.axis}: exponent {item.exponent:.2f}")
    return {"growth": [asdict(item) for item in found]}


def _overhead(settings: Settings) -> dict[str, Any]:
    from benchmarks.simulator_scaling import chain, overhead

    found = overhead(chain((16, 64, 32, 32, 5)), 200 if settings.quick else 5000)
    print(f"a call with one sample: {found['median us']:.0f} us")
    return {"overhead": found}


def _profiles(settings: Settings) -> dict[str, Any]:
    from benchmarks.simulator_networks import make
    from benchmarks.simulator_rows import ROWS

    found: dict[str, Any] = {}
    for row in ROWS:
        if row.part not in _PROFILED or row.peer.endswith("cached weights"):
            continue
        network = make(row.network, settings.folder)
        name = f"{row.network} QDQ" if row.part == "int8" else row.network
        if name not in found:
            print(name)
            found[name] = _profile(row.graph(network, settings), network, settings)
    return found


def _profile(graph: Graph, network: Network, settings: Settings) -> list[dict[str, Any]]:
    from benchmarks.simulator_networks import integers_of
    from benchmarks.simulator_profile import profile
    from hwcompress.sim import Simulator

    simulator = Simulator(graph, threads=1)
    integers = integers_of(graph, network.samples(min(simulator.batch, 1024)))
    jobs = profile(simulator, integers, settings.repetitions, settings.least / 10)
    for job in jobs:
        share = f"{job.nanoseconds:10.0f} ns {100 * job.share:3.0f} % {job.rate:4.0f} G/s"
        print(f"  {share} {job.label}", flush=True)
    return [asdict(job) for job in jobs]


if __name__ == "__main__":
    main()
