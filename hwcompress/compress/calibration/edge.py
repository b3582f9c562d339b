"""Exports for CPUs and GPUs: float16, and int8 weights with ranges found at run time.

Neither is of use to an FPGA, and the files say so: ``hwcompress build`` refuses them.
"""

from __future__ import annotations

import copy
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from hwcompress.compress.parts import refuse_quantizers
from hwcompress.edge_files import EDGE_KEY, EDGE_KINDS
from hwcompress.errors import UnsupportedError

__all__ = ["export_dynamic_range", "export_float", "export_float16"]


class _InHalf(nn.Module):  # type: ignore[misc]
    """A module in float16 that takes and gives float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).half()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.module(x.half())
        return result.float()


def export_float(module: nn.Module, sample_shape: tuple[int, ...], path: Path) -> None:
    """Write a float module as ONNX with an open batch axis, batch norms folded.

    Args:
        module: of one input; in eval mode afterwards.
        sample_shape: of one sample, without batch.
        path: the file; it appears whole or not at all.

    Raises:
        InputError: the module is quantized.
        UnsupportedError: PyTorch's exporter refuses it.
    """
    refuse_quantizers(
        module, "an edge export", "give the float module; export_qonnx takes a quantized one"
    )
    module.eval()
    with _whole(path) as partial, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        try:
            torch.onnx.export(
                module,
                (torch.zeros(1, *sample_shape),),
                str(partial),
                dynamo=False,
                input_names=["input"],
                output_names=["output"],
                dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
            )
        except Exception as error:  # torch raises many types
            raise UnsupportedError(
                f"the module cannot be exported: {type(error).__name__}: {error}",
                remedy=f"check that it accepts one sample of shape {sample_shape}",
            ) from error


def export_float16(module: nn.Module, sample_shape: tuple[int, ...], path: Path) -> None:
    """Write a float module with weights and arithmetic in float16, about half the size.

    Inputs and outputs stay float32. Arguments and errors as :func:`export_float`.
    """
    with _whole(path) as partial:
        export_float(_InHalf(module), sample_shape, partial)
        _mark(partial, "float16")


def export_dynamic_range(module: nn.Module, sample_shape: tuple[int, ...], path: Path) -> None:
    """Write a float module with weights of 8 bits; activations are quantized at run time by the
    range of each batch. About a quarter of the size.

    Arguments and errors as :func:`export_float`.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    convolves = any(isinstance(part, nn.modules.conv._ConvNd) for part in module.modules())
    root = logging.getLogger()
    level = root.level
    with _whole(path) as partial, tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "float.onnx"
        export_float(module, sample_shape, source)
        try:
            root.setLevel(logging.ERROR)  # it warns of a preparation that is of no use here
            # onnxruntime convolves with unsigned weights only.
            kind = QuantType.QUInt8 if convolves else QuantType.QInt8
            quantize_dynamic(str(source), str(partial), weight_type=kind)
        finally:
            root.setLevel(level)
        _mark(partial, "dynamic-range")


def _mark(path: Path, kind: str) -> None:
    """Say in a file what it is for."""
    import onnx

    model = onnx.ModelProto.FromString(path.read_bytes())
    about = {EDGE_KEY: kind, f"{EDGE_KEY}.fpga": f"of no use: {EDGE_KINDS[kind]}"}
    onnx.helper.set_model_props(model, about)
    path.write_bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file beside the path that takes its place at the end, or goes."""
    partial = path.with_name(f"{path.name}.partial.onnx")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
