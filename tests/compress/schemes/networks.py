"""The digits data, small networks for it, and the way from a trained scheme to integers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcompress.compress.export import export_qonnx
from hwcompress.compress.schemes import Scheme, apply_scheme, settle
from hwcompress.compress.train import accuracy, logits, train_classifier
from hwcompress.data.digits import digits
from hwcompress.frontend import import_model
from hwcompress.frontend.importer import Imported
from hwcompress.ir import Graph, Input, Rescale, Threshold, trace
from hwcompress.sim import Simulator
from tests.compress.calibration.digits import d8

SHAPE = (1, 8, 8)


@dataclass(frozen=True)
class Digits:
    """Samples in 0..1, channels first."""

    x: np.ndarray
    y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


@cache
def data(split: int | None = None) -> Digits:
    """scikit-learn's digits with the fixed split, or with that of D8 (70/30) by its seed."""
    if split is not None:
        d = d8(split)
        return Digits(d.x, d.y, d.test, d.test_y)
    found = digits()
    assert isinstance(found.x_train, np.ndarray) and isinstance(found.x_test, np.ndarray)
    assert found.y_train is not None and found.y_test is not None
    scale = np.float32(1 / 16)
    return Digits(found.x_train * scale, found.y_train, found.x_test * scale, found.y_test)


def cnn8(seed: int = 0) -> nn.Module:
    """Three convolutions (16, 32, 32) with batch norm and ReLU, and a dense head."""
    torch.manual_seed(seed)
    return nn.Sequential(
        *block(1, 16),
        *block(16, 32),
        nn.MaxPool2d(2),
        *block(32, 32),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


def block(inputs: int, outputs: int) -> list[nn.Module]:
    """Convolution, batch norm, ReLU."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def sign_first(seed: int = 0, pool_first: bool = False) -> nn.Module:
    """XNOR-Net's order: batch norm, (sign,) convolution, pooling; or pooling before the sign."""
    torch.manual_seed(seed)
    norm, convolution = nn.BatchNorm2d(32), nn.Conv2d(32, 32, 3, padding=1, bias=False)
    pool = nn.MaxPool2d(2)
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, bias=False),
        *((pool, norm, convolution) if pool_first else (norm, convolution, pool)),
        nn.BatchNorm2d(32),
        nn.Conv2d(32, 32, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(32),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


@cache
def trained_float(seed: int = 0, epochs: int = 6, split: int | None = None) -> nn.Module:
    """:func:`cnn8`, trained in float. Not to be changed."""
    module = cnn8(seed)
    train_classifier(module, data(split).x, data(split).y, epochs=epochs, seed=seed)
    return module


def right(module: nn.Module, split: int | None = None) -> float:
    """Percent of the test samples that a module gets right."""
    return 100 * accuracy(logits(module, data(split).test_x), data(split).test_y)


def trained(
    scheme: Scheme,
    start: nn.Module,
    *,
    epochs: int,
    seed: int = 0,
    batch: int = 64,
    rate: float = 1e-2,
    split: int | None = None,
) -> nn.Module:
    """A module trained in a scheme, not settled."""
    torch.manual_seed(seed)
    module = apply_scheme(start, scheme, data(split).x[:256])
    train_classifier(
        module,
        data(split).x,
        data(split).y,
        epochs=epochs,
        seed=seed,
        batch=batch,
        rate=rate,
        penalty=scheme.extra_loss,
    )
    return module


def imported(module: nn.Module, path: Path) -> Imported:
    """A settled module as an integer graph."""
    export_qonnx(module, SHAPE, path / "model.onnx")
    return import_model(path / "model.onnx", samples=data().test_x[:2])


def check_exact(module: nn.Module, path: Path, split: int | None = None) -> Imported:
    """Settle a module, and hold it with :func:`check_settled`."""
    settle(module)
    return check_settled(module, path, split)


def check_settled(module: nn.Module, path: Path, split: int | None = None) -> Imported:
    """PyTorch in float32, the graph's reference and the simulator agree in every output of every
    test sample, and, of some, in every activation."""
    found = imported(module, path)
    graph = found.graph
    x = data(split).test_x
    integers = graph.inputs[0].encode(x)
    simulated = Simulator(graph)(integers)
    few = trace(graph, integers[:40])
    for name, values in Simulator(graph).trace(integers[:40]).items():
        assert np.array_equal(values, few[name]), name
        assert np.issubdtype(few[name].dtype, np.integer), name
    check_activations(module, graph, few, x[:40])
    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    outputs = logits(module, x)
    assert isinstance(simulated, np.ndarray)
    assert np.array_equal(tensor.affine.apply(simulated).reshape(outputs.shape), outputs)
    return found


def check_activations(
    module: nn.Module, graph: Graph, values: dict[str, np.ndarray], x: np.ndarray
) -> None:
    """Every quantized activation of a settled chain of layers is a tensor of the graph."""
    seen: list[np.ndarray] = []
    handles = [
        part.register_forward_hook(lambda _, given, result: seen.append(result.detach().numpy()))
        for part in module.modules()
        if hasattr(part, "act_quant")
    ]
    logits(module, x)
    for handle in handles:
        handle.remove()
    seen = seen[-len(handles) :]  # before, one sample passes to see how large activations are
    ops = [op for op in graph.ops if isinstance(op, Input | Threshold | Rescale)]
    assert len(ops) == len(seen)
    for op, wanted in zip(ops, seen, strict=True):
        tensor = graph.tensors[op.outputs[0]]
        found = tensor.affine.apply(values[op.outputs[0]])
        moved = np.moveaxis(found, -1, 1) if found.ndim == 4 else found
        assert np.array_equal(moved.reshape(wanted.shape), wanted), op.name
