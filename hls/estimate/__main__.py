"""``python -m hwcompress.hls.estimate sweep`` or ``... fit``: what the estimates rest on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hwcompress.errors import HwcompressError
from hwcompress.hls.estimate.rows import FAMILIES


def _main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m hwcompress.hls.estimate")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("sweep", help="measure what the table lacks")
    one.add_argument("--family", default="xc7", choices=list(FAMILIES))
    one.add_argument("--limit", type=int, default=3000, help="configurations, from the first on")
    one.add_argument("--jobs", type=int, default=1, help="runs of Yosys at a time")
    one.add_argument("--minutes", type=float, help="start no further run after that time")
    one.add_argument("--module", action="append", help="measure only this one; may be repeated")
    two = commands.add_parser("fit", help="fit the coefficients and print their errors")
    two.add_argument("--page", type=Path, help="file of the page docs/estimates.md")
    for command in (one, two):
        command.add_argument("--table", type=Path, help="default: those of this package")
    given = parser.parse_args(arguments)
    try:
        if given.command == "sweep":
            _sweep(given)
        else:
            _fit(given)
    except HwcompressError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _sweep(given: argparse.Namespace) -> None:
    from hwcompress.hls.estimate.sweep import sweep

    left = sweep(
        family=given.family,
        limit=given.limit,
        jobs=given.jobs,
        minutes=given.minutes,
        modules=frozenset(given.module) if given.module else None,
        path=given.table,
        say=_say,
    )
    _say(f"{left} configurations left")


def _fit(given: argparse.Namespace) -> None:
    from hwcompress.hls.estimate.errors import judged
    from hwcompress.hls.estimate.fit import fit
    from hwcompress.hls.estimate.page import page
    from hwcompress.hls.estimate.rows import load
    from hwcompress.hls.estimate.sweep import stale

    rows = load(given.table)
    for module, family in stale(rows):
        _say(
            f"warning: {module} has changed since it was measured for {family}; measure it again:"
            f" python -m hwcompress.hls.estimate sweep --family {family} --module {module}"
        )
    coefficients = judged(rows, fit(rows))
    coefficients.save()
    text = page(rows, coefficients)
    if given.page is None:
        _say(text)
    else:
        given.page.write_text(text, encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
