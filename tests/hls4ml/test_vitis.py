"""C synthesis: absent, present, failing, and its report."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hwcompress.errors import CheckFailed
from hwcompress.hls.hls4ml import CSynthesis, HlsProject, Synthesis, convert
from hwcompress.hls.hls4ml.vitis import read_report
from tests.hls4ml.test_project import script, tiny

REPORT = """<?xml version="1.0"?>
<profile>
  <UserAssignments><TargetClockPeriod>10.00</TargetClockPeriod></UserAssignments>
  <PerformanceEstimates>
    <SummaryOfTimingAnalysis><EstimatedClockPeriod>6.912</EstimatedClockPeriod></SummaryOfTimingAnalysis>
    <SummaryOfOverallLatency>
      <Best-caseLatency>3</Best-caseLatency><Worst-caseLatency>undef</Worst-caseLatency>
      <Interval-min>1</Interval-min><Interval-max>1</Interval-max>
    </SummaryOfOverallLatency>
  </PerformanceEstimates>
  <AreaEstimates>
    <Resources><BRAM_18K>2</BRAM_18K><DSP>5</DSP><FF>120</FF><LUT>345</LUT></Resources>
  </AreaEstimates>
</profile>
"""


@pytest.fixture
def project(tmp_path: Path) -> HlsProject:
    return convert(tiny(), tmp_path / "project")


def on_path(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_not_installed(project: HlsProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.folder))
    assert project.synthesize() == Synthesis("not run: Vitis HLS not found")


@pytest.mark.parametrize(
    ("command", "arguments"),
    [("vitis-run", "--mode hls --tcl build_prj.tcl"), ("vitis_hls", "-f build_prj.tcl")],
)
def test_report_is_read(
    command: str,
    arguments: str,
    project: HlsProject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    report = "hwcompress_prj/solution1/syn/report"
    script(
        tmp_path / "bin" / command,
        '[ "$1" = -version ] && echo "Vitis v2024.1" && exit\n'
        f'[ "$*" = "{arguments}" ] || exit 3\n'
        "grep -q 'reset 1 csim 0 synth 1 cosim 0' build_opt.tcl || exit 4\n"
        f"mkdir -p {report} && cp {tmp_path / 'report.xml'} {report}/hwcompress_csynth.xml\n",
    )
    on_path(monkeypatch, tmp_path / "bin")
    result = project.synthesize()
    assert "2024.1" in result.status
    assert result.report == CSynthesis(
        clock_ns=6.912,
        latency_min=3,
        latency_max=None,
        interval_min=1,
        interval_max=1,
        lut=345,
        ff=120,
        dsp=5,
        bram_18k=2,
        uram=0,
    )


def test_failure_is_told(
    project: HlsProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "bin" / "vitis-run", "echo 'ERROR: [HLS 200-101] no licence'; exit 1\n")
    on_path(monkeypatch, tmp_path / "bin")
    with pytest.raises(CheckFailed, match="no licence"):
        project.synthesize()


def test_no_report_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="left no readable report"):
        read_report(tmp_path / "absent.xml")
    (tmp_path / "empty.xml").write_text("<profile/>")
    with pytest.raises(CheckFailed, match="lacks LUT, FF, BRAM_18K"):
        read_report(tmp_path / "empty.xml")
