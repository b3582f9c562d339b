"""A float model as a file for CPUs and GPUs, beside the same model in float32."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from hwcompress.compress.calibration.edge import (
    export_dynamic_range,
    export_float,
    export_float16,
)
from hwcompress.compress.calibration.operators import operators
from hwcompress.edge_files import EDGE_KINDS
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.flow.compressing.floats import open_float
from hwcompress.flow.fitting import shaped
from hwcompress.flow.request import checked_settings
from hwcompress.flow.settings import BuildSettings
from hwcompress.samples import named

__all__ = ["EdgeFacts", "EdgeKind", "write_edge"]

EdgeKind = Literal["float16", "dynamic-range"]

_ROWS = 500
_BOARD = "pynq"  # settings want one; no design is made


@dataclass(frozen=True)
class EdgeFacts:
    """What was written.

    Attributes:
        kind: ``float16`` or ``dynamic-range``.
        model: name of the network.
        size: bytes of the file.
        float_size: bytes of the same model in float32.
        accuracy: share of right answers of the file in onnxruntime, if there are labels.
        float_accuracy: of the float32 file likewise.
        operators: how many compute in integers, in floating point, or convert.
        fpga: why it is of no use to an FPGA.
        notes: what was done to the model.
    """

    kind: str
    model: str
    size: int
    float_size: int
    accuracy: float | None
    float_accuracy: float | None
    operators: dict[str, int]
    fpga: str
    notes: tuple[str, ...]


def write_edge(
    out: Path, kind: EdgeKind, say: Callable[[str], None] = lambda text: None, **options: object
) -> EdgeFacts:
    """Write a float model's edge export.

    Args:
        out: the file, ``FILE.onnx``.
        kind: which.
        say: tells how training goes, if the model is not trained yet.
        options: of :class:`hwcompress.flow.settings.BuildSettings`: model, data, weights,
            epochs, seed, input_scale.

    Raises:
        InputError: another kind or ending, or the model or data cannot be read.
        UnsupportedError: a model with several inputs, or one that cannot be exported.
    """
    if kind not in EDGE_KINDS:
        raise InputError(f"there is no edge export {kind!r}", remedy=f"give {_kinds()}")
    if out.suffix.lower() != ".onnx" or out.is_dir():
        raise InputError(f"--out is {str(out)!r}", remedy="give the name of a file, FILE.onnx")
    settings = checked_settings(BuildSettings, board=_BOARD, **options)
    start, notes = open_float(settings, say)
    if len(start.shapes) != 1:
        raise UnsupportedError(
            f"an edge export of a model with {len(start.shapes)} inputs",
            where=start.source.name,
            remedy="export it with torch.onnx and quantize it with onnxruntime",
        )
    (shape,) = start.shapes.values()
    (samples,) = named(shaped(start.data.real_test(), start.shapes), ("",)).values()
    labels = start.data.y_test
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hwcompress-") as place:
        whole = Path(place) / "float.onnx"
        export_float(start.module, shape, whole)
        make = export_float16 if kind == "float16" else export_dynamic_range
        make(start.module, shape, out)
        return EdgeFacts(
            kind,
            start.source.name,
            out.stat().st_size,
            whole.stat().st_size,
            _accuracy(out, samples, labels),
            _accuracy(whole, samples, labels),
            dict(sorted(Counter(item.arithmetic for item in operators(out)).items())),
            EDGE_KINDS[kind],
            tuple(notes),
        )


def _kinds() -> str:
    return " or ".join(EDGE_KINDS)


def _accuracy(path: Path, x: np.ndarray, labels: np.ndarray | None) -> float | None:
    """Of a classifier with an output for each class."""
    import onnxruntime

    if labels is None or not len(labels):
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    data = path.read_bytes()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    right = 0
    for start in range(0, len(x), _ROWS):
        block = np.asarray(x[start : start + _ROWS], np.float32)
        rows = session.run(None, {"input": block})[0].reshape(len(block), -1)
        if rows.shape[1] < 2:
            return None
        right += int((rows.argmax(1) == labels[start : start + _ROWS]).sum())
    return right / len(x)
