"""The inspection that a user asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hwcompress.errors import UnsupportedError
from hwcompress.flow.model_inputs import onnx_inputs
from hwcompress.flow.sources import MODEL_FILE
from hwcompress.frontend.float64 import Samples
from hwcompress.inspect.examine import inspect_onnx
from hwcompress.inspect.facts import Inspection
from hwcompress.inspect.inputs import read_data
from hwcompress.inspect.opening import ModelRequest, Opened, Say, open_model

__all__ = ["inspect_request"]


def inspect_request(request: ModelRequest, say: Say) -> Inspection:
    """Open the model, export it if it is a module, and inspect what comes out.

    Args:
        request: what the user typed.
        say: tells how it goes.

    Raises:
        InputError: a file or option is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="hwcompress-") as place:
        folder = Path(place)
        try:
            opened = open_model(request, folder, say)
        except UnsupportedError:
            # The module was exported and then refused: its file says more.
            if not (folder / MODEL_FILE).is_file():
                raise
            opened = Opened(folder / MODEL_FILE, request.model, "PyTorch module")
        samples: Samples | None = opened.samples
        if request.data and samples is None:
            inputs = onnx_inputs(opened.path)
            samples = read_data(request.data, request.input_scale, inputs).samples
        return inspect_onnx(
            opened.path,
            samples=samples,
            input_type=request.input_type or None,
            label=opened.label,
            kind=opened.kind,
            notes=opened.notes,
        )
