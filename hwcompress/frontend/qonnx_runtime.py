"""The source model run by somebody else's code: the executor of the package ``qonnx``."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hwcompress.frontend.runtime import Runtime

__all__ = ["QonnxRuntime"]

_ORT_ERRORS = 3  # its warnings are about nodes that qonnx makes up


class QonnxRuntime(Runtime):
    """Runs a QONNX file up to chosen tensors, in float32 as qonnx and onnxruntime do."""

    who = "the qonnx executor"
    package = "qonnx"

    def __init__(self, path: Path, outputs: tuple[str, ...], **options: int) -> None:
        super().__init__(path, outputs, **options)
        self._batched: dict[int, Any] = {}

    def _results(self, batch: int, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        import onnxruntime
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx
        from qonnx.transformation.change_batchsize import ChangeBatchSize
        from qonnx.util.cleanup import cleanup_model

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.getLogger("qonnx").setLevel(logging.ERROR)
            onnxruntime.set_default_logger_severity(_ORT_ERRORS)
            if batch not in self._batched:
                clean = self._batched.get(1)
                if clean is None:
                    clean = cleanup_model(ModelWrapper(self._proto, make_deepcopy=True))
                    self._batched[1] = clean
                if batch > 1:
                    larger = clean.transform(ChangeBatchSize(batch))  # of a copy
                    self._batched[batch] = cleanup_model(larger)
            model = self._batched[batch]
            graph = model.graph
            # The clean-up names the inputs anew, and keeps their order.
            given = [self._typed(name, feeds[name]) for name in self._inputs]
            names = [item.name for item in graph.input][: len(given)]
            results = execute_onnx(model, dict(zip(names, given, strict=True)))
        return [results[item.name] for item in graph.output]
