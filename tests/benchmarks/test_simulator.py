"""The simulator's benchmark: its statistics, its page, and a short run."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import simulator
from benchmarks import simulator_timing as timing
from benchmarks.simulator_page import BEGIN, END, put, text
from benchmarks.simulator_plot import plot
from benchmarks.simulator_profile import macs_of, profile
from benchmarks.simulator_scaling import Growth, chain, exponent
from hwcompress.sim import Simulator

ROOT = Path(__file__).parents[2]


class Clock:
    """Time that passes only in calls."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def call(self, name: str, *durations: float) -> Callable[[], object]:
        left = list(durations)

        def run() -> None:
            self.order.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: made.now)
    monkeypatch.setattr(timing.time, "sleep", lambda _: None)
    return made


def test_seconds_is_the_mean_of_the_calls(clock: Clock) -> None:
    assert timing.seconds(clock.call("a", 1.0, 2.0, 6.0), 3) == pytest.approx(3.0)


def test_so_many_calls_that_they_take_the_least_time(clock: Clock) -> None:
    # The first call is slower (caches), and does not count.
    assert timing.calls_for(clock.call("a", 9.0, 0.01), 0.2) == 20
    assert timing.calls_for(clock.call("a", 5.0), 0.2) == 1


def test_a_threads_own_time_does_not_count_sleep() -> None:
    call = lambda: timing.time.sleep(0.05)  # noqa: E731
    assert timing.seconds(call, 1, "thread") < 0.02 < timing.seconds(call, 1, "wall")


def test_tools_take_turns(clock: Clock) -> None:
    ways = {"a": clock.call("a", 1.0), "b": clock.call("b", 2.0)}
    found = timing.in_turns(ways, 3, 0.1)
    assert found == {"a": [1.0] * 3, "b": [2.0] * 3}
    assert clock.order[4:] == ["a", "b"] * 3  # behind two calls of each to find the number of calls


def test_no_repetition_is_refused() -> None:
    with pytest.raises(ValueError, match="0 repetitions"):
        timing.in_turns({}, 0, 0.1)


def test_rate_is_of_the_median_time() -> None:
    assert timing.rate([0.5, 0.1, 0.2], 10) == timing.Rate(50.0, 20.0, 100.0)


def test_ratio_of_medians_a_sample_with_the_extremes_of_turns() -> None:
    # 100 samples in 2 s against 1000 samples in 1 s: 20 times.
    found = timing.ratios([2.0, 4.0, 2.0], [1.0, 1.0, 0.5], 100, 1000)
    assert found == timing.Rate(pytest.approx(20.0), pytest.approx(20.0), pytest.approx(40.0))


def test_ratio_of_medians_is_not_the_median_of_ratios() -> None:
    found = timing.ratios([1.0, 2.0, 9.0], [3.0, 1.0, 4.0], 1, 1)
    assert found.median == pytest.approx(2.0 / 3.0)
    assert (found.low, found.high) == pytest.approx((1 / 3, 9 / 4))


def test_best_batch_is_that_of_the_least_time_a_sample(clock: Clock) -> None:
    ways = {1: clock.call("1", 1.0), 10: clock.call("10", 4.0), 100: clock.call("100", 50.0)}
    assert timing.best_of(ways, 0.1) == 10


def test_sets_of_samples_are_bounded_by_operations_and_by_memory() -> None:
    quick, whole = (timing.Settings(Path(), 1, 0.1, quick) for quick in (True, False))
    assert whole.samples(4256, 16) == 500_000  # eight million elements
    assert whole.samples(10_000_000, 3072) == 1000  # ten billion operations
    assert quick.samples(10_000_000, 3072) == 100
    assert quick.samples(10**9, 3072) == 64


def test_exponent_of_the_larger_half() -> None:
    sizes = [1, 10, 100, 1000, 10_000, 100_000]
    times = [5.0, 5.0, 5.0, 1.0, 10.0, 100.0]  # overhead first, linear then
    assert exponent(sizes, times) == pytest.approx(1.0)
    assert exponent([2, 4], [1.0, 4.0]) == pytest.approx(2.0)


def test_profile_times_every_job_and_knows_its_operations() -> None:
    graph = chain((40, 24, 8))
    simulator = Simulator(graph, threads=1, batch=64)
    x = np.zeros((3, 40), np.int8)  # fewer than a block: they are repeated
    jobs = profile(simulator, x, 2, 1e-4)
    assert tuple(job.label for job in jobs) == simulator.jobs
    assert sum(job.macs for job in jobs) == macs_of(graph) == 40 * 24 + 24 * 8
    assert sum(job.share for job in jobs) == pytest.approx(1.0)
    assert all(job.nanoseconds > 0 for job in jobs)


def test_plot_has_every_point_inside_its_picture() -> None:
    found = [
        Growth("width", "a < b", [1, 2, 4], [1e-5, 1e-4, 1e-3], [10, 1000, 100_000], 1.0),
        Growth("batch", "samples", [1, 8], [1e-6, 2e-6], [5, 40], 0.3),
    ]
    picture = ET.fromstring(plot(found))
    space = "{http://www.w3.org/2000/svg}"
    points = picture.findall(f"{space}circle")
    assert len(points) == 5
    wide, high = float(picture.attrib["width"]), float(picture.attrib["height"])
    for point in points:
        assert 0 < float(point.attrib["cx"]) < wide and 0 < float(point.attrib["cy"]) < high


def test_page_keeps_what_stands_around_the_measurements(tmp_path: Path) -> None:
    page = tmp_path / "simulator.md"
    put(page, "one\n")
    page.write_text("typed before\n" + page.read_text() + "typed behind\n")
    put(page, "two\n")
    said = page.read_text()
    assert said.startswith("typed before\n") and said.endswith("typed behind\n")
    assert "one" not in said and said.count(BEGIN) == said.count(END) == 1
    assert said.index(BEGIN) < said.index("two") < said.index(END)


def test_page_without_markers_gets_them_at_its_end(tmp_path: Path) -> None:
    page = tmp_path / "simulator.md"
    page.write_text("# The simulator\n\nTyped.\n")
    put(page, "measured\n")
    assert page.read_text().startswith("# The simulator\n\nTyped.\n")
    assert "measured" in page.read_text()


def _record(**rows: object) -> dict[str, object]:
    rate = {"median": 2e6, "low": 1e6, "high": 3e6}
    row = {
        "part": "hls4ml",
        "network": "mlp-w4a4",
        "peer": "hls4ml C++ predict",
        "judge": "hls4ml C++ predict",
        "threads": 1,
        "wanted": 500.0,
        "peer_batch": 200,
        "peer_rate": rate,
        "rate": rate,
        "ratio": {"median": 499.0, "low": 90.0, "high": 600.0},
        "compared": 50,
        "differing": 0,
        "explained": 0,
        "unexplained": 0,
        "largest": 0.0,
        "self_differing": -1,
        "error": "",
        "notes": [],
    }
    machine = {
        "date": "2026-01-01",
        "processors": 2,
        "processor": "P",
        "family and model": "25 1",
        "vector instructions": ["avx2"],
        "kernels of the simulator": "avx2",
        "memory GB": 8.0,
        "system": "Linux",
        "g++": "12",
        "versions": {"numpy": "2.0"},
        "load before": [0.1, 0.1, 0.1],
    }
    settings = {"command": "c", "repetitions": 3, "least seconds": 0.1, "clock": "wall"}
    return {"machine": machine, "settings": settings, "comparisons": [{**row, **rows}]}


@pytest.mark.parametrize(("ratio", "said"), [(499.9, "| no |"), (500.0, "| yes |")])
def test_a_goal_is_reached_by_the_ratio_of_medians(ratio: float, said: str) -> None:
    page = text(_record(ratio={"median": ratio, "low": 1.0, "high": 900.0}), None)
    assert said in page and "0 of 50" in page


def test_differences_and_their_judge_are_stated() -> None:
    page = text(_record(differing=3, largest=1.0, judge="Brevitas eval"), None)
    assert "3 of 50 (Brevitas eval), by at most 1" in page


def test_ties_are_told_from_faults() -> None:
    page = text(_record(differing=3, explained=3, largest=1.0), None)
    assert "3 of 50, by at most 1, all from rounding ties" in page
    page = text(_record(differing=3, explained=1, unexplained=2, largest=1.0), None)
    assert "3 of 50, by at most 1, 1 from rounding ties, 2 unexplained" in page


def test_a_peer_that_differs_from_itself_is_said_to() -> None:
    assert "0 of 50 (7 from itself)" in text(_record(self_differing=7), None)


def test_a_peer_that_is_missing_is_said_to_be() -> None:
    assert "not installed (da4ml)" in text(_record(error="not installed (da4ml): pip"), None)


@pytest.mark.parametrize(("load", "provisional"), [(0.2, False), (3.0, True)])
def test_a_busy_machine_makes_figures_provisional(load: float, provisional: bool) -> None:
    record = _record()
    record["machine"]["load before"] = [load, load, load]  # type: ignore[index]
    assert ("provisional" in text(record, None)) == provisional


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--clock process", "--clock process is for --threads 1"),
        ("--threads 0", "positive"),
        ("--only speed", "invalid choice"),
    ],
)
def test_wrong_options_are_refused(
    words: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["simulator", *words.split()])
    with pytest.raises(SystemExit) as caught:
        simulator.main()
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_short_run_writes_a_record_and_a_page(tmp_path: Path) -> None:
    record, page = tmp_path / "results" / "record.json", tmp_path / "simulator.md"
    command = "-m benchmarks.simulator --quick --only overhead --repetitions 1".split()
    files = ["--folder", str(tmp_path), "--output", str(record), "--page", str(page)]
    subprocess.run([sys.executable, *command, *files], cwd=ROOT, check=True, timeout=120)
    found = json.loads(record.read_text())
    low, high = found["overhead"]["quartiles us"]
    assert 0 < found["overhead"]["least us"] <= low <= found["overhead"]["median us"] <= high
    assert found["machine"]["processors"] >= 1 and len(found["machine"]["load before"]) == 3
    assert str(tmp_path) not in record.read_text()
    assert f"takes {found['overhead']['median us']:.0f} microseconds" in page.read_text().replace(
        "\n", " "
    )
    assert not list(record.parent.glob("*.partial"))


def test_only_rounding_ties_are_explained(tmp_path: Path) -> None:
    from benchmarks import simulator_peers as peers
    from benchmarks.simulator_networks import integers_of, make, reals_as_integers
    from benchmarks.simulator_ties import explained
    from hwcompress.frontend import import_model

    network = make("mlp-w8a8", tmp_path)
    path = peers.qdq_file(network, tmp_path)
    imported = import_model(path)
    samples = network.samples(10_000)
    theirs = peers.onnxruntime_session(path, 1)(samples)
    ours = np.asarray(Simulator(imported.graph)(integers_of(imported.graph, samples)))
    gap = np.abs(reals_as_integers(imported.graph, theirs) - ours).max(axis=1)
    wrong = np.flatnonzero(gap > 0.01)
    assert len(wrong) < 10
    few = np.concatenate([wrong, np.arange(5)])
    assert explained(imported, samples[few], theirs[few], ours[few]).all()
    # Neither side may be what no rounding makes of it.
    tensor = imported.graph.tensors[imported.graph.outputs[0].inputs[0]]
    spoilt = theirs[few].copy()
    spoilt[-1, 0] += float(np.asarray(tensor.affine.scale).reshape(-1)[0])
    assert explained(imported, samples[few], spoilt, ours[few]).tolist() == [True] * (
        len(few) - 1
    ) + [False]
    other = ours[few].copy()
    other[-2, 1] -= 1
    assert not explained(imported, samples[few], theirs[few], other)[-2]
