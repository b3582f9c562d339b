"""``python -m hwcompress.hls.catalogue page FILE`` or ``... measure [WORK]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def _main(arguments: list[str]) -> int:
    match arguments:
        case ["page", target]:
            from hwcompress.hls.catalogue.page import page

            Path(target).write_text(page(), encoding="utf-8")
        case ["measure", *rest] if len(rest) <= 1:
            from hwcompress.hls.catalogue.measure import update

            with tempfile.TemporaryDirectory() as scratch:
                update(Path(rest[0] if rest else scratch), _say)
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
