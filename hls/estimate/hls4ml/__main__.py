"""``python -m hwcompress.hls.estimate.hls4ml``: the page of the estimates' errors."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hwcompress.errors import HwcompressError


def _main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m hwcompress.hls.estimate.hls4ml")
    parser.add_argument("--page", type=Path, help="file of the page; printed where it is missing")
    given = parser.parse_args(arguments)
    try:
        from hwcompress.hls.estimate.hls4ml.page import page

        text = page()
    except HwcompressError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if given.page is None:
        sys.stdout.write(text)
    else:
        given.page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
