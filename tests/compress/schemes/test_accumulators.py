"""A2Q: sums that cannot overflow, and the same network without it, whose sums do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.schemes import (
    AccumulatorWidth,
    FixedPoint,
    apply_scheme,
    settle,
    sum_bounds,
)
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.ir import Conv, Dense, Graph
from hwcompress.sim import Simulator
from hwcompress.sim.effects import Accumulators, EffectSimulator
from tests.compress.schemes.networks import cnn8, data, imported, right, trained, trained_float

BITS = 12
INPUT_BITS = 5


def wrapped(graph: Graph, bits: int) -> tuple[int, int, float]:
    """Overflows on the way, wrong sums, and percent right with registers that wrap."""
    integers = graph.inputs[0].encode(data().test_x)
    simulator = EffectSimulator(graph, accumulators=Accumulators(bits, "wrap"))
    outputs = simulator(integers)
    counters = simulator.counters.values()
    assert isinstance(outputs, np.ndarray)
    accuracy = 100 * float(np.mean(outputs.reshape(len(integers), -1).argmax(1) == data().test_y))
    overflowed = sum(item.overflowed for item in counters)
    changed = sum(item.changed for item in counters)
    if not changed:
        assert np.array_equal(outputs, Simulator(graph)(integers))
    return overflowed, changed, accuracy


def check_bounds(module: nn.Module, graph: Graph, bits: int) -> None:
    """No input at all can overflow, not only those of the test: by the weights themselves."""
    layers = [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    ops = [op for op in graph.ops if isinstance(op, Conv | Dense)]
    for part, op in zip(layers, ops, strict=True):
        kind = graph.tensors[op.inputs[0]].dtype
        least, greatest = sum_bounds(part, min(kind.lo, 0), kind.hi)
        assert -(2 ** (bits - 1)) <= least and greatest < 2 ** (bits - 1)
        assert op.bias is None
        assert graph.tensors[op.outputs[0]].dtype.bits <= bits


def run(epochs: int, centred: bool, path: Path) -> float:
    scheme = AccumulatorWidth(
        accumulator_bits=BITS, weight_bits=8, centred=centred, input_bits=INPUT_BITS
    )
    module = trained(scheme, trained_float(), epochs=epochs, rate=5e-3)
    settle(module)
    graph = imported(module, path).graph
    check_bounds(module, graph, BITS)
    overflowed, changed, accuracy = wrapped(graph, BITS)
    assert (overflowed, changed) == (0, 0)

    twin = trained(
        FixedPoint(weight_bits=8, act_bits=4, edge_bits=0, input_bits=INPUT_BITS),
        trained_float(),
        epochs=min(epochs, 2),
    )
    settle(twin)
    twin_graph = imported(twin, path).graph
    twin_overflowed, twin_changed, twin_accuracy = wrapped(twin_graph, BITS)
    assert twin_overflowed > 0 and twin_changed > 0
    print(
        f"\n{BITS}-bit registers that wrap: {'A2Q+' if centred else 'A2Q'} {accuracy:.1f} %,"
        f" 0 overflows; without it {twin_accuracy:.1f} %, {twin_overflowed} sums overflowed,"
        f" {twin_changed} of them wrong (in wide registers {right(twin):.1f} %)"
    )
    return accuracy


def test_no_sum_overflows(tmp_path: Path) -> None:
    assert run(4, True, tmp_path) >= 80


@pytest.mark.long
@pytest.mark.parametrize(("centred", "least"), [(False, 94.0), (True, 97.0)])
def test_no_sum_overflows_and_the_network_works(
    centred: bool, least: float, tmp_path: Path
) -> None:
    assert run(12, centred, tmp_path) >= least


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("bits", [10, 14])
def test_untrained_networks_keep_the_width(bits: int, centred: bool, tmp_path: Path) -> None:
    scheme = AccumulatorWidth(accumulator_bits=bits, centred=centred, input_bits=4, act_bits=3)
    module = apply_scheme(cnn8(3), scheme, data().x[:64])
    settle(module)
    check_bounds(module, imported(module, tmp_path).graph, bits)


class Joined(nn.Module):  # type: ignore[misc]
    """Reads its input, of eight bits, beside an activation of four."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(3, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.cat([x, torch.relu(self.first(x))], 1)).flatten(1)


def test_refusals() -> None:
    with pytest.raises(InputError, match="accumulator of 6 bits for inputs of 8 bits"):
        apply_scheme(cnn8(), AccumulatorWidth(accumulator_bits=6), data().x[:16])
    with pytest.raises(UnsupportedError, match="not quantized to one type"):
        apply_scheme(Joined(), AccumulatorWidth(), data().x[:16])
