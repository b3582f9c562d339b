"""docs/importing.md lists the operators that the importer takes: all of them, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import hwcompress.frontend.importer  # noqa: F401  (fills the registries)
from hwcompress.frontend.canonical import is_known
from hwcompress.frontend.lowering import HANDLERS
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.refusals import reason

PAGE = Path(__file__).resolve().parents[2] / "docs" / "importing.md"
DOMAINS = ("", "qonnx.custom_op.general", "com.microsoft")
# Handlers that say why they take nothing.
REFUSED = {"GlobalLpPool", "LpPool", "MaxRoiPool", "MaxUnpool", "RoiAlign"}


def listed() -> set[str]:
    taken = PAGE.read_text(encoding="utf-8").split("## Operators")[1].split("Each in the forms")[0]
    return set(re.findall(r"`([A-Za-z0-9]+)`", taken))


def known(name: str) -> bool:
    nodes = [Node(name, "", domain, (), ("y",), {}) for domain in DOMAINS]
    return name in HANDLERS or name == "Constant" or any(is_known(node) for node in nodes)


def test_every_operator_of_the_page_is_taken() -> None:
    names = listed()
    assert len(names) > 90
    assert [name for name in sorted(names) if not known(name)] == []
    assert [name for name in sorted(names) if reason(Node(name, "", "", (), ("y",), {}))] == []


def test_every_operator_that_is_taken_is_on_the_page() -> None:
    assert set(HANDLERS) - REFUSED - listed() == set()
