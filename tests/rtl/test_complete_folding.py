"""Foldings that name some engines: the others follow and slow nothing down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.folding import Folding, Lanes, Style, engine, legal_foldings
from hwcompress.hls.folding.complete import complete_folding, read_folding
from hwcompress.ir import Conv, Dense, IntType, MaxPool, Threshold

from .graphs import chain, random_graph


def test_thresholds_follow() -> None:
    """As many lanes as arrive; more where the interval asks for them."""
    rng = np.random.default_rng(1)
    ops = [
        Conv("c", ("t0",), ("t1",), rng.integers(-7, 8, (6, 1, 1, 4)), IntType(-7, 7)),
        Threshold("t", ("t1",), ("t2",), np.sort(rng.integers(-90, 90, (6, 3)), axis=1),
                  np.ones(6, np.int64), IntType(0, 3)),
        MaxPool("p", ("t2",), ("t3",), (2, 2), (2, 2)),
    ]  # fmt: skip
    graph = chain("net", (4, 4, 4), IntType(0, 15), ops)
    assert complete_folding(graph, Folding({"c": Lanes(2, 4)})).lanes == {
        "c": Lanes(2, 4), "t": Lanes(2), "p": Lanes(2),
    }  # fmt: skip
    # 16 pixels, 3 output folds, 2 input folds: 96 elements on 1 lane are just fast enough.
    assert complete_folding(graph, Folding({"c": Lanes(2, 2)})).lanes["t"] == Lanes(2)
    assert complete_folding(graph, Folding({"p": Lanes(6)})).lanes["t"] == Lanes(6)


def test_styles_stay() -> None:
    """A file that was exported with styles is taken back whole."""
    weight = np.ones((4, 4), np.int64)
    graph = chain(
        "net", (4,), IntType(0, 15), [Dense("d", ("t0",), ("t1",), weight, IntType(0, 1))]
    )
    given = Folding({"d": Lanes(2, 2)}, {"d": Style(multiplier="lut", memory="block")})
    assert complete_folding(graph, Folding.from_json(given.to_json())) == given


@pytest.mark.parametrize("seed", range(8))
def test_named_engines_stay_the_slowest(seed: int) -> None:
    rng = np.random.default_rng([seed, 77])
    graph = random_graph(rng)
    legal = legal_foldings(graph)
    named = {
        op.name: legal[op.name][rng.integers(len(legal[op.name]))]
        for op in graph.layers
        if isinstance(op, Conv | Dense)
    }
    if not named:
        pytest.fail(f"seed {seed} has no matrix engine: draw another")
    done = complete_folding(graph, Folding(named))
    made = {op.name: engine(op, graph) for op in graph.layers}
    cycles = {name: item.cycles(done.lanes[name]) for name, item in made.items() if item}
    slowest = max(cycles[name] for name in named)
    for name, count in cycles.items():
        item = made[name]
        assert item is not None
        assert count <= max(slowest, min(item.cycles(lanes) for lanes in item.choices()))


def test_refusals(tmp_path: Path) -> None:
    """Names of another graph, lanes that do not divide, files that are none."""
    graph = random_graph(np.random.default_rng(1))
    with pytest.raises(InputError, match="names no engine of"):
        complete_folding(graph, Folding({"nobody": Lanes(1)}))
    first = next(iter(legal_foldings(graph)))
    with pytest.raises(InputError, match="cannot fold"):
        complete_folding(graph, Folding({first: Lanes(997)}))
    with pytest.raises(InputError, match="which is no engine"):
        complete_folding(graph, Folding({first: Lanes(1), "nobody": Lanes(1)}))
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        read_folding(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(InputError, match=r"bad\.json: is not a folding"):
        read_folding(tmp_path / "bad.json")
