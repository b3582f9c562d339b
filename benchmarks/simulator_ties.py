"""Whether outputs in which onnxruntime's int8 kernels differ are rounding ties of float32.

They multiply an exact sum by a scale in float32, and round that to an integer of 8 bits. The
integers behind each layer are taken out of onnxruntime and put into the network in float64, as
``hwcompress compare`` does (:mod:`hwcompress.frontend.replay`): every layer must then round as
exact arithmetic does, or the exact value must lie on a boundary as close as float32 can tell.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from hwcompress.frontend import Imported
from hwcompress.frontend.check import source_integers, source_samples
from hwcompress.frontend.ort_runtime import OrtRuntime
from hwcompress.frontend.replay import Replay

__all__ = ["explained"]

_AT_ONCE = 16


class _Fused(OrtRuntime):
    """The file with operators on integers in place of quantizers and real numbers.

    Tensors keep their names and their layout: what onnxruntime does beyond this (channels last)
    changes no integer, which the comparison with the peer's outputs shows.
    """

    def __init__(self, path: Path, outputs: tuple[str, ...], **options: int) -> None:
        import onnxruntime

        with tempfile.TemporaryDirectory(prefix="hwcompress-") as folder:
            fused = Path(folder) / "fused.onnx"
            wanted = onnxruntime.SessionOptions()
            wanted.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
            wanted.optimized_model_filepath = str(fused)
            wanted.log_severity_level = 3
            onnxruntime.InferenceSession(str(path), wanted, providers=["CPUExecutionProvider"])
            super().__init__(fused, outputs, **options)


def explained(
    imported: Imported, samples: np.ndarray, theirs: np.ndarray, ours: np.ndarray
) -> np.ndarray:
    """Which samples differ by rounding ties alone, bool ``(n,)``.

    Args:
        imported: the network as the simulator runs it, and its source in float64.
        samples: those that differ, real, as the network takes them.
        theirs: reals that onnxruntime gave for them.
        ours: integers of the simulator.
    """
    tensor = imported.graph.outputs[0].inputs[0]
    source, _ = imported.origin[tensor]
    replay = Replay(imported.float64, imported.model, _Fused, (source,))
    fed = source_samples(imported, samples)
    given = source_integers(imported, tensor, np.asarray(theirs, np.float64))
    found = np.zeros(len(ours), bool)
    for start in range(0, len(ours), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        found[rows] = replay.explained(
            fed[rows],
            source,
            lambda real: source_integers(imported, tensor, real),
            given[rows],
            ours[rows],
        )
    return found
