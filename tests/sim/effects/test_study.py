"""What effects cost, and reliability studies, recomputed by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.ir import Affine, ArgMax, Dense, Graph, Input, IntType, Output, Threshold, evaluate
from hwcompress.sim.effects import (
    Accumulators,
    EffectSimulator,
    Faults,
    effect_cost,
    reliability_study,
    write_rows,
)
from hwcompress.sim.effects.study import first_output_classes

_N = 60


def _graph() -> Graph:
    rng = np.random.default_rng(4)
    return Graph.build(
        "net",
        [
            Input("in", (), ("x",), (6,), (0,), (6,), IntType(0, 15), 1.0),
            Dense("d1", ("x",), ("s",), rng.integers(-7, 8, (8, 6)), IntType(-7, 7)),
            Threshold(
                "t", ("s",), ("q",), np.sort(rng.integers(-60, 60, (8, 3))), np.array([1]),
                IntType(0, 3),
            ),
            Dense("d2", ("q",), ("y",), rng.integers(-7, 8, (4, 8)), IntType(-7, 7)),
            Output("out", ("y",), ()),
        ],
        {"y": Affine((0.5, 2.0, 1.0, -1.0), (0.0, 1.0, 0.0, 3.0))},
    )  # fmt: skip


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.integers(0, 16, (_N, 6)), rng.integers(0, 4, _N)


def _classes(integers: np.ndarray) -> np.ndarray:
    return np.argmax(integers * [0.5, 2.0, 1.0, -1.0] + [0.0, 1.0, 0.0, 3.0], axis=1)


@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
def test_what_narrow_accumulators_cost(overflow: str) -> None:
    graph, (x, y) = _graph(), _data()
    accumulators = Accumulators({"d1": 7}, overflow)
    simulator = EffectSimulator(graph, accumulators=accumulators)
    found, exact = simulator(x), evaluate(graph, x)["y"]
    cost = effect_cost(graph, x, y, accumulators=accumulators)
    assert cost.samples == _N
    assert cost.accuracy_exact == np.mean(_classes(exact) == y)
    assert cost.accuracy == np.mean(_classes(found) == y)
    assert cost.changed_outputs == np.mean(found != exact) > 0
    assert cost.changed_classes == np.mean(_classes(found) != _classes(exact)) > 0
    assert cost.counters == simulator.counters
    assert cost.counters["d1"].changed > 0 == cost.counters["d2"].changed


def test_without_labels_or_effects() -> None:
    graph, (x, y) = _graph(), _data()
    cost = effect_cost(graph, {"x": x})
    assert (cost.accuracy_exact, cost.accuracy) == (None, None)
    assert (cost.changed_outputs, cost.changed_classes) == (0, 0)
    cost = effect_cost(graph, x, y, decide=lambda graph, outputs: np.zeros(_N, np.int64))
    assert cost.accuracy == cost.accuracy_exact == np.mean(y == 0)


def test_a_study_is_the_mean_over_seeds(tmp_path: Path) -> None:
    graph, (x, y) = _graph(), _data()
    exact = evaluate(graph, x)["y"]
    seen: list[tuple[int, int]] = []
    rows = reliability_study(
        graph, x, y, rates=(0.01, 0.1), seeds=(3, 8, 9), parts=("weights", "activations", "all"),
        threads=1, progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert [(row.part, row.rate) for row in rows] == [
        (part, rate) for part in ("weights", "activations", "all") for rate in (0.01, 0.1)
    ]
    assert seen == [(i + 1, 18) for i in range(18)]
    for row in rows:
        rates = {
            name: row.rate
            for name in ("weights", "thresholds", "activations")
            if row.part in (name, "all")
        }
        results, flips = [], []
        for seed in (3, 8, 9):
            simulator = EffectSimulator(graph, faults=Faults(**rates, seed=seed))  # type: ignore[arg-type]
            results.append(simulator(x))
            flips.append(len(simulator.flips()))
        accuracies = [np.mean(_classes(found) == y) for found in results]
        assert row.seeds == 3 and row.flips == pytest.approx(np.mean(flips))
        assert row.accuracy == pytest.approx(np.mean(accuracies))
        assert (row.accuracy_least, row.accuracy_most) == (min(accuracies), max(accuracies))
        assert row.changed_outputs == pytest.approx(np.mean([f != exact for f in results]))
        moved = [_classes(found) != _classes(exact) for found in results]
        assert row.changed_classes == pytest.approx(np.mean(moved))
    assert rows[1].changed_outputs > rows[0].changed_outputs > 0
    write_rows(tmp_path / "study.csv", rows)
    with (tmp_path / "study.csv").open(encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    assert [float(line["accuracy"]) for line in table] == [row.accuracy for row in rows]
    assert [line["part"] for line in table] == [row.part for row in rows]


def test_a_study_without_labels(tmp_path: Path) -> None:
    graph, (x, _) = _graph(), _data()
    rows = reliability_study(graph, x, rates=(0.0,), seeds=1, only=("d1",))
    assert [row.accuracy for row in rows] == [None] * 3
    assert [row.changed_outputs for row in rows] == [0.0] * 3
    write_rows(tmp_path / "study.csv", rows)
    assert (tmp_path / "study.csv").read_text().splitlines()[1] == "weights,0.0,1,0.0,,,,0.0,0.0"


def test_classes_of_other_outputs() -> None:
    one = Graph.build(
        "one",
        [
            Input("in", (), ("x",), (2,), (0,), (2,), IntType(-3, 3), 1.0),
            Dense("d", ("x",), ("y",), np.array([[1, 1]]), IntType(0, 1)),
            Output("out", ("y",), ()),
        ],
    )
    x = np.array([[1, 2], [-1, 1], [-3, 0]])
    assert first_output_classes(one, evaluate(one, x)).tolist() == [1, 0, 0]
    positive = Graph.build(
        "positive",
        [
            Input("in", (), ("x",), (1,), (0,), (1,), IntType(0, 3), 1.0),
            Dense("d", ("x",), ("y",), np.array([[1]]), IntType(0, 1)),
            Output("out", ("y",), ()),
        ],
        {"y": Affine((0.25,), (0.0,))},
    )
    found = first_output_classes(positive, evaluate(positive, np.array([[1], [2], [3]])))
    assert found.tolist() == [0, 0, 1]
    top = Graph.build(
        "top",
        [
            Input("in", (), ("x",), (3,), (0,), (3,), IntType(-3, 3), 1.0),
            ArgMax("a", ("x",), ("y",)),
            Output("out", ("y",), ()),
        ],
    )
    assert first_output_classes(top, evaluate(top, np.array([[1, 3, 3], [2, 0, 1]]))).tolist() == [
        1,
        0,
    ]


def test_wrong_studies() -> None:
    graph, (x, y) = _graph(), _data()
    with pytest.raises(InputError, match=r"labels of shape \(59,\) for 60 samples"):
        effect_cost(graph, x, y[:-1])
    with pytest.raises(InputError, match="effects: no samples"):
        effect_cost(graph, x[:0])
    with pytest.raises(InputError, match="0 seeds, 1 rates, 3 parts"):
        reliability_study(graph, x, y, rates=(0.1,), seeds=0)
    with pytest.raises(InputError, match="part 'bias'. Remedy: choose weights, thresholds, act"):
        reliability_study(graph, x, y, parts=("bias",))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="fault rate 2 of weights"):
        reliability_study(graph, x, y, rates=(2,))
