"""The source model run by onnxruntime, node by node as the file says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from hwcompress.frontend.runtime import Runtime

__all__ = ["OrtRuntime"]


class OrtRuntime(Runtime):
    """Runs an ONNX file up to chosen tensors with onnxruntime, in the types that it states.

    Graph optimizations are off: they fuse operators on integers with their quantizers,
    and round elsewhere than the file says. onnxruntime still calculates in float32;
    :mod:`hwcompress.frontend.replay` says what a difference may be.

    A batch of one that the file states is widened if the model runs so.
    """

    who = "onnxruntime"
    package = "onnxruntime"

    def __init__(self, path: Path, outputs: tuple[str, ...], **options: int) -> None:
        super().__init__(path, outputs, **options)
        self._sessions: dict[bool, Any] = {}
        self._types = {
            item.name: item.type.tensor_type.elem_type for item in self._proto.graph.input
        }

    def _session(self, widened: bool) -> Any:
        import onnxruntime

        if widened not in self._sessions:
            proto = self._untyped(widened)
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.log_severity_level = 4
            options.intra_op_num_threads = 1
            self._sessions[widened] = onnxruntime.InferenceSession(
                proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[widened]

    def _untyped(self, widened: bool) -> onnx.ModelProto:
        """The model with outputs of whatever type and shape they have."""
        proto = onnx.ModelProto()
        proto.CopyFrom(self._proto)
        del proto.graph.output[:]
        proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self._unique)
        if widened:  # stated shapes hold for one sample
            del proto.graph.value_info[:]
            for item in proto.graph.input:
                if item.name in self._inputs and item.type.tensor_type.shape.dim:
                    item.type.tensor_type.shape.dim[0].dim_param = "batch"
        return proto

    def _results(self, batch: int, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        given = {name: self._typed(name, feeds[name]) for name in self._inputs}
        results: list[np.ndarray] = self._session(batch > 1).run(list(self._unique), given)
        return results

    def _typed(self, name: str, samples: np.ndarray) -> np.ndarray:
        """Samples in the type that the model states for its input."""
        element = self._types.get(name, TensorProto.FLOAT)
        return samples.astype(onnx.helper.tensor_dtype_to_np_dtype(element))
