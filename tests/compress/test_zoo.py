"""Every network of the zoo at four bits: PyTorch in float32, the qonnx executor and float64
equal the integer graph on every integer."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hwcompress.compress.train import logits
from hwcompress.errors import InputError
from hwcompress.frontend.check import (
    check_float64,
    check_qonnx,
    check_values,
    encoded,
    source_samples,
)
from hwcompress.ir import trace
from hwcompress.models.loader import load_module
from hwcompress.models.zoo import ZOO, Entry
from tests.compress.zoo import prepare

# What each graph must hold besides layers with weights and thresholds.
PARTS = {
    "resnet8": {"Add": 3, "SumPool": 1},
    "mobilenet_v1_025": {"Conv": 27, "SumPool": 1},
    "mobilenet_v2_blocks": {"Add": 3, "SumPool": 1},
    "ds_cnn": {"Conv": 9, "SumPool": 1},
    "shufflenet_v2_unit": {"Concat": 3, "Shuffle": 3, "Split": 2},
    "squeeze_excite": {"Mul": 1, "SumPool": 2},
    "squeeze_excite_hard": {"Mul": 1, "SumPool": 2},
    "tiny_unet": {"Concat": 2, "Upsample": 1, "ConvTranspose": 1, "MaxPool": 2},
    "conv1d_net": {"Conv": 4, "MaxPool": 1, "SumPool": 2},
    "autoencoder_64": {"Dense": 6},
}


def check(name: str, bits: int, path: Path, samples: int) -> Counter[str]:
    prepared = prepare(ZOO[name], path, bits=bits, samples=samples)
    imported, x = prepared.imported, prepared.samples
    graph = imported.graph
    integers = trace(graph, encoded(imported, x))
    fed = source_samples(imported, x)
    outputs = {graph.outputs[0].inputs[0]: logits(prepared.module, fed)}
    for result in [
        *check_values(imported, "PyTorch", outputs, fed, integers),
        *check_float64(imported, x, integers),
        *check_qonnx(imported, x[:1], {key: item[:1] for key, item in integers.items()}),
    ]:
        assert result.exact, result
        # Nothing is inexact in float32 but a sigmoid, and wide sums of products of 8 bits.
        assert result.mismatches == 0 or name == "squeeze_excite" or bits == 8, result
    for tensor, values in integers.items():
        # With 2 bits the gate of a network that was never trained may have one value.
        if graph.tensors[tensor].type.size > 1 and bits > 2:
            assert len(np.unique(values)) > 1, f"{tensor} is constant"
    return Counter(op.kind for op in graph.layers)


@pytest.mark.parametrize("name", ZOO)
def test_four_bits(name: str, tmp_path: Path) -> None:
    found = check(name, 4, tmp_path, samples=4)
    assert {kind: found[kind] for kind in PARTS[name]} == PARTS[name], found


@pytest.mark.long
@pytest.mark.parametrize("bits", [2, 3, 6, 8])
@pytest.mark.parametrize("name", ZOO)
def test_other_bits(name: str, bits: int, tmp_path: Path) -> None:
    check(name, bits, tmp_path, samples=32)


def test_networks_load_as_files() -> None:
    entry = Entry.named("autoencoder_64")
    assert load_module(entry.reference) is not None
    with pytest.raises(InputError, match="no network is named 'alexnet'"):
        Entry.named("alexnet")


def test_every_function_is_in_the_table() -> None:
    folder = Path(Entry.named("resnet8").reference.rpartition("/")[0])
    exported = set()
    for file in folder.glob("[a-z]*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                exported.add(node.name)
    assert exported == set(ZOO)
