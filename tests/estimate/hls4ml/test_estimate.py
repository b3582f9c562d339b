"""Estimates of whole graphs, from the plan of their hls4ml project."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.estimate.hls4ml import (
    Product,
    Weights,
    estimate_hls4ml,
    estimate_product,
    family_of,
)
from hwcompress.hls.estimate.hls4ml.fit import layer_errors
from hwcompress.hls.estimate.hls4ml.synthesis import ratio
from hwcompress.hls.hls4ml.plan import make_plan
from hwcompress.ir import Graph
from tests.hls4ml.graphs import U4, IntType, Net, dense_net, image_net, mixed_net, reused_net


def _dense(reuse: int | None = None) -> tuple[Graph, np.ndarray]:
    net = Net("one", (20,), U4, seed=7)
    net.dense(16, IntType(-100, 100))
    net.output()
    graph = net.graph()
    return graph, graph.layers[0].weight  # type: ignore[attr-defined]


def test_one_layer() -> None:
    """A dense layer is the product that its matrix is, and nothing else."""
    graph, weight = _dense()
    found = estimate_hls4ml(graph, part="xczu3eg-sbva484-1-e", clock_ns=5.0)
    (layer,) = [item for item in found.layers if item.fitted]
    product = Product(
        inputs=20, outputs=16, weights=Weights.of(weight.T), weight_bits=8, input_bits=4,
        sum_bits=make_plan(graph, "auto", None).layers[1].choice.result.bits,
    )  # fmt: skip
    assert layer.counts == estimate_product(product, 5.0, "ultrascale+")
    assert layer.multiplications == np.count_nonzero(weight)
    assert found.compiled == layer.counts
    assert (found.io_type, found.interval, found.fitted_share) == ("io_parallel", 1, 1.0)


def test_reuse_of_the_plan() -> None:
    """A reuse factor of the plan is that of the estimate: Resource, and its note."""
    graph, _ = _dense()
    found = estimate_hls4ml(graph, reuse=20)
    (layer,) = [item for item in found.layers if item.fitted]
    assert (layer.strategy, layer.reuse, layer.multiplications) == ("resource", 20, 16)
    assert (found.interval, found.latency) == (20, 21)
    assert layer.counts.bram18 == 4  # 16 constants of 8 bits, 36 bits a block
    assert any("Resource" in note for note in found.notes)


def test_interval_of_the_resources() -> None:
    """Logic synthesis leaves the middle; errors of layers and spread are joined."""
    graph, _ = _dense()
    found = estimate_hls4ml(graph)
    spread = ratio("lut")
    assert found.synthesized.lut == pytest.approx(found.compiled.lut * spread.middle)
    assert found.low.lut < found.compiled.lut * spread.low < found.synthesized.lut
    assert found.high.lut > found.synthesized.lut * layer_errors("latency", "lut").most
    assert found.low.ff < found.synthesized.ff < found.high.ff


@pytest.mark.parametrize("make", [dense_net, image_net, mixed_net, reused_net])
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_every_operation(make: object, io_type: str) -> None:
    """Every layer of the plan has an estimate, in order, and the whole is their sum."""
    graph = make()  # type: ignore[operator]
    plan = make_plan(graph, io_type, None)
    found = estimate_hls4ml(graph, io_type=io_type)
    assert [item.name for item in found.layers] == [item.name for item in plan.layers]
    assert found.compiled.lut == pytest.approx(sum(item.counts.lut for item in found.layers))
    assert found.interval == max(item.interval for item in found.layers)
    assert found.latency >= max(item.latency for item in found.layers if item.fitted) > 0
    assert 0 < found.fitted_share < 1
    assert any("without a public report" in note for note in found.notes)
    assert all(item.counts.lut >= 0 and item.counts.ff >= 0 for item in found.layers)


def test_convolution_on_a_stream() -> None:
    """It reads every pixel; and keeps two rows of 8 pixels of 3 channels of 4 bits."""
    net = Net("conv", (8, 8, 3), U4, seed=8)
    net.conv(4, (3, 3), IntType(-7, 7))
    net.output()
    found = estimate_hls4ml(net.graph(), io_type="io_stream")
    (layer,) = [item for item in found.layers if item.fitted]
    assert layer.interval == 8 * 8 + 3
    inside = estimate_hls4ml(net.graph(), io_type="io_parallel")
    (other,) = [item for item in inside.layers if item.fitted]
    assert other.interval == 6 * 6


def test_families() -> None:
    """Names of devices; others are refused."""
    assert family_of("XC7A35T") == "7series"
    assert [family_of(part) for part in ("xck26", "xcu250", "xczu9eg", "xcvu9p")] == [
        "ultrascale+"
    ] * 4
    with pytest.raises(InputError, match="no estimate of an hls4ml design for 'LFE5U-85F'"):
        family_of("LFE5U-85F")
    with pytest.raises(InputError, match="clock period 0"):
        estimate_hls4ml(_dense()[0], clock_ns=0)
