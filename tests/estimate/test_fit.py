"""Coefficients, their errors, and the page that states them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.estimate.__main__ import _main
from hwcompress.hls.estimate.coefficients import load_coefficients
from hwcompress.hls.estimate.contents import bits_of
from hwcompress.hls.estimate.errors import Errors, judged
from hwcompress.hls.estimate.fit import compare, fit, is_held_out
from hwcompress.hls.estimate.leastsquares import fit_relative, nonnegative
from hwcompress.hls.estimate.page import page
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.rows import Rows, load
from hwcompress.hls.estimate.shape import shape_of

_PAGE = Path(__file__).parents[2] / "docs" / "estimates.md"


@pytest.fixture(scope="module")
def rows() -> Rows:
    return load()


def test_the_committed_coefficients_are_those_of_the_committed_tables(rows: Rows) -> None:
    assert judged(rows, fit(rows)) == load_coefficients()


def test_the_committed_page_is_that_of_the_committed_tables(rows: Rows) -> None:
    assert page(rows, load_coefficients()) == _PAGE.read_text(encoding="utf-8")


def test_goals_are_met_on_modules_held_out(rows: Rows) -> None:
    """Median 5 %, 95th percentile 15 %, block RAMs and DSP blocks in 98 %; intervals hold."""
    drawn = [row for row in rows if row.family == "xc7" and row.number >= 0 and is_held_out(row)]
    found = Errors.of(compare(rows, load_coefficients(), "xc7", drawn))
    assert found.count > 200
    assert found.missed() == []
    assert found.inside >= 0.88


def test_no_measurement_that_was_held_out_is_taken_for_an_estimate(rows: Rows) -> None:
    """Of two products with the same logic, the one in the fit may stand for the other."""
    held = [row for row in rows if row.family == "xc7" and row.module == "hwc_mul"]
    alone = next(row for row in held if is_held_out(row) and row.own.lut_logic > 40)
    given = Part(alone.module, alone.parameters)
    name = shape_of(given, bits_of).alike
    assert name in load_coefficients().of("xc7", "hwc_mul").measured
    others = Rows(
        row
        for row in rows
        if row.module != "hwc_mul"
        or row.family != "xc7"
        or row.key == alone.key
        or shape_of(Part(row.module, row.parameters), bits_of).alike != name
    )
    found = compare(others, load_coefficients(), "xc7", [alone])[0].estimate
    assert found is not None
    formula = load_coefficients().of("xc7", "hwc_mul").luts(shape_of(given, bits_of).logic)
    assert found.lut_logic == round(formula)


def test_one_in_five_is_held_out() -> None:
    rows = list(load())
    share = sum(map(is_held_out, rows)) / len(rows)
    assert 0.15 < share < 0.25


def test_an_unseen_feature_is_refused() -> None:
    fitted = load_coefficients().of("xc7", "hwc_skid")
    assert fitted.luts({"bits": 8, "one": 1}) == pytest.approx(11, abs=0.05)
    with pytest.raises(InputError, match="no coefficient for wings"):
        fitted.luts({"wings": 1})
    with pytest.raises(InputError, match="no estimate of hwc_none"):
        load_coefficients().of("xc7", "hwc_none")


def test_nothing_to_fit() -> None:
    with pytest.raises(InputError, match="not of one version"):
        fit(Rows())


def test_damaged_coefficients_are_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"format": "another"}')
    with pytest.raises(InputError, match="no readable coefficients"):
        load_coefficients(bad)


def test_least_squares_find_what_made_the_data() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.uniform(0, 20, (60, 4))
    truth = np.array([3.0, 0.0, 1.5, 0.25])
    assert nonnegative(matrix, matrix @ truth) == pytest.approx(truth, abs=1e-6)
    luts = matrix @ truth
    luts[::12] *= 3  # a few that do not follow the rule
    assert fit_relative(matrix, luts) == pytest.approx(truth, abs=0.15)


def test_a_coefficient_never_becomes_negative() -> None:
    matrix = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    found = nonnegative(matrix, np.array([3.0, 2.0, 1.0]))
    assert found == pytest.approx([2.0, 0.0])


def test_a_bad_table_ends_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.csv.gz"
    bad.write_bytes(b"")
    bad.write_bytes(b"nothing")
    assert _main(["fit", "--table", str(bad)]) == 2
    assert "no readable table" in capsys.readouterr().err
