"""Every legal folding of small convolutions: the same integers, and the cycles it states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.folding import Folding, Lanes, legal_foldings
from hwcompress.ir import BIPOLAR, Conv, IntType, MaxPool, Rescale, SumPool, Threshold

from .designs import check_design
from .graphs import chain, draw

_N0 = (("t0",), ("t1",))
_W = IntType(-3, 3)
_SAME = (1, 1, 1, 1)

# name: image, input type, rows, kernel, weight type, stride, padding, dilation, groups, pad value
CONVS = {
    "first layer": ((4, 4, 1), IntType(0, 15), 2, (3, 3), _W, (1, 1), _SAME, (1, 1), 1, 0),
    "colours": ((3, 4, 3), IntType(0, 7), 2, (2, 3), _W, (1, 1), (0, 1, 0, 1), (1, 1), 1, 0),
    "strided": ((4, 8, 2), IntType(-4, 3), 2, (3, 3), _W, (2, 2), _SAME, (1, 1), 1, 2),
    "grouped": ((4, 3, 4), IntType(0, 3), 4, (2, 3), _W, (1, 1), (1, 1, 0, 1), (1, 1), 2, 1),
    "depthwise": ((4, 6, 2), IntType(0, 3), 2, (3, 3), _W, (1, 1), _SAME, (1, 1), 2, 0),
    "dilated": ((5, 6, 2), IntType(0, 3), 2, (2, 2), _W, (1, 1), (2, 1, 0, 1), (2, 2), 1, -1),
    "binary": ((3, 4, 2), BIPOLAR, 2, (3, 3), BIPOLAR, (1, 1), _SAME, (1, 1), 1, 1),
    "one row": ((1, 12, 2), IntType(0, 3), 2, (1, 3), _W, (1, 1), (0, 1, 0, 1), (1, 1), 1, 0),
    "pointwise": ((2, 6, 2), IntType(0, 3), 4, (1, 1), _W, (1, 1), (0,) * 4, (1, 1), 1, 0),
    "subsampled": ((4, 8, 2), IntType(0, 3), 2, (1, 1), _W, (2, 2), (0,) * 4, (1, 1), 1, 0),
}  # fmt: skip


def _conv(name: str) -> tuple[Conv, tuple[int, int, int], IntType]:
    image, dtype, rows, kernel, wtype, stride, padding, dilation, groups, pad = CONVS[name]
    rng = np.random.default_rng([len(name), 51])
    weight = draw(rng, wtype, (rows, *kernel, image[2] // groups))
    bias = rng.integers(-9, 9, rows)
    op = Conv("c", *_N0, weight, wtype, bias, stride, padding, dilation, groups, pad)
    return op, image, dtype


@pytest.mark.parametrize("name", CONVS)
def test_every_folding_of_a_convolution(tmp_path: Path, name: str) -> None:
    """Exact integers, and the interval of frames sent back to back."""
    op, image, dtype = _conv(name)
    graph = chain(name, image, dtype, [op])
    choices = legal_foldings(graph)["c"]
    assert any(lanes.pixels > 1 for lanes in choices) or op.groups == 2
    for number, lanes in enumerate(choices):
        design, response = check_design(
            graph, Folding({"c": lanes}), tmp_path / f"{number}", frames=6, seed=number
        )
        beats = design.outputs[0].beats_per_frame
        measured = np.diff(response.cycles[beats - 1 :: beats])[3:]
        assert list(measured) == [design.interval] * 2, f"{lanes}"


@pytest.mark.parametrize("name", ["first layer", "strided", "grouped", "depthwise", "one row"])
def test_stalls(tmp_path: Path, name: str) -> None:
    """Random pauses on both sides, and a reset while something is everywhere on the way."""
    op, image, dtype = _conv(name)
    graph = chain(name, image, dtype, [op])
    taps = op.kernel[0] * op.kernel[1]
    wide = [x for x in legal_foldings(graph)["c"] if x.pixels > 1 or x.simd >= taps]
    for number, lanes in enumerate(wide):
        stalls = [(120, 0), (0, 120), (90, 90)][number % 3]
        check_design(
            graph, Folding({"c": lanes}), tmp_path / f"{number}",
            frames=4, stalls=stalls, seed=number, cut=7 * (number % 2),
        )  # fmt: skip


def test_several_pixels_through_a_chain(tmp_path: Path) -> None:
    """Two pixels of all channels in every beat, from the first to the last layer."""
    rng = np.random.default_rng(52)
    ops = [
        Conv("c0", ("t0",), ("t1",), draw(rng, _W, (4, 3, 3, 1)), _W, None, (1, 1), _SAME),
        Threshold("steps", ("t1",), ("t2",), np.sort(rng.integers(-50, 50, (4, 3)), axis=1),
                  np.array([1, -1, 1, 1]), IntType(0, 3)),
        Conv("c1", ("t2",), ("t3",), draw(rng, _W, (4, 3, 3, 1)), _W, None, (1, 1), _SAME,
             (1, 1), 4),
        Rescale("scale", ("t3",), ("t4",), np.array([3, 5, 7, -9]), np.arange(4),
                np.array([3, 4, 4, 2]), "half_even", IntType(-9, 9)),
        Conv("c2", ("t4",), ("t5",), draw(rng, _W, (2, 1, 1, 4)), _W),
        Threshold("many", ("t5",), ("t6",), np.sort(rng.integers(-99, 99, (2, 20)), axis=1),
                  np.array([1, -1]), IntType(-5, 15)),
    ]  # fmt: skip
    graph = chain("two at once", (6, 6, 1), IntType(0, 15), ops)
    folding = Folding({
        "c0": Lanes(4, 9, 2), "steps": Lanes(8), "c1": Lanes(4, 9, 2), "scale": Lanes(8),
        "c2": Lanes(2, 4, 2), "many": Lanes(4),
    })  # fmt: skip
    design, response = check_design(graph, folding, tmp_path / "a", frames=7)
    assert design.interval == 18 and design.inputs[0].elements_per_beat == 2
    beats = design.outputs[0].beats_per_frame
    assert list(np.diff(response.cycles[beats - 1 :: beats])[3:]) == [18] * 3
    check_design(graph, folding, tmp_path / "b", frames=4, stalls=(80, 80))


POOLS = {
    "halves": (MaxPool("c", *_N0, (2, 2), (2, 2)), (4, 8, 2), IntType(0, 7)),
    "overlapping": (MaxPool("c", *_N0, (3, 3), (2, 2), (1, 1, 1, 1)), (5, 8, 2), IntType(-4, 3)),
    "average": (SumPool("c", *_N0, (2, 3), (1, 1), (0, 1, 0, 1)), (4, 6, 2), IntType(-4, 3)),
    "alone": (SumPool("c", *_N0, (1, 1), (1, 1)), (1, 6, 2), IntType(0, 3)),
    "signs": (SumPool("c", *_N0, (2, 2), (1, 2), (1, 0, 1, 0), 0), (3, 8, 1), BIPOLAR),
}


@pytest.mark.parametrize("name", POOLS)
def test_every_folding_of_a_pool(tmp_path: Path, name: str) -> None:
    """Exact integers, and the interval of frames sent back to back."""
    op, image, dtype = POOLS[name]
    graph = chain(name, image, dtype, [op])
    choices = legal_foldings(graph)["c"]
    assert any(lanes.pixels > 1 for lanes in choices)
    for number, lanes in enumerate(choices):
        design, response = check_design(
            graph, Folding({"c": lanes}), tmp_path / f"{number}", frames=6, seed=number
        )
        beats = design.outputs[0].beats_per_frame
        measured = np.diff(response.cycles[beats - 1 :: beats])[3:]
        assert list(measured) == [design.interval] * 2, f"{lanes}"
