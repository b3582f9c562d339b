"""The source model run by onnxruntime, node by node as the file says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from hwcompress.frontend.float64 import sample_rows
from hwcompress.frontend.half_precision import in_float32
from hwcompress.frontend.runtime import Runtime

__all__ = ["OrtRuntime"]

_NARROW = frozenset({"tensor(int4)", "tensor(uint4)", "tensor(int2)", "tensor(uint2)"})
_CAST = "/as real numbers"


class OrtRuntime(Runtime):
    """Runs an ONNX file up to chosen tensors with onnxruntime, in the types that it states.

    Graph optimizations are off: they fuse operators on integers with their quantizers,
    and round elsewhere than the file says. onnxruntime still calculates in float32, here models
    in float16 too; :mod:`hwcompress.frontend.replay` says what a difference may be.

    Samples are run one by one (as many at once as the file states): the order of its
    float32 sums depends on the size of a batch, and results must not.
    """

    who = "onnxruntime"
    package = "onnxruntime"

    def __init__(self, path: Path, outputs: tuple[str, ...], **options: int) -> None:
        super().__init__(path, outputs, **options)
        if in_float32(self._proto):
            self.arithmetic = "float32 (the file: float16)"
            self._types = {
                item.name: item.type.tensor_type.elem_type for item in self._proto.graph.input
            }
        self._session: Any = None
        self._given: list[str] = []

    def _step(self, feeds: dict[str, np.ndarray], count: int) -> int:
        stated = [
            item.type.tensor_type.shape.dim[0].dim_value
            for item in self._proto.graph.input
            if item.name in self._inputs and item.type.tensor_type.shape.dim
        ]
        size = max(stated, default=1) or 1
        if not self._shapes:
            rows = np.zeros(size, np.int64)
            alone = self._checked(size, sample_rows(feeds, rows))
            self._shapes = [item.shape[1:] for item in alone]
        return size

    def _opened(self, narrow: frozenset[str] = frozenset()) -> Any:
        """A session; tensors in ``narrow`` are cast, as numpy lacks their type."""
        import onnxruntime

        proto = onnx.ModelProto()
        proto.CopyFrom(self._proto)
        del proto.graph.output[:]  # outputs of whatever type and shape they have
        self._given = [f"{name}{_CAST}" if name in narrow else name for name in self._unique]
        proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self._given)
        proto.graph.node.extend(
            onnx.helper.make_node("Cast", [name], [f"{name}{_CAST}"], to=TensorProto.FLOAT)
            for name in sorted(narrow)
        )
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        found = {item.name for item in session.get_outputs() if item.type in _NARROW}
        return self._opened(frozenset(found)) if found else session

    def _results(self, batch: int, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        if self._session is None:
            self._session = self._opened()
        given = {name: self._typed(name, feeds[name]) for name in self._inputs}
        results: list[np.ndarray] = self._session.run(self._given, given)
        return results
