"""What counts as an explained difference: true float32 ties do, errors of ours do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_qonnx
from hwcompress.ir import Graph, Op, Rescale, Threshold, trace
from tests.frontend.onnx_builder import ModelBuilder

SAMPLES = 200


def model(scale_in: float, scale_w: float, scale_out: float, bits: int, path: Path) -> Imported:
    """Two layers; with ``scale_out = 2 * scale_in * scale_w`` every odd sum is a tie."""
    random = np.random.default_rng(5)
    builder = ModelBuilder((1, 6))
    builder.act(scale_in, 4)
    builder.dense(random.normal(0, 3 * scale_w, (5, 6)), scale_w, 4)
    builder.act(scale_out, bits)
    builder.dense(random.normal(0, 1, (3, 5)), scale_w, 4)
    return import_model(builder.save(path / "model.onnx"))


def samples(scale: float) -> np.ndarray:
    return (np.random.default_rng(6).integers(-8, 8, (SAMPLES, 6)) * np.float32(scale)).astype(
        np.float32
    )


def broken(imported: Imported, by: int = 1) -> Imported:
    """The upper steps of one channel of the activation, moved by a few integers."""
    graph = imported.graph

    def spoiled(op: Op) -> Op:
        if isinstance(op, Threshold):
            thresholds = np.repeat(op.thresholds, 5 // len(op.thresholds), axis=0)
            row = thresholds[2]
            row[op.otype.count // 2 :] += by
            return replace(op, thresholds=thresholds, sign=np.repeat(op.sign, 5 // len(op.sign)))
        if isinstance(op, Rescale):  # ties go up instead of to even
            half = np.int64(1) << (op.shift - 1)
            return replace(op, add=op.add + half, rounding="floor")
        return op

    ops = [spoiled(op) for op in graph.ops]
    affine = {name: tensor.affine for name, tensor in graph.tensors.items()}
    return replace(imported, graph=Graph.build(graph.name, ops, affine))


@pytest.mark.parametrize("bits", [3, 8])
def test_exact_arithmetic_leaves_nothing_to_explain(bits: int, tmp_path: Path) -> None:
    """Powers of two: half of all sums lie exactly on a boundary, and still none is excused."""
    imported = model(0.125, 0.25, 0.0625, bits, tmp_path)
    assert any(isinstance(op, Rescale) for op in imported.graph.ops)
    x = samples(0.125)
    op = imported.graph.inputs[0]
    for check in (check_float64, check_qonnx):
        for result in check(imported, x, trace(imported.graph, op.encode(x))):
            assert result.mismatches == 0, result
        wrong = broken(imported)
        results = check(wrong, x, trace(wrong.graph, op.encode(x)))
        assert sum(result.mismatches for result in results) > 10
        assert all(result.explained == 0 for result in results)


def test_float32_ties_are_explained_and_errors_are_not(tmp_path: Path) -> None:
    scale_in, scale_w = 0.1, 0.3
    imported = model(scale_in, scale_w, 2 * scale_in * scale_w, 3, tmp_path)
    x = samples(scale_in)
    op = imported.graph.inputs[0]
    (result,) = check_qonnx(imported, x, trace(imported.graph, op.encode(x)))
    assert result.mismatches > 10  # the order of a float32 sum shows
    assert result.exact
    # By one integer is the other side of the tie here; by two is wrong.
    wrong = broken(imported, by=2)
    integers = trace(wrong.graph, op.encode(x))
    assert not all(item.exact for item in check_qonnx(wrong, x, integers))
    results = {str(item.first): item for item in check_float64(wrong, x, integers)}
    assert not all(item.exact for item in results.values())


def test_many_ties_in_one_sample(tmp_path: Path) -> None:
    """Several values of a sample fall on the other side; all must be found together."""
    random = np.random.default_rng(8)
    builder = ModelBuilder((1, 40))
    builder.act(0.1, 4)
    builder.dense(random.normal(0, 0.9, (20, 40)), 0.3, 4)
    builder.act(0.06, 4)
    builder.dense(random.normal(0, 1, (3, 20)), 0.25, 4)
    imported = import_model(builder.save(tmp_path / "model.onnx"))
    x = (random.integers(-8, 8, (60, 40)) * np.float32(0.1)).astype(np.float32)
    integers = trace(imported.graph, imported.graph.inputs[0].encode(x))
    (result,) = check_qonnx(imported, x, integers)
    assert result.mismatched_samples > 20
    assert result.exact


def test_ties_of_wide_levels_that_depend_on_the_batch(tmp_path: Path) -> None:
    """8 bits: float32 is off by more than a millionth of a step, and a batch of another size
    adds in another order."""
    random = np.random.default_rng(0)
    builder = ModelBuilder((1, 64))
    builder.act(0.1, 8)
    builder.dense(random.normal(0, 1, (32, 64)), 0.01, 8)
    builder.act(0.3, 8)  # 0.1 * 0.01 / 0.3: a sum of 150 lies half way
    builder.dense(random.normal(0, 1, (10, 32)), 0.013, 8)
    builder.act(0.7, 8)
    imported = import_model(builder.save(tmp_path / "model.onnx"))
    x = (random.integers(-128, 128, (300, 64)) * np.float32(0.1)).astype(np.float32)
    op = imported.graph.inputs[0]
    integers = trace(imported.graph, op.encode(x))
    (result,) = check_qonnx(imported, x, integers)
    assert result.mismatches > 0
    assert result.exact
    last = imported.graph.outputs[0].inputs[0]
    wrong = {name: item[-4:].copy() for name, item in integers.items()}
    wrong[last][-1, 3] += 1
    (result,) = check_qonnx(imported, x[-4:], wrong)
    assert result.mismatches == result.explained + 1
