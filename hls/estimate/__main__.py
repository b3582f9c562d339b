"""``python -m hwcompress.hls.estimate sweep``: measurements that the estimates rest on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hwcompress.errors import HwcompressError
from hwcompress.hls.estimate.rows import FAMILIES, TABLE


def _main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m hwcompress.hls.estimate")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("sweep", help="measure what the table lacks")
    one.add_argument("--family", default="xc7", choices=list(FAMILIES))
    one.add_argument("--limit", type=int, default=3000, help="configurations, from the first on")
    one.add_argument("--jobs", type=int, default=1, help="runs of Yosys at a time")
    one.add_argument("--minutes", type=float, help="start no further run after that time")
    one.add_argument("--module", action="append", help="measure only this one; may be repeated")
    one.add_argument("--table", type=Path, default=TABLE)
    given = parser.parse_args(arguments)
    from hwcompress.hls.estimate.sweep import sweep

    try:
        left = sweep(
            family=given.family,
            limit=given.limit,
            jobs=given.jobs,
            minutes=given.minutes,
            modules=frozenset(given.module) if given.module else None,
            path=given.table,
            say=_say,
        )
    except HwcompressError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    _say(f"{left} configurations left")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
