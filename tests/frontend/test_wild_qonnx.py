"""Faults that public QONNX models, and models written as their tools write them, brought up."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_qonnx, encoded
from hwcompress.ir import Dense, trace
from tests.frontend.onnx_builder import ModelBuilder


def agrees(model: ModelBuilder, folder: Path, explained: int = 0, **options: object) -> Imported:
    """Import; equal to the qonnx executor but for ``explained`` integers, and to float64."""
    path = folder / "model.onnx"
    model.save(path)
    x = np.random.default_rng(1).normal(0, 1, (12, *model.shape[1:])).astype(np.float32)
    imported = import_model(path, samples=x, **options)  # type: ignore[arg-type]
    integers = trace(imported.graph, encoded(imported, x))
    rows = check_qonnx(imported, x, integers)
    assert all(row.exact for row in rows), rows
    assert sum(row.explained for row in rows) == explained
    assert all(row.exact for row in check_float64(imported, x, integers))
    return imported


def test_weights_are_quantized_in_float32(tmp_path: Path) -> None:
    """float32 decides a tie of a weight, as in every runtime; here three of two million."""
    weight = np.random.default_rng(0).normal(0, 0.1, 2_000_000).astype(np.float32)
    scale = np.abs(weight).max() / np.float32(127)
    near, exact = np.rint(weight / scale), np.rint(weight / np.float64(scale))
    (odd,) = np.nonzero(near != exact)
    assert odd.size
    rows = np.stack([weight[odd], weight[: odd.size]])
    model = ModelBuilder((1, odd.size))
    model.act(0.0625, 8)
    model.dense(rows, scale, 8)
    imported = agrees(model, tmp_path)
    (dense,) = (op for op in imported.graph.ops if isinstance(op, Dense))
    assert np.array_equal(dense.weight[0], near[odd])


def test_result_beyond_float32(tmp_path: Path) -> None:
    """A sum of 32 bits at the end: the runtime's last digits are float32's."""
    random = np.random.default_rng(2)
    model = ModelBuilder((1, 40))
    model.act(1e-4, 16)
    model.dense(random.normal(0, 1, (3, 40)), 3.1e-5, 16)
    agrees(model, tmp_path, explained=36)


def test_rounding_to_zero_by_the_name_of_brevitas(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.act(0.25, 8)
    model.act(0.5, 4, rounding="ROUND_TO_ZERO")
    model.save(tmp_path / "model.onnx")
    x = np.array([[-0.75, -0.5, 0.75, 1.0]])
    imported = import_model(tmp_path / "model.onnx")
    integers = trace(imported.graph, encoded(imported, x))
    assert integers[imported.graph.outputs[0].inputs[0]].tolist() == [[-1, -1, 1, 2]]
