"""Writes the tables of docs/compression.md anew: python scripts/compression_page.py"""

from __future__ import annotations

from pathlib import Path

from hwcompress.flow.compressing.listing import page

PAGE = Path(__file__).resolve().parent.parent / "docs" / "compression.md"


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
