"""The compiled C++ equals the reference interpreter on every integer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.hls4ml import HlsProject, convert
from hwcompress.ir import Graph, evaluate, trace
from tests.hls4ml import graphs

COUNT = 120
ALL = (graphs.dense_net, graphs.image_net, graphs.mixed_net, graphs.reused_net)


def compare(project: HlsProject, seed: int) -> None:
    feeds = graphs.samples(project.graph, COUNT, seed)
    expected = evaluate(project.graph, feeds)
    actual = project.predict_all(feeds)
    assert expected.keys() == actual.keys()
    for name, values in expected.items():
        assert actual[name].dtype == np.int64
        np.testing.assert_array_equal(values, actual[name], err_msg=f"{name}, seed {seed}")


@pytest.mark.parametrize("make", ALL)
def test_the_test_graphs_are_not_degenerate(make: Callable[[], Graph]) -> None:
    graph = make()
    values = trace(graph, graphs.samples(graph, COUNT, 11))
    for name, integers in values.items():
        if graph.tensors[name].dtype.count > 1:
            assert len(np.unique(integers)) > 1, name


@pytest.mark.parametrize(
    ("make", "io_type", "reuse"),
    [
        (graphs.dense_net, "io_parallel", None),
        (graphs.image_net, "io_stream", None),
        (graphs.image_net, "io_parallel", None),
        (graphs.mixed_net, "io_stream", None),
        (graphs.reused_net, "io_stream", {"conv_1": 9, "dense_4": 128, "dense_6": 4}),
    ],
)
def test_exact(
    make: Callable[[], Graph],
    io_type: str,
    reuse: Mapping[str, int] | None,
    tmp_path: Path,
) -> None:
    compare(convert(make(), tmp_path / "project", io_type=io_type, reuse=reuse), seed=21)


@pytest.mark.long
@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_exact_in_both_styles(make: Callable[[], Graph], io_type: str, tmp_path: Path) -> None:
    compare(convert(make(), tmp_path / "project", io_type=io_type), seed=22)


@pytest.mark.long
@pytest.mark.parametrize("make", [graphs.dense_net, graphs.image_net])
def test_trace_equals_the_reference_in_every_tensor(
    make: Callable[[], Graph], tmp_path: Path
) -> None:
    graph = make()
    feeds = graphs.samples(graph, 20, 23)
    actual = convert(graph, tmp_path / "project").trace(feeds)
    expected = trace(graph, feeds)
    assert expected.keys() == actual.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(values, actual[name], err_msg=name)


@pytest.mark.long
def test_a_binary_mnist_network_of_full_size(tmp_path: Path) -> None:
    net = graphs.Net("tfc", (784,), graphs.BIPOLAR, seed=5)
    for _ in range(3):
        net.dense(64, graphs.BIPOLAR)
        net.threshold(graphs.BIPOLAR)
    net.dense(10, graphs.BIPOLAR)
    net.output()
    compare(convert(net.graph(), tmp_path / "project"), seed=24)
