"""One damaged file: imported, and if it still is a model, run."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np

from hwcompress.errors import HwcompressError
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_float64
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.frontend.to_torch import to_torch
from hwcompress.ir import Graph, trace
from hwcompress.ir.ops import Conv, ConvTranspose
from tests.fuzz.bases import BASES
from tests.fuzz.mutate import mutated

__all__ = ["prepare", "run_case"]

_SMALL = 10**5  # elements; larger tensors are not run
_PRODUCTS = 10**7


def prepare(folder: Path) -> Path:
    """The folder of the model, with everything that a path in a model may name."""
    (folder / "outside.bin").write_bytes(bytes(range(256)) * 64)
    home = folder / "model"
    home.mkdir()
    (home / "folder").mkdir()
    (home / "weights.bin").write_bytes(np.ones(4096, np.float32).tobytes())
    (home / "link.bin").symlink_to("../outside.bin")
    os.mkfifo(home / "fifo")
    return home


def run_case(seed: int, home: Path) -> str:
    """Returns how it ended; anything else than a refusal of ours is raised."""
    random = np.random.default_rng(seed)
    base = BASES[int(random.integers(len(BASES)))]
    proto = base(random)
    path = home / "model.onnx"
    path.write_bytes(mutated(random, proto.SerializeToString()))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            imported = import_model(
                path, input_type="fixed<6,3>" if random.random() < 0.3 else None
            )
        except HwcompressError as error:
            _check_message(str(error))
            if base.__name__ == "_float":
                return _converted(path)
            return "refused"
        if not _is_small(imported.graph):
            return "large"
        samples = {
            imported.inputs[op.outputs[0]]: random.normal(0, 1.5, (3, *op.source_shape))
            for op in imported.graph.inputs
        }
        for name, shape in imported.model.inputs.items():  # those that nothing needs
            samples.setdefault(name, np.zeros((3, *shape[1:])))
        encoded = {
            op.outputs[0]: op.encode(samples[imported.inputs[op.outputs[0]]])
            for op in imported.graph.inputs
        }
        for result in check_float64(imported, samples, trace(imported.graph, encoded)):
            assert result.exact, str(result)
    return "imported"


def _converted(path: Path) -> str:
    try:
        to_torch(read_onnx(path))
    except HwcompressError as error:
        _check_message(str(error))
        return "refused"
    return "converted"


def _check_message(message: str) -> None:
    """Running out of memory is no way to find out that a file is too large."""
    assert "MemoryError" not in message, message
    assert "not enough memory" not in message, message
    assert "RecursionError" not in message, message


def _is_small(graph: Graph) -> bool:
    sizes = [tensor.type.size for tensor in graph.tensors.values()]
    products = [
        op.weight.size * graph.tensors[op.outputs[0]].type.size
        for op in graph.ops
        if isinstance(op, Conv | ConvTranspose)
    ]
    return max(sizes) <= _SMALL and max(products, default=0) <= _PRODUCTS
