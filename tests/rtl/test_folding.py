"""Foldings: legal lanes, the default choice, files, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.folding import Folding, Lanes, default_folding, engine, legal_foldings
from hwcompress.ir import Conv, Dense, Graph, IntType, Reshape, Threshold

from .graphs import chain, random_graph


def _net() -> Graph:
    rng = np.random.default_rng(0)
    ops = [
        Conv("c", ("t0",), ("t1",), rng.integers(-7, 8, (6, 3, 3, 4)), IntType(-7, 7)),
        Threshold(
            "t", ("t1",), ("t2",), np.sort(rng.integers(-90, 90, (6, 3)), axis=1),
            np.ones(6, np.int64), IntType(0, 3),
        ),
        Reshape("r", ("t2",), ("t3",), (24,)),
        Dense("d", ("t3",), ("t4",), rng.integers(-7, 8, (10, 24)), IntType(-7, 7)),
    ]  # fmt: skip
    return chain("net", (4, 4, 4), IntType(0, 15), ops)


def test_legal_lanes_divide_rows_and_channels() -> None:
    """PE divides the output channels, SIMD the input channels; a reshape has none."""
    legal = legal_foldings(_net())
    assert list(legal) == ["c", "t", "d"]
    serial = {x for x in legal["c"] if x.simd <= 4}
    assert {x.pe for x in serial} == {1, 2, 3, 6} and {x.simd for x in serial} == {1, 2, 4}
    # All nine positions: of all channels, or for all rows; of two windows at once.
    assert set(legal["c"]) - serial == {
        Lanes(1, 36), Lanes(2, 36), Lanes(3, 36), Lanes(6, 9), Lanes(6, 18), Lanes(6, 36),
        Lanes(6, 36, 2),
    }  # fmt: skip
    assert {x.pe for x in legal["d"]} == {1, 2, 5, 10} and len(legal["d"]) == 4 * 8
    # Thresholds may take the two pixels of a row at once.
    assert legal["t"] == (Lanes(1), Lanes(2), Lanes(3), Lanes(6), Lanes(12))


def test_depthwise_lanes() -> None:
    """Channels as PE, and one position or all of them as SIMD."""
    op = Conv(
        "c", ("t0",), ("t1",), np.ones((4, 3, 3, 1), np.int64), IntType(0, 1), None, (1, 1),
        (1, 1, 1, 1), (1, 1), 4,
    )  # fmt: skip
    graph = chain("depthwise", (6, 6, 4), IntType(0, 3), [op])
    (choices,) = legal_foldings(graph).values()
    assert set(choices) == {
        *(Lanes(pe, simd) for pe in (1, 2, 4) for simd in (1, 9)),
        *(Lanes(4, 9, pixels) for pixels in (2, 3)),  # six would wait for a second row
    }
    item = engine(op, graph)
    assert item is not None
    assert [item.cycles(Lanes(4, simd)) for simd in (1, 9)] == [36 * 9, 36]
    assert [item.cycles(Lanes(4, 9, pixels)) for pixels in (2, 3)] == [18, 12]
    assert item.lanes_in(Lanes(4, 9, 3)) == item.lanes_out(Lanes(4, 9, 3)) == 12


def test_cycles() -> None:
    """Pixels times output folds times input folds, or the fill of the line buffer."""
    graph = _net()
    conv = engine(graph.layers[0], graph)
    assert conv is not None
    assert conv.cycles(Lanes(1, 1)) == 4 * 6 * 9 * 4
    assert conv.cycles(Lanes(6, 4)) == 4 * 9
    assert conv.cycles(Lanes(6, 9)) == 4 * 16  # the input, four beats a pixel
    assert conv.cycles(Lanes(6, 36)) == 16
    assert conv.cycles(Lanes(1, 36)) == 2 * (4 + 5 * 2)  # rows of pixels, six times for windows
    assert conv.cycles(Lanes(6, 36, 2)) == 8
    thin = Conv(
        "s", ("t0",), ("t1",), np.ones((2, 1, 1, 4), np.int64), IntType(0, 1), stride=(3, 3)
    )
    strided = chain("strided", (7, 7, 4), IntType(0, 3), [thin])
    item = engine(thin, strided)  # it takes the skipped pixels, too
    assert item is not None and item.cycles(Lanes(2, 2)) == 7 * 7 * 2
    dense = engine(graph.layers[3], graph)
    assert dense is not None and dense.cycles(Lanes(2, 3)) == 5 * 8


@pytest.mark.parametrize("seed", range(8))
def test_default_meets_the_target(seed: int) -> None:
    """No engine exceeds the target, and a tighter budget is never faster."""
    graph = random_graph(np.random.default_rng(seed))

    def interval(folding: Folding) -> int:
        engines = [(op, engine(op, graph)) for op in graph.layers]
        return max(item.cycles(folding.of(op)) for op, item in engines if item is not None)

    fastest = interval(default_folding(graph, lut_budget=1e9))
    slowest = interval(default_folding(graph, lut_budget=0))
    assert fastest <= interval(default_folding(graph)) <= slowest
    for target in (fastest, 2 * fastest, slowest):
        folding = default_folding(graph, target_cycles=target)
        folding.check(graph)
        assert interval(folding) <= target
    if fastest > 1:
        with pytest.raises(InputError, match=f"needs at least {fastest} cycles"):
            default_folding(graph, target_cycles=fastest - 1)


def test_files() -> None:
    """JSON round trip; a file that is something else is refused."""
    folding = default_folding(_net())
    assert Folding.from_json(folding.to_json()) == folding
    several = Folding({**folding.lanes, "c": Lanes(6, 36, 2)})
    assert Folding.from_json(several.to_json()) == several
    for text in ("", "[]", "{}", '{"format": "other", "engines": {}}',
                 '{"format": "hwcompress-folding-1", "engines": {"c": {"pe": 0}}}',
                 '{"format": "hwcompress-folding-1", "engines": {"c": {"pe": "4"}}}'):  # fmt: skip
        with pytest.raises(InputError, match="is not a folding"):
            Folding.from_json(text)


def test_refusals_name_the_engine_and_its_choices() -> None:
    """Lanes that divide nothing, missing engines, engines that do not exist."""
    graph = _net()
    good = dict(default_folding(graph).lanes)
    with pytest.raises(InputError, match=r"pe=4, simd=1 cannot fold Conv 'c'.*1, 2, 3, 6"):
        Folding({**good, "c": Lanes(4, 1)}).check(graph)
    with pytest.raises(InputError, match="says nothing about Dense 'd'"):
        Folding({name: good[name] for name in ("c", "t")}).check(graph)
    with pytest.raises(InputError, match="names 'zz', which is no engine"):
        Folding({**good, "zz": Lanes(1, 1)}).check(graph)
