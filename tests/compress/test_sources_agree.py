"""The same float network as a module, traced, exported and as ONNX becomes one integer graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import fx, nn

from hwcompress.compress.calibrate import calibrate
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
from hwcompress.compress.quantize import input_scale_for, quantize_module
from hwcompress.frontend import import_model
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.frontend.to_torch import to_torch
from hwcompress.frontend.to_torch.exported import from_program, read_exported
from hwcompress.ir import Graph, fingerprint
from hwcompress.models.zoo import ZOO
from tests.compress.zoo import settle

QUICK = ("ds_cnn", "conv1d_net", "tiny_unet")


def as_onnx(module: nn.Module, shape: tuple[int, ...], path: Path) -> nn.Module:
    """Written by PyTorch's exporter, batch norms kept, and read again."""
    torch.onnx.export(
        module,
        (torch.zeros(1, *shape),),
        str(path),
        dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )
    return to_torch(read_onnx(path))


def imported(module: nn.Module, x: np.ndarray, path: Path) -> Graph:
    quantized = quantize_module(
        module,
        weight_bits=8,
        act_bits=8,
        input_scale=input_scale_for(x, 8, True),
        signed_input=True,
        calibrated_only=True,
    )
    calibrate(quantized, x)
    freeze_batch_norm(quantized)
    freeze_bias(quantized)
    export_qonnx(quantized, x.shape[1:], path)
    return import_model(path, samples=x).graph


def check(name: str, folder: Path) -> None:
    entry = ZOO[name]
    x = np.random.default_rng(2).normal(0, 1, (8, *entry.shape)).astype(np.float32)
    torch.manual_seed(1)
    module = entry.make()
    settle(module, x, 3)
    program = torch.export.export(module, (torch.zeros(1, *entry.shape),))
    torch.export.save(program, folder / "net.pt2")
    forms = {
        "module": module,
        "traced": fx.symbolic_trace(module),
        "export": from_program(program, name).module,
        "file": read_exported(folder / "net.pt2").module,
        "onnx": as_onnx(module, entry.shape, folder / "net.onnx"),
    }
    found = {
        form: fingerprint(imported(item, x, folder / f"{form}.onnx"))
        for form, item in forms.items()
    }
    assert set(found.values()) == {found["module"]}, found


@pytest.mark.parametrize("name", QUICK)
def test_one_graph(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(ZOO) - set(QUICK)))
def test_one_graph_of_every_network(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)
