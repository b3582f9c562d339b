"""Digits with the same few bits in every layer, the first and the last one included, in the
simulator: the least that we hold. `python -m benchmarks.digits_low_bits` has three seeds and all
epochs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.digits_low_bits import LINES, Samples, few_bits, load_samples, start_for
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.train import accuracy, logits
from hwcompress.frontend import import_model
from hwcompress.frontend.check import encoded
from hwcompress.ir import BIPOLAR, Conv, Dense
from hwcompress.sim import Simulator

EPOCHS = {"w4a4": 6, "w2a2-every-layer": 6, "binary-every-layer": 20}
"""Fewer than the recipes have: seconds each."""
BITS = {"w4a4": 4, "w2a2-every-layer": 2, "binary-every-layer": 1}


@cache
def samples() -> Samples:
    torch.set_num_threads(1)
    return load_samples()


@cache
def start() -> nn.Module:
    return start_for(samples(), 0, epochs=8)


@pytest.mark.parametrize("name", EPOCHS)
def test_every_layer_has_few_bits(name: str, tmp_path: Path) -> None:
    (line,) = (item for item in LINES if item.recipe == name)
    found = samples()
    module = few_bits(line, start(), found, 0, EPOCHS[name])
    export_qonnx(module, (1, 8, 8), tmp_path / "m.onnx")
    imported = import_model(tmp_path / "m.onnx", samples=found.x)
    graph = imported.graph

    layers = [op for op in graph.layers if isinstance(op, Conv | Dense)]
    assert len(layers) == 4
    for op in layers:
        assert op.wtype.bits == BITS[name], op.name
        assert (op.wtype == BIPOLAR) == (BITS[name] == 1), op.name
    for op in layers[1:]:
        assert graph.tensors[op.inputs[0]].dtype.bits == BITS[name], op.name

    values = Simulator(graph)(encoded(imported, found.x))
    real = graph.tensors[graph.outputs[0].inputs[0]].affine.apply(values)
    assert np.array_equal(real, logits(module, found.x))
    score = 100 * accuracy(real, found.y)
    before = 100 * accuracy(logits(start(), found.x), found.y)
    print(f"{name}: {score:.2f} % in the simulator, float {before:.2f} %, bound {line.least:g} %")
    assert score >= line.least
