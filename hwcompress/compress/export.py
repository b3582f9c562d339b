"""Brevitas modules to QONNX, by Brevitas's own exporter."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn

from hwcompress.errors import UnsupportedError

if TYPE_CHECKING:
    from brevitas.export.onnx.qonnx.manager import QONNXManager

__all__ = ["export_qonnx"]


def export_qonnx(
    module: nn.Module, sample_shape: tuple[int, ...] | Mapping[str, tuple[int, ...]], path: Path
) -> None:
    """Write a module as a QONNX file with a batch of one.

    Args:
        module: in eval mode afterwards.
        sample_shape: shape of one sample, without batch; of several inputs by name in the
            order of ``forward``'s arguments.
        path: the file; it appears whole or not at all.

    Raises:
        UnsupportedError: the exporter refuses the module.
    """
    shapes = sample_shape if isinstance(sample_shape, Mapping) else {"": sample_shape}
    # The only input keeps the name that forward gives it.
    names = {"input_names": list(shapes)} if len(shapes) > 1 else {}
    manager = _manager()
    module.eval()
    partial = path.with_suffix(".partial")
    noise = io.StringIO()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(noise), torch.no_grad():
            warnings.simplefilter("ignore")
            # The TorchScript path keeps batch norms, names and shapes as
            # the module has them; the dynamo path prints and rewrites.
            manager.export(
                module,
                args=tuple(torch.zeros(1, *shape) for shape in shapes.values()),
                export_path=str(partial),
                dynamo=False,
                **names,
            )
        os.replace(partial, path)
    except Exception as error:  # torch and Brevitas raise many types here
        said = " and ".join(map(str, shapes.values()))
        raise UnsupportedError(
            f"the module cannot be exported to QONNX: {type(error).__name__}: {error}",
            remedy=f"check that it accepts one sample of shape {said}",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _manager() -> type[QONNXManager]:
    """Brevitas's exporter, with one unsigned bit written as it is computed.

    Brevitas (0.13) writes every quantizer of one bit as BipolarQuant, {-1, +1};
    an unsigned one is {0, 1}.
    """
    from brevitas.export.onnx.qonnx.function import BrevitasQuantOp
    from brevitas.export.onnx.qonnx.handler import BrevitasActQuantProxyHandler
    from brevitas.export.onnx.qonnx.manager import QONNXManager

    class Handler(BrevitasActQuantProxyHandler):  # type: ignore[misc]
        def prepare_for_export(self, module: nn.Module) -> None:
            super().prepare_for_export(module)
            if module.is_quant_enabled and module.bit_width() == 1 and not module.is_signed:
                self.quant_op = BrevitasQuantOp

    class Manager(QONNXManager):  # type: ignore[misc]
        handlers: ClassVar = [
            Handler if item is BrevitasActQuantProxyHandler else item
            for item in QONNXManager.handlers
        ]

    return Manager
