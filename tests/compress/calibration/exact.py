"""A quantized module beside its integer graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from hwcompress.compress.export import export_qonnx
from hwcompress.compress.train import logits
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_values, encoded, source_samples
from hwcompress.ir import Graph
from hwcompress.sim import Simulator

__all__ = ["Beside", "beside"]


@dataclass(frozen=True, eq=False)
class Beside:
    """Attributes:
    imported: the graph and its source.
    real: PyTorch's outputs, float64.
    integers: of every tensor, from the Numba simulator.
    mismatches: output integers that differ.
    unexplained: of them, those that no rounding tie explains.
    in_float64: integers of any tensor that differ from the source in float64.
    """

    imported: Imported
    real: np.ndarray
    integers: dict[str, np.ndarray]
    mismatches: int
    unexplained: int
    in_float64: int

    @property
    def graph(self) -> Graph:
        return self.imported.graph

    @property
    def outputs(self) -> np.ndarray:
        """Output integers, ``(n, ...)``."""
        return self.integers[self.graph.outputs[0].inputs[0]]


def beside(module: nn.Module, x: np.ndarray, folder: Path) -> Beside:
    """Export, import and run both on samples."""
    path = folder / "model.onnx"
    export_qonnx(module, x.shape[1:], path)
    imported = import_model(path, samples=x)
    graph = imported.graph
    fed = np.asarray(source_samples(imported, x), np.float32)
    real = logits(module, fed)
    (inputs,) = encoded(imported, x).values()
    integers = Simulator(graph).trace(inputs)
    tensor = graph.outputs[0].inputs[0]
    (result,) = check_values(imported, "PyTorch", {tensor: real}, fed, integers)
    assert result.samples == len(x)
    different = result.mismatches
    exact = sum(item.mismatches for item in check_float64(imported, x, integers))
    return Beside(imported, real, integers, different, different - result.explained, exact)
