"""The tables of reports, the fit, and the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwcompress.errors import InputError
from hwcompress.hls.estimate.hls4ml.__main__ import _main
from hwcompress.hls.estimate.hls4ml.fit import (
    errors_of,
    fitted,
    layer_errors,
    left_out,
    model,
    project_errors,
)
from hwcompress.hls.estimate.hls4ml.published import PUBLISHED
from hwcompress.hls.estimate.hls4ml.reports import (
    DESIGNS,
    LAYERS,
    Counts,
    DesignReport,
    designs,
    layers,
)
from hwcompress.hls.estimate.hls4ml.rules import bram18_of, dsp_of
from hwcompress.hls.estimate.hls4ml.synthesis import ratio, ratios

PAGE = Path(__file__).parents[3] / "docs" / "hls4ml-estimates.md"


def test_page_is_current(tmp_path: Path) -> None:
    """The page in docs is what the command prints today."""
    assert _main(["--page", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text() == PAGE.read_text()


def test_errors_stay() -> None:
    """Nine of ten layers, their repository left out of the fit; goals of this table."""
    assert layer_errors("latency", "lut").most < 1.7
    assert layer_errors("latency", "ff").most < 4.0
    assert layer_errors("resource", "lut").most < 5.7
    assert layer_errors("resource", "ff").most < 2.0


def test_projects() -> None:
    """All layers of a project: sums of estimates over sums of reports."""
    own = [item for item in left_out() if item.report.network == "ecg"]
    over = sum(item.lut for item in own) / sum(item.report.counts.lut for item in own)
    assert project_errors("lut").worst >= max(over, 1 / over)
    assert project_errors("lut").count == len({row.source for row in layers()})
    assert project_errors("lut").most < 2.0


def test_published_networks() -> None:
    """LUTs of networks outside of the fit, within a factor of two."""
    for item in PUBLISHED:
        assert 0.5 < item.estimate().lut / item.lut < 2


def test_rules_against_reports() -> None:
    """DSP blocks of at least nine of ten reports exactly, block RAMs within one."""
    known = [row for row in layers() if row.known]
    exact = [dsp_of(row.product) == row.counts.dsp for row in known]
    assert sum(exact) / len(exact) > 0.9
    off = [abs(bram18_of(row.product) - row.counts.bram18) for row in layers()]
    assert max(off) <= 1


def test_left_out_is_left_out() -> None:
    """The judged estimate is that of a fit without the repository, not that of all."""
    first = left_out()[0]
    other = fitted(row for row in layers() if row.author != first.report.author)
    product = first.report.product
    assert first.lut == other.luts(product)
    assert first.lut != model().luts(product)
    assert {item.report for item in left_out()} == set(layers())


def test_errors_weigh_groups_alike() -> None:
    """A group of one counts as much as a group of three."""
    found = errors_of([1.1, 1.2, 1.3, 2.0], ["a", "a", "a", "b"])
    assert (found.count, found.groups, found.median, found.most) == (4, 2, 1.3, 2.0)


def test_ratios_weigh_authors_alike() -> None:
    """Three designs of one author, one of another; none counts where there is nothing."""
    rows = [
        DesignReport("a/x:", author, "7series", "1", Counts(lut=100), Counts(lut=after))
        for author, after in (("a", 10), ("a", 20), ("a", 30), ("b", 90))
    ]
    found = ratios(rows, "lut")
    assert (found.low, found.middle, found.high) == (0.1, 0.3, 0.9)
    assert ratio("dsp").count == len([row for row in designs() if row.estimated.dsp])


@pytest.mark.parametrize(("path", "load"), [(LAYERS, layers), (DESIGNS, designs)])
def test_bad_tables(path: Path, load: object, tmp_path: Path) -> None:
    """A wrong number is refused with its line, and a table that is not there by name."""
    lines = path.read_text().splitlines()
    broken = tmp_path / "broken.csv"
    broken.write_text("\n".join([lines[0], lines[1], lines[2].rsplit(",", 1)[0] + ",many"]))
    with pytest.raises(InputError, match=r"broken\.csv:3: no row"):
        load(broken)  # type: ignore[operator]
    with pytest.raises(InputError, match="a table of the estimates is missing"):
        load(tmp_path / "none.csv")  # type: ignore[operator]
