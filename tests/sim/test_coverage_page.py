"""docs/coverage.md is what the registries say."""

from __future__ import annotations

from pathlib import Path

from hwcompress.ir import OPERATIONS, REALISATIONS
from hwcompress.report.conformance import SWEEPS
from hwcompress.report.coverage import coverage_markdown


def test_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "coverage.md"
    assert page.read_text(encoding="utf-8") == coverage_markdown(), (
        "run: python -m hwcompress.report.coverage docs/coverage.md"
    )


def test_every_operation_has_a_row() -> None:
    lines = coverage_markdown().split("\n\n")[2].splitlines()  # heading, remark, table
    table = [line for line in lines if line.startswith("| ")]
    rows = {line.split("|")[1].strip(): line for line in table[1:]}
    assert set(rows) == set(OPERATIONS) - {"Input", "Output"}
    columns = [cell.strip() for cell in table[0].split("|")[1:-1]]
    assert columns[:2] == ["operation", "reference"] and "sim" in columns
    position = columns.index("sim") + 1
    assert all(line.split("|")[position].strip() == "yes" for line in rows.values())


def test_every_realisation_is_compared_on_at_least_thirty_configurations() -> None:
    assert set(SWEEPS) == set(REALISATIONS)
    assert all(sweep.full >= 30 and sweep.default >= 1 for sweep in SWEEPS.values())
    assert all(
        f"| {sweep.default} " in coverage_markdown() and sweep.command in coverage_markdown()
        for sweep in SWEEPS.values()
    )
