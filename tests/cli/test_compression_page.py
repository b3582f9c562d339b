"""docs/compression.md lists the recipes and steps that there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compression.md"


def test_up_to_date() -> None:
    """In a process of its own: other tests register steps for themselves."""
    code = (
        "import sys; from hwcompress.flow.compressing.listing import page;"
        " sys.stdout.write(page(sys.stdin.read()))"
    )
    text = PAGE.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True
    )
    assert text == done.stdout, "run: python scripts/compression_page.py"
    assert "| `quantize` |" in text
