"""Small networks quantized by onnxruntime: torch, exported, then quantize_static."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.preprocess import quant_pre_process
from torch import nn

__all__ = ["quantized_by_onnxruntime"]


class _Samples(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, samples: np.ndarray) -> None:
        self._rows: Iterator[dict[str, np.ndarray]] = iter(
            [{name: samples[i : i + 1]} for i in range(len(samples))]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._rows, None)


def quantized_by_onnxruntime(
    module: nn.Module,
    samples: np.ndarray,
    folder: Path,
    *,
    qdq: bool = True,
    per_channel: bool = False,
    activations: QuantType = QuantType.QUInt8,
    weights: QuantType = QuantType.QInt8,
    symmetric: bool = False,
    opset: int = 13,
) -> Path:
    """A file with the module quantized after training, calibrated on the samples."""
    source, ready, target = (folder / f"{name}.onnx" for name in ("float", "ready", "int8"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (torch.from_numpy(samples[:1]),),
            str(source),
            input_names=["x"],
            opset_version=opset,
            dynamo=False,
        )
        logging.disable(logging.WARNING)
        try:
            quant_pre_process(str(source), str(ready))
            quantize_static(
                str(ready),
                str(target),
                _Samples("x", samples),
                quant_format=QuantFormat.QDQ if qdq else QuantFormat.QOperator,
                per_channel=per_channel,
                activation_type=activations,
                weight_type=weights,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={
                    "ActivationSymmetric": symmetric,
                    "WeightSymmetric": weights == QuantType.QInt8,
                },
            )
        finally:
            logging.disable(logging.NOTSET)
    return target
