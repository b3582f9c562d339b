"""Estimates of whole networks beside their synthesis, and predicted cycles beside simulated ones.

Usage, in the repository's folder::

    python -m benchmarks.estimate_networks [--data ../shared] [--write docs/estimate-networks.md]
        [--synthesis] [--cycles] [--only jets ...] [--family xc7] [--folder build/...]

Without ``--synthesis`` nothing is synthesized: what was measured before is compared with
today's estimates in a few seconds. With it, what is missing or stale is measured
(a minute or so a network); likewise ``--cycles`` for the simulation.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.estimate_list import LATTICE, NETWORKS
from benchmarks.estimate_page import page, rows_of
from benchmarks.estimate_records import (
    build,
    load,
    simulate_cycles,
    store,
    synthesized,
)
from hwcompress.hls.estimate.rows import FAMILIES

__all__ = ["RESULTS", "main", "path_of"]

RESULTS = Path(__file__).with_name("results")


def path_of(family: str) -> Path:
    """The file of a family's measurements."""
    return RESULTS / f"estimate-networks-{family}.json"


def measure(
    names: list[str], family: str, data: Path, folder: Path, *, synthesis: bool, cycles: bool
) -> None:
    """Measure what is missing or stale, and store every result at once."""
    for name in names:
        records = load(path_of(family))
        record = records.get(name)
        built = build(NETWORKS[name], data, record)
        work = folder / family / name
        current = record is not None and record.digest == built.digest
        start = time.perf_counter()
        if synthesis and not current:
            record = synthesized(replace(built, depths={}), family, work)
            built = build(NETWORKS[name], data, record)
            current = True
        if cycles and current and record is not None and record.cycles is None:
            record = replace(record, cycles=simulate_cycles(built, work))
        if record is not None and record != records.get(name):
            # Read again: another process may have measured another one.
            store({**load(path_of(family)), name: record}, path_of(family))
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


def main() -> None:
    """Measure what is asked for, and print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--write", type=Path)
    parser.add_argument("--synthesis", action="store_true")
    parser.add_argument("--cycles", action="store_true")
    parser.add_argument("--only", nargs="*", choices=list(NETWORKS))
    parser.add_argument("--family", choices=list(FAMILIES), default="xc7")
    parser.add_argument("--folder", type=Path, default=Path("build/estimate-networks"))
    wanted = parser.parse_args()
    listed = NETWORKS if wanted.family == "xc7" else LATTICE
    names = [name for name in listed if wanted.only is None or name in wanted.only]
    if wanted.synthesis or wanted.cycles:
        measure(
            names, wanted.family, wanted.data, wanted.folder,
            synthesis=wanted.synthesis, cycles=wanted.cycles,
        )  # fmt: skip
    families = {family: rows_of(family, load(path_of(family)), wanted.data) for family in FAMILIES}
    text = page(families)
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
