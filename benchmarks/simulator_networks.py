"""The networks of the simulator's benchmark, made from fixed seeds.

Each is a float module, the same with Brevitas quantizers, and the integer graph that is
imported from its QONNX file. All scales are powers of two, so that Brevitas in float32 is
exact and must give the integers of the graph.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcompress.compress.calibrate import calibrate
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
from hwcompress.compress.quantize import input_scale_for, quantize_module
from hwcompress.frontend import import_model
from hwcompress.ir import Graph
from hwcompress.models.cnv import CNV_SHAPE, cnv_w1a1
from hwcompress.models.digits import digits_cnn
from hwcompress.models.zoo.resnet8 import resnet8
from tests.compress.zoo import settle

__all__ = ["MLP_SHAPE", "Network", "integers_of", "make", "names", "reals_as_integers"]

MLP_SHAPE = (16,)


@dataclass(frozen=True, eq=False)
class Network:
    """One network in all its forms.

    Attributes:
        name: topology and bits.
        floating: the float module of this shape, in eval mode.
        quantized: with Brevitas quantizers, in eval mode.
        path: the QONNX file.
        graph: imported from it.
        shape: of a sample of the source.
    """

    name: str
    floating: nn.Module
    quantized: nn.Module
    path: Path
    graph: Graph
    shape: tuple[int, ...]

    def samples(self, count: int, seed: int = 1) -> np.ndarray:
        """Random samples, float32 ``(count, *shape)``: images in 0..1, or normal features."""
        return _samples(self.shape, count, seed)


def _samples(shape: Sequence[int], count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if len(shape) == 1:
        return rng.normal(0, 1, (count, *shape)).astype(np.float32)
    return (rng.random((count, *shape)) ** 2).astype(np.float32)


def _mlp(widths: Sequence[int]) -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _cnv() -> nn.Module:
    """CNV's convolutions and dense layers with batch norms, as a float module."""
    layers: list[nn.Module] = []
    channels = 3
    for width, pooled in ((64, 0), (64, 1), (128, 0), (128, 1), (256, 0), (256, 0)):
        layers += [nn.Conv2d(channels, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if pooled else []
        channels = width
    layers.append(nn.Flatten())
    for width in (512, 512):
        layers += [nn.Linear(channels, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.Linear(channels, 10))


class _Sign(nn.Hardtanh):  # type: ignore[misc]
    """What a float network has in the place of a sign."""


def _lfc() -> nn.Module:
    """784 inputs, three layers of 1024: LFC of FINN, a float module."""
    layers: list[nn.Module] = []
    channels = 784
    for _ in range(3):
        layers += [nn.Linear(channels, 1024, bias=False), nn.BatchNorm1d(1024), _Sign()]
        channels = 1024
    return nn.Sequential(*layers, nn.Linear(channels, 10, bias=False))


def _binary_lfc() -> nn.Module:
    """LFC with the quantizers of :mod:`hwcompress.models.cnv`."""
    from brevitas.nn import QuantIdentity, QuantLinear
    from brevitas.quant import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst

    def sign() -> nn.Module:
        return QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_const=1.0)

    def dense(inputs: int, outputs: int) -> nn.Module:
        return QuantLinear(
            inputs,
            outputs,
            bias=False,
            weight_quant=SignedBinaryWeightPerTensorConst,
            weight_scaling_const=1.0,
        )

    layers: list[nn.Module] = [sign()]
    channels = 784
    for _ in range(3):
        layers += [dense(channels, 1024), nn.BatchNorm1d(1024), sign()]
        channels = 1024
    return nn.Sequential(*layers, dense(channels, 10))


_FLOAT: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (lambda: _mlp((16, 64, 32, 32, 5)), MLP_SHAPE),
    "digits": (digits_cnn, (1, 8, 8)),
    "cnv": (_cnv, CNV_SHAPE),
    "resnet8": (resnet8, (3, 32, 32)),
    "lfc": (_lfc, (784,)),
}


def names() -> tuple[str, ...]:
    """Topologies; ``NAME-wNaN`` is one of them with bits."""
    return tuple(_FLOAT)


@cache
def make(name: str, folder: Path) -> Network:
    """A network by its name, for example ``mlp-w4a4``; files go to a folder.

    Raises:
        ValueError: no such network.
    """
    topology, _, bits = name.partition("-w")
    if topology not in _FLOAT or not bits:
        raise ValueError(f"no network {name!r}")
    weight_bits, act_bits = (int(item) for item in bits.split("a"))
    build, shape = _FLOAT[topology]
    torch.manual_seed(0)
    floating = build().eval()
    x = _samples(shape, 64, 0)
    settle(floating, x, 0)
    if (weight_bits, act_bits) == (1, 1):
        quantized = cnv_w1a1() if topology == "cnv" else _binary_lfc().eval()
        if topology == "lfc":
            settle(quantized, x, 0)
    else:
        signed = len(shape) == 1
        quantized = quantize_module(
            floating,
            weight_bits=weight_bits,
            act_bits=act_bits,
            input_scale=input_scale_for(x, act_bits, signed),
            signed_input=signed,
        )
        calibrate(quantized, x)
    freeze_batch_norm(quantized)
    freeze_bias(quantized)
    path = folder / f"{name}.onnx"
    export_qonnx(quantized, shape, path)
    graph = import_model(path).graph
    return Network(name, floating, quantized.eval(), path, graph, shape)


def integers_of(graph: Graph, samples: np.ndarray) -> np.ndarray:
    """Samples as the graph takes them, in the narrowest type that the simulator reads at once."""
    integers = graph.inputs[0].encode(samples)
    kind = graph.inputs[0].dtype
    for dtype in (np.int8, np.uint8, np.int32):
        if np.iinfo(dtype).min <= kind.lo and kind.hi <= np.iinfo(dtype).max:
            return integers.astype(dtype)
    return integers


def reals_as_integers(graph: Graph, reals: np.ndarray) -> np.ndarray:
    """What another tool computed as integers of the graph's output, float64 ``(n, channels)``.

    They are whole numbers if the tool is exact; nothing is rounded here.
    """
    tensor = graph.tensors[graph.outputs[0].inputs[0]]
    scale, offset = np.array(tensor.affine.scale), np.array(tensor.affine.offset)
    shaped = np.asarray(reals, np.float64).reshape(len(reals), *tensor.shape)
    return (shaped - offset) / scale
