"""A model, whatever holds it, ready to be simulated from Python."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hwcompress.data import Dataset, SampleStream, stream_arrays
from hwcompress.errors import InputError
from hwcompress.frontend import Imported, import_model
from hwcompress.inspect.header import parse_onnx, source_format
from hwcompress.inspect.opening import (
    ModelRequest,
    is_quantized_onnx,
    open_model,
    request_settings,
)
from hwcompress.running.models import Runnable, calibration, from_folder, import_for, runnable
from hwcompress.samples import Samples, sample_rows

if TYPE_CHECKING:
    from torch import nn

__all__ = ["load_model"]


def load_model(
    model: str | Path | nn.Module,
    *,
    samples: Samples | SampleStream | None = None,
    input_type: str | None = None,
) -> Runnable:
    """Open a model for the simulator.

    Args:
        model: an ONNX file, a build folder, a Brevitas module, or what the command line takes
            (``FILE.py:FUNCTION``, ``FILE.pt2``, ``zoo:NAME``). A float model is quantized
            with 8 bits for the samples.
        samples: real samples ``(n, *shape)``, of several inputs by name, or a stream. They
            give the type of an input that the model does not quantize, and the shape for a
            module; other models need none.
        input_type: type of the inputs, such as ``fixed<16,6>``, instead.

    Raises:
        InputError: there is no such model, or samples are needed.
        UnsupportedError: the model cannot be expressed; every node is listed.
    """
    stream = samples
    if samples is not None and not isinstance(samples, SampleStream):
        stream = stream_arrays([samples])
    assert stream is None or isinstance(stream, SampleStream)
    with tempfile.TemporaryDirectory(prefix="hwcompress-") as place:
        folder = Path(place)
        if not isinstance(model, str | Path):
            return _module(model, stream, input_type, folder)
        request = ModelRequest(str(model), input_type=input_type or "")
        if Path(model).is_dir():
            return from_folder(request)
        settings = request_settings(request)
        if is_quantized_onnx(settings):
            assert settings.model_file is not None
            path, kind = settings.model_file, ""
        else:
            data = _dataset(_needed(stream, str(model)))
            opened = open_model(request, folder, lambda text: None, data=data)
            path, kind = opened.path, opened.kind
        imported = _imported(path, stream, input_type)
        return runnable(imported, str(model), kind or source_format(parse_onnx(path)).kind)


def _imported(path: Path, stream: SampleStream | None, input_type: str | None) -> Imported:
    if stream is None:
        return import_model(path, input_type=input_type)
    return import_for(path, stream, input_type)


def _needed(stream: SampleStream | None, model: str) -> SampleStream:
    if stream is None:
        raise InputError(
            f"model {model!r} needs samples",
            why="they say what an input looks like, and which scales suit a float model",
            remedy="give samples=...",
        )
    return stream


def _dataset(stream: SampleStream) -> Dataset:
    """The first samples of a stream, to quantize a model for."""
    first = calibration(stream)
    scales: float | Mapping[str, float] = stream.scales.get("", stream.scales)
    none = sample_rows(first, slice(0))
    return Dataset(stream.name, none, None, first, None, scales, stream.notes)


def _module(
    module: nn.Module, stream: SampleStream | None, input_type: str | None, folder: Path
) -> Runnable:
    from hwcompress.compress.export import export_qonnx
    from hwcompress.compress.parts import has_quantizers

    name = type(module).__name__
    if not has_quantizers(module):
        raise InputError(
            f"the module {name} holds no quantizers of Brevitas",
            why="a float model is quantized from a file, so that the result can be looked at",
            remedy="give FILE.py:FUNCTION that returns it, with samples",
        )
    stream = _needed(stream, name)
    path = folder / "model.onnx"
    single = stream.shapes.get("")
    training = module.training
    try:
        export_qonnx(module, stream.shapes if single is None else single, path)
    finally:
        module.train(training)
    return runnable(_imported(path, stream, input_type), name, "Brevitas module")
