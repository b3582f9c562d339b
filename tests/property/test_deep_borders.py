"""Padding below an image that is as high as the windows: some of them hold nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.ir import Conv, Graph, Input, IntType, Output
from tests.property.cases import Case, _folding, fifo_depths, plan
from tests.property.check import check_network


@pytest.mark.parametrize(
    ("kernel", "padding", "stride"),
    [
        ((1, 3), (0, 2, 1, 1), (1, 2)),
        ((3, 3), (1, 1, 4, 1), (1, 1)),
        ((1, 1), (0, 0, 2, 0), (1, 1)),
    ],
)
def test_windows_below_the_image(
    kernel: tuple[int, int],
    padding: tuple[int, int, int, int],
    stride: tuple[int, int],
    tmp_path: Path,
) -> None:
    """They must not release rows of the next image."""
    weight = np.random.default_rng(3).integers(-3, 4, (1, *kernel, 1)).astype(np.int64)
    graph = Graph.build(
        "borders",
        [
            Input("input", (), ("input",), (6, 7, 1), (0, 1, 2), (6, 7, 1), IntType(0, 7), 1.0),
            Conv("conv", ("input",), ("conv",), weight, IntType(-3, 3), None, stride, padding),
            Output("output", ("conv",), ()),
        ],
        {},
        [],
    )
    for number in range(3):
        folding = _folding(graph, np.random.default_rng(number), False)
        made = plan(graph, folding)
        case = Case(number, graph, made.builder.folding, made, fifo_depths(made.design()))
        check_network(case, tmp_path / f"design_{number}")
