"""One damaged file: inspected and imported, and if it still is a model, run and compared."""

from __future__ import annotations

import io
import json
import math
import os
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console

from hwcompress.cli.compare_screen import show_comparison
from hwcompress.cli.inspect_screen import show_inspection
from hwcompress.errors import HwcompressError, UnsupportedError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64
from hwcompress.inspect.comparing import FLOAT64, SIMULATOR
from hwcompress.inspect.comparison import CompareRequest, compare_request
from hwcompress.inspect.facts import Inspection
from hwcompress.inspect.opening import ModelRequest
from hwcompress.inspect.requests import inspect_request
from hwcompress.ir import Graph, trace
from hwcompress.ir.ops import Conv, ConvTranspose
from tests.fuzz.bases import BASES
from tests.fuzz.mutate import mutated

__all__ = ["damaged_model", "look", "prepare", "run_case"]

_SMALL = 10**5  # elements; larger tensors are not run
_PRODUCTS = 10**7
_NODES = 200  # the qonnx executor takes time with their square


def prepare(folder: Path) -> Path:
    """The folder of the model, with everything that a path in a model may name."""
    (folder / "outside.bin").write_bytes(bytes(range(256)) * 64)
    home = folder / "model"
    home.mkdir()
    (home / "folder").mkdir()
    (home / "temporary").mkdir()
    (home / "weights.bin").write_bytes(np.ones(4096, np.float32).tobytes())
    (home / "link.bin").symlink_to("../outside.bin")
    os.mkfifo(home / "fifo")
    return home


def damaged_model(seed: int, home: Path) -> tuple[ModelRequest, str]:
    """Writes a damaged model; returns what a user asks for, and what was done to the file."""
    random = np.random.default_rng(seed)
    base = BASES[int(random.integers(len(BASES)))]
    data, damage = mutated(random, base(random).SerializeToString())
    path = home / "model.onnx"
    path.write_bytes(data)
    kind = "fixed<6,3>" if random.random() < 0.3 else ""
    return ModelRequest(str(path), input_type=kind, seed=seed), damage


def run_case(request: ModelRequest) -> str:
    """Returns how it ended; anything else than a refusal of ours is raised.

    ``exact``: imported, every integer right; ``float32``: the same, but the source's runtime
    calculates other values; ``large``: imported, not run; ``listed``: nodes that cannot be
    expressed; ``refused``: the file as a whole.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            imported = import_model(Path(request.model), input_type=request.input_type or None)
            end = "exact" if _is_small(imported.graph) else "large"
        except HwcompressError as error:
            _check_message(str(error))
            imported, end = None, "listed" if isinstance(error, UnsupportedError) else "refused"
        if imported is not None and end == "exact":
            _check(imported, np.random.default_rng(request.seed))
        _, same = look(request)
    return "float32" if end == "exact" and not same else end


def _check(imported: Imported, random: np.random.Generator) -> None:
    """The graph by its definition equals the model in float64."""
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


def look(request: ModelRequest) -> tuple[Inspection | None, bool]:
    """The commands ``inspect`` and ``compare``, with what they print.

    Returns what was inspected, ``None`` if refused, and whether the runtime of the source, in
    float32, gave the same: with damaged scales it need not. Everything else must be equal.
    """
    screen = Console(file=io.StringIO(), width=160)
    try:
        facts = inspect_request(request, lambda said: None)
    except HwcompressError as error:
        _check_message(str(error))
        return None, True
    show_inspection(screen, facts, nodes=True)
    assert json.loads(json.dumps(asdict(facts)))
    if not facts.accepted or not _is_quick(facts):
        return facts, True
    try:
        compared = compare_request(CompareRequest(request, 3), lambda *said: None)
    except HwcompressError as error:
        _check_message(str(error))
        return facts, True
    show_comparison(screen, compared)
    assert json.loads(json.dumps(asdict(compared)))
    own = [row for row in compared.agreements if row.level in (FLOAT64, SIMULATOR)]
    assert own, compared.agreements
    assert all(row.mismatches == row.explained for row in own), own
    return facts, compared.exact


def _check_message(message: str) -> None:
    """Running out of memory is no way to find out that a file is too large."""
    assert "MemoryError" not in message, message
    assert "not enough memory" not in message, message
    assert "RecursionError" not in message, message


def _is_quick(facts: Inspection) -> bool:
    sizes = [math.prod(item.shape) for item in (*facts.inputs, *facts.layers)]
    assert facts.source is not None
    assert facts.totals is not None
    return max(sizes) <= _SMALL and facts.totals.macs <= _PRODUCTS and facts.source.nodes <= _NODES


def _is_small(graph: Graph) -> bool:
    sizes = [tensor.type.size for tensor in graph.tensors.values()]
    products = [
        op.weight.size * graph.tensors[op.outputs[0]].type.size
        for op in graph.ops
        if isinstance(op, Conv | ConvTranspose)
    ]
    return max(sizes) <= _SMALL and max(products, default=0) <= _PRODUCTS
