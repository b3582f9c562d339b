"""Builds whose parallelism is searched for: what was promised is what the Verilog does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwcompress.errors import InputError
from hwcompress.flow.build import build, build_report
from hwcompress.flow.request import make_settings
from hwcompress.flow.settings import BuildSettings
from hwcompress.hls.folding import Folding
from hwcompress.report.assemble import find_figure
from tests.flow.tiny_model import tiny_data, tiny_model


@pytest.fixture
def settings(tmp_path: Path) -> BuildSettings:
    return make_settings(
        board="pynq", model=str(tiny_model(tmp_path)), data=str(tiny_data(tmp_path))
    )


def folding_of(folder: Path) -> Folding:
    return Folding.from_json((folder / "folding.json").read_text())


def test_a_rate_that_the_verilog_keeps(tmp_path: Path, settings: BuildSettings) -> None:
    """The interval that is simulated is at most the one asked for, the note says the rest."""
    asked = replace(settings, target_fps=12_000_000.0)
    build(tmp_path / "out", asked, targets=("verify", "estimate"))
    report = build_report(tmp_path / "out")
    interval = find_figure(report.performance, "interval")
    assert interval is not None and interval.basis == "measured"
    assert interval.value <= 8
    assert report.estimate is not None
    assert report.resources[0].basis == "estimated"  # nothing was synthesized
    assert any("least area found for --target-fps within 100% of" in note for note in report.notes)


def test_the_fastest_and_the_smallest(tmp_path: Path, settings: BuildSettings) -> None:
    """More LUTs never make a slower design, and no limit is exceeded by the estimate."""
    rates, luts = [], []
    for number, limit in enumerate((250, 600, 53_200)):
        folder = tmp_path / str(number)
        build(folder, replace(settings, max_lut=limit), targets=("estimate",))
        report = build_report(folder)
        assert report.design is not None and report.estimate is not None
        assert report.estimate.total.lut <= limit + 1  # one is the reset's, outside all modules
        rates.append(report.design.interval)
        luts.append(report.estimate.total.lut)
    assert rates[0] > rates[1] >= rates[2] == 1
    fitted = tmp_path / "fit"
    build(fitted, replace(settings, fit=True, share=1.0), targets=("generate",))
    assert folding_of(fitted) == folding_of(tmp_path / "2")


def test_engines_that_a_file_names_stay(tmp_path: Path, settings: BuildSettings) -> None:
    """Exported, edited, given back: alone it is the design, with a goal it is part of one."""
    build(tmp_path / "first", replace(settings, max_lut=600), targets=("fold",))
    exported = tmp_path / "first" / "folding.json"
    whole = folding_of(tmp_path / "first")
    build(tmp_path / "again", replace(settings, folding=str(exported)), targets=("fold",))
    assert folding_of(tmp_path / "again") == whole
    name = next(iter(whole.lanes))
    part = tmp_path / "part.json"
    part.write_text(Folding({name: whole.lanes[name]}).to_json())
    build(tmp_path / "part", replace(settings, folding=str(part), fit=True), targets=("fold",))
    chosen = folding_of(tmp_path / "part")
    assert chosen.lanes[name] == whole.lanes[name]
    assert set(chosen.lanes) == set(whole.lanes)


def test_what_cannot_be(tmp_path: Path, settings: BuildSettings) -> None:
    for options, said in (
        ({"max_lut": 20}, "no design keeps within 20 lut"),
        ({"target_latency": "20ns"}, "latency"),
    ):
        with pytest.raises(InputError, match=said):
            build(tmp_path / "out", replace(settings, **options), targets=("fold",))  # type: ignore[arg-type]


def test_a_design_without_an_estimate_is_built_nevertheless(
    tmp_path: Path, settings: BuildSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InputError("no coefficient for hwc_new")

    monkeypatch.setattr("hwcompress.flow.steps.estimating.estimate_design", refuse)
    build(tmp_path / "out", settings, targets=("estimate",))
    report = build_report(tmp_path / "out")
    assert report.estimate is None and not report.resources
    assert "resources are not estimated: no coefficient for hwc_new" in report.notes
