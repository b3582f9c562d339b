"""A realisation that is broken on purpose must stop the build, with the place named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwcompress.errors import CheckFailed
from hwcompress.flow.build import build
from hwcompress.flow.manifest import Manifest
from hwcompress.flow.pipeline import PIPELINE
from hwcompress.flow.request import make_settings
from hwcompress.flow.step import Context, Step
from hwcompress.flow.steps.arrays import Vectors
from hwcompress.flow.steps.hardware import run_generate
from hwcompress.hls.rtl.design import Design
from hwcompress.ir import Dense, load, trace
from tests.flow.tiny_model import tiny_data, tiny_model


def flip_one_weight_bit(folder: Path, op: str) -> None:
    """Flip the lowest bit of the first word of an operation's weights."""
    design = Design.load(folder)
    memory = next(item for item in design.memories if item.op == op and item.kind == "weights")
    path = folder / memory.file
    words = path.read_text().split("\n")
    words[0] = f"{int(words[0], 16) ^ 1:0{len(words[0])}x}"
    path.write_text("\n".join(words))


def test_a_flipped_weight_bit_is_found(tmp_path: Path) -> None:
    settings = make_settings(
        board="pynq", model=str(tiny_model(tmp_path)), data=str(tiny_data(tmp_path))
    )
    broken_op = ""

    def run_broken(context: Context) -> object:
        nonlocal broken_op
        facts = run_generate(context)
        graph = load(context.folder / "graph")
        broken_op = next(op.name for op in graph.layers if isinstance(op, Dense))
        flip_one_weight_bit(context.out / "rtl", broken_op)
        return facts

    steps: tuple[Step, ...] = tuple(
        replace(step, run=run_broken) if step.name == "generate" else step for step in PIPELINE
    )
    folder = tmp_path / "build"
    with pytest.raises(CheckFailed) as caught:
        build(folder, settings, steps=steps, targets=["verify"], jobs=1)
    message = str(caught.value)
    assert caught.value.exit_code == 1
    # The weight of output 0 and input 0 differs by one, so the sum is wrong by x[0].
    graph = load(folder / "graph")
    vectors = Vectors.load(folder, graph)
    tensor = next(op.outputs[0] for op in graph.layers if op.name == broken_op)
    assert f"layer {broken_op}" in message
    assert f"tensor {tensor}" in message
    assert "sample" in message
    assert "channel 0" in message
    sample = int(message.split("sample ")[1].split(",")[0])
    value = int(trace(graph, vectors.inputs)[tensor][sample, 0])
    got = int(message.split("]: ")[1].split(",")[0])
    assert f"expected {value}" in message
    (given,) = vectors.inputs.values()
    assert abs(got - value) == abs(int(given[sample, 0]))
    assert "verify" not in Manifest.load(folder / "manifest.json").records
