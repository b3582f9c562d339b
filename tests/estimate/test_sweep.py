"""The sweep: order, contents, resume after a stop."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.estimate.configurations import WEIGHTS, configuration, numbered
from hwcompress.hls.estimate.contents import KINDS, bits_of
from hwcompress.hls.estimate.measure import read_headers
from hwcompress.hls.estimate.rows import TABLES, Rows, load, save
from hwcompress.hls.estimate.sweep import stale, sweep, wanted


def test_configurations_are_always_the_same() -> None:
    for module in WEIGHTS:
        assert configuration(module, 3) == configuration(module, 3)


def test_every_beginning_is_balanced() -> None:
    first = list(islice(numbered(), 400))
    total = sum(WEIGHTS.values())
    for module, often in WEIGHTS.items():
        share = 400 * often / total
        assert abs(sum(name == module for name, _ in first) - share) <= 1.01
    assert list(islice(numbered(frozenset({"hwc_mul"})), 2)) == [("hwc_mul", 0), ("hwc_mul", 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_contents_follow_from_the_name(kind: str) -> None:
    first = bits_of(f"{kind}-6-11.hex", 24, 10)
    bits_of.cache_clear()
    assert np.array_equal(first, bits_of(f"{kind}-6-11.hex", 24, 10))
    assert first.shape == (10, 24)
    assert not np.array_equal(first, bits_of(f"{kind}-6-12.hex", 24, 10))


def test_flags_of_a_search_are_bits_of_any_value() -> None:
    found = bits_of("rising-9-4_falling.hex", 3, 50)
    assert found.shape == (50, 3)
    assert 40 < found.sum() < 110


def test_other_names_are_refused() -> None:
    for name in ("weights.hex", "stars-4-1.hex", "normal-0-1.hex"):
        with pytest.raises(InputError, match="names no contents"):
            bits_of(name, 8, 8)


def test_parameters_of_derived_modules() -> None:
    dump = (
        "module $paramod$12\\\\hwc_rom\n"
        "  parameter \\WIDTH 8\n"
        "  parameter \\LO 4's1000\n"
        "  parameter \\TABLE 24'011000010110001001100011\n"
        'module $paramod\\hwc_skid\\WIDTH=1\n  parameter \\STYLE "auto"\nmodule \\top\n'
    )
    found = list(read_headers(dump).values())
    assert found == ["LO=-8;TABLE=abc;WIDTH=8", "STYLE=auto", ""]


def test_a_row_knows_the_parameters_of_its_configuration() -> None:
    """What the sweep calls a configuration is what Yosys elaborates."""
    for row in load():
        if row.number >= 0:
            assert configuration(row.module, row.number).part.parameters == row.parameters


def test_bad_requests(tmp_path: Path) -> None:
    for given in ({"family": "xc9"}, {"modules": frozenset({"hwc_none"})}, {"limit": 0}):
        with pytest.raises(InputError):
            sweep(path=tmp_path / "t.csv.gz", **given)  # type: ignore[arg-type]


def test_a_stopped_sweep_goes_on(tmp_path: Path) -> None:
    """Measured with Yosys; the rows are those of the committed table, and are not made twice."""
    path, lines = tmp_path / "t.csv.gz", []
    only = frozenset({"hwc_turn"})

    def stop(line: str) -> None:
        lines.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(modules=only, limit=2, path=path, say=stop)
    first = load(path)
    assert len(first) == 2
    assert sweep(modules=only, limit=3, path=path, say=lines.append) == 0
    rows = load(path)
    assert len(rows) == 3
    assert "0 configurations left" in lines[-1]
    assert sweep(modules=only, limit=3, path=path, say=lines.append) == 0
    assert len(lines) == 2  # nothing was left to do
    committed = load()
    for row in rows:
        if row.key in committed:
            assert row.own == committed[row.key].own


def test_rows_of_other_code_are_measured_again() -> None:
    rows = load(TABLES["xc7"])
    drawn = [("hwc_turn", 0), ("hwc_skid", 0)]
    assert wanted(rows, "xc7", drawn) == []
    changed = Rows(
        replace(row, digest="00000000") if row.module == "hwc_turn" else row for row in rows
    )
    assert [item.module for _, item in wanted(changed, "xc7", drawn)] == ["hwc_turn"]
    assert stale(changed) == (("hwc_turn", "xc7"),)
    # Equal ones are measured once.
    assert len(wanted(Rows(), "xc7", [*drawn, *drawn])) == 2


def test_a_row_without_its_parts_is_measured_again() -> None:
    rows = load(TABLES["xc7"])
    row = next(row for row in rows if row.module == "hwc_split" and row.number >= 0)
    assert rows.is_whole(row.key)
    assert wanted(rows, "xc7", [(row.module, row.number)]) == []
    rows.drop([row.children[0][1]])
    assert not rows.is_whole(row.key)
    assert len(wanted(rows, "xc7", [(row.module, row.number)])) == 1


def test_what_no_design_can_contain_any_more_leaves_the_table(tmp_path: Path) -> None:
    """Rows with other parameters go, numbers that stand for something else are cleared."""
    rows = load(TABLES["xc7"])
    turn, other = (
        next(row for row in rows if row.module == module and row.number >= 0)
        for module in ("hwc_turn", "hwc_permute")
    )
    old = replace(turn, parameters=f"{turn.parameters};WINGS=2")
    moved = replace(other, number=other.number + 1)
    path = tmp_path / "t.csv.gz"
    save([old, moved, turn], path)
    sweep(modules=frozenset({"hwc_turn"}), limit=1, path=path, minutes=0)
    found = load(path)
    assert {row.module: row.number for row in found} == {"hwc_turn": turn.number, "hwc_permute": -1}
