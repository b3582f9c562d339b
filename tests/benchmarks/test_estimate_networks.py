"""Estimates of whole networks: the page is today's, and today's estimates reach the goals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.estimate_list import NETWORKS
from benchmarks.estimate_networks import path_of
from benchmarks.estimate_page import GOAL, WORST, Row, page, rows_of
from benchmarks.estimate_records import Record, build, load, simulate_cycles, store, synthesized
from hwcompress.errors import InputError
from hwcompress.hls.estimate.rows import FAMILIES
from tests.shared_data import shared_file

ROOT = Path(__file__).parents[2]
_AGAIN = ("mlp-w8a8", "strided-w2a3", "inverted")


@pytest.fixture(scope="module")
def data() -> Path:
    return shared_file("models").parent


@pytest.fixture(scope="module")
def families(data: Path) -> Mapping[str, list[Row]]:
    return {family: rows_of(family, load(path_of(family)), data) for family in FAMILIES}


def test_page_is_what_measurements_and_coefficients_give(
    families: Mapping[str, list[Row]],
) -> None:
    """After a refit: python -m benchmarks.estimate_networks --write docs/estimate-networks.md."""
    assert (ROOT / "docs/estimate-networks.md").read_text(encoding="utf-8") == page(families)


def test_nine_of_ten_networks_within_ten_percent(families: Mapping[str, list[Row]]) -> None:
    errors = [abs(row.error) for row in families["xc7"] if not row.stale]
    assert len(errors) >= 20
    assert sum(error <= GOAL for error in errors) >= 0.9 * len(errors)
    assert max(errors) <= WORST


def test_a_changed_design_is_stale(data: Path) -> None:
    records = load(path_of("xc7"))
    name = "mlp-w8a8"
    (row,) = rows_of("xc7", {name: records[name]}, data)
    assert not row.stale
    (old,) = rows_of("xc7", {name: replace(records[name], digest="0" * 16)}, data)
    assert old.stale
    text = page({"xc7": [row, old]})
    assert f"| {name} (stale) |" in text and f"- stale, not counted above: {name}" in text
    assert " in 1 of 1 networks" in text
    (other,) = rows_of("xc7", {name: replace(records[name], yosys="Yosys 0.1")}, data)
    assert other.stale


def test_records_are_stored_and_checked(tmp_path: Path) -> None:
    records = load(path_of("xc7"))
    path = tmp_path / "records.json"
    assert load(path) == {}
    store(records, path)
    assert load(path) == records
    path.write_text("{}")
    with pytest.raises(InputError, match="no readable measurements"):
        load(path)


def test_every_record_is_of_a_network_that_is_listed() -> None:
    for family in FAMILIES:
        assert set(load(path_of(family))) <= set(NETWORKS)


@pytest.mark.long
@pytest.mark.parametrize("name", _AGAIN)
def test_measured_again(name: str, data: Path, tmp_path: Path) -> None:
    """Buffers, counts and cycles of some networks are what was stored."""
    known = load(path_of("xc7"))[name]
    built = build(NETWORKS[name], data, None)
    assert built.depths == known.depths
    found = synthesized(built, "xc7", tmp_path)
    assert _counts(found) == _counts(known)
    assert simulate_cycles(built, tmp_path) == known.cycles


def _counts(record: Record) -> Record:
    return replace(record, seconds=0.0, cycles=None)
