"""docs/security.md names the limits as they are, and tests that exist."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from hwcompress.limits import DEFAULT_LIMITS, Limits

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_limits() -> None:
    stated = {
        name: int(number.replace(",", ""))
        for name, number in re.findall(r"^\| `([a-z-]+)` \| ([\d,]+) \|", PAGE, re.MULTILINE)
    }
    assert stated == {
        field.name.replace("_", "-"): getattr(DEFAULT_LIMITS, field.name)
        for field in fields(Limits)
    }


def test_tests() -> None:
    names = re.findall(r"`(test_\w+\.py|tests/[\w/]+\.py)`", PAGE)
    assert len(names) > 8
    for name in names:
        home = ROOT if "/" in name else Path(__file__).parent
        assert (home / name).is_file(), name
