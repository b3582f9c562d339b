"""docs/acceptance.md: every system has its row, and every test that it names exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "acceptance.md").read_text(encoding="utf-8")

SYSTEMS = {
    "Quantization": [
        "Affine mapping between reals and integers",
        "Saturated and unsaturated quantizers",
        "Calibration by divergence (KLD)",
        "Quantize, dequantize, requantize",
        "Calibrated against trained (PTQ, QAT)",
        "Dynamic range",
        "Float16",
        "Full-integer PTQ",
        "Integer-arithmetic-only training (Jacob)",
        "Scale strategies",
        "Whitepaper (Krishnamoorthi)",
        "Batch-norm folding",
        "Fixed point of Paddle and ncnn",
        "DoReFa-Net",
        "QNN",
        "IAO with fine-tuning (QAFT)",
        "Vector quantization (Gong)",
        "Q-CNN",
        "Towards the limit (ECSQ, Hessian-weighted)",
        "PyTorch quantization",
    ],
    "Binarization and ternary": [
        "BNN",
        "Binary-Weight-Network",
        "XNOR-Net",
        "BCNN with separable filters",
        "LBCNN",
        "Ternary weights (TWN)",
    ],
    "Coding and storage": ["Huffman coding", "Deep Compression", "CompressAI"],
}


def rows() -> dict[str, dict[str, list[str]]]:
    """By heading and system: the other cells."""
    found: dict[str, dict[str, list[str]]] = {}
    for part in PAGE.split("\n## ")[1:]:
        heading = part.splitlines()[0]
        lines = [line for line in part.splitlines() if line.startswith("| ")][1:]
        cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
        if heading in SYSTEMS:
            found[heading] = {name: rest for name, *rest in cells}
            assert len(cells) == len(found[heading])
    return found


def named_tests() -> list[tuple[str, str, str, bool]]:
    """File, function, parameter and whether it is said to be a long one."""
    pattern = r"`([\w/]+\.py)::(\w+)(?:\[([^\]`]+)\])?`( \(long\))?"
    return [(f, n, p, bool(long)) for f, n, p, long in re.findall(pattern, PAGE)]


def test_every_system_has_its_row() -> None:
    found = rows()
    assert {heading: list(items) for heading, items in found.items()} == SYSTEMS
    for heading, items in found.items():
        for system, cells in items.items():
            assert len(cells) == 3 and all(cells), (heading, system)
            if system != "CompressAI":
                assert re.search(r"`[\w/]+\.py::", cells[1]), system


@pytest.mark.parametrize(("file", "name", "parameter", "long"), named_tests())
def test_the_test_exists(file: str, name: str, parameter: str, long: bool) -> None:
    module = importlib.import_module(f"tests.{file.removesuffix('.py').replace('/', '.')}")
    marks = getattr(getattr(module, name), "pytestmark", [])
    assert any(mark.name == "long" for mark in marks) == long
    if parameter:
        values = [item for mark in marks if mark.name == "parametrize" for item in mark.args[1]]
        assert parameter in map(str, values)


def test_the_command_is_there() -> None:
    assert './hwc test -m "long or not long" tests/compress tests/packing' in PAGE
    assert len(named_tests()) > 50
