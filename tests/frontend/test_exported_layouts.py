"""Layouts as PyTorch exports them: the exporter's chains of shapes, behind a quantized input."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_float64, check_qonnx
from hwcompress.ir import trace
from tests.frontend.onnx_builder import DOMAIN

Function = Callable[[torch.Tensor], torch.Tensor]


def shuffled(x: torch.Tensor) -> torch.Tensor:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def blocks(x: torch.Tensor) -> torch.Tensor:
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4)
    return x.reshape(n, c * 4, h // 2, w // 2)


def focus(x: torch.Tensor) -> torch.Tensor:
    parts = [x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)]
    return torch.cat(parts, 1)


def halves(x: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, dim=1)
    return torch.cat([second, first.flip(3)], dim=2)


def merged(x: torch.Tensor) -> torch.Tensor:
    """Windows as in a vision transformer: positions go into the batch axis, and come back."""
    n, c, h, w = x.shape
    x = x.view(n, c, h // 3, 3, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(-1, 6, c)
    x = 2 * x - 0.25
    x = x.view(n, h // 3, w // 2, 3, 2, c).permute(0, 5, 1, 3, 2, 4)
    return x.reshape(n, c, h, w)


FUNCTIONS: dict[str, Function] = {
    "view": lambda x: x.view(x.size(0), -1),
    "view_of_a_product": lambda x: x.view(x.size(0), x.size(1) * x.size(2), -1),
    "reshape": lambda x: x.reshape(-1, x.shape[1] // 2, 2, x.shape[2] * x.shape[3]),
    "permute": lambda x: x.permute(0, 2, 3, 1).contiguous().flatten(1),
    "channel_shuffle": shuffled,
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "blocks": blocks,
    "focus": focus,
    "halves": halves,
    "merged": merged,
    "roll": lambda x: torch.roll(x, (1, -2), (2, 3)),
    "flip": lambda x: x.flip(1),
    "crop": lambda x: x[:, 1:-1, 2:, :-1],
    "negative": lambda x: x[:, -2:, ..., -3:],
    "select": lambda x: x[:, 0],
    "index": lambda x: x[:, :, [0, 2, 5]],
    "stack": lambda x: torch.stack([x[:, :, :, 0], x[:, :, :, -1]], dim=2),
    "unbind": lambda x: torch.cat([item.unsqueeze(1) for item in x.unbind(2)], dim=1),
    "interpolate": lambda x: F.interpolate(x, scale_factor=2, mode="nearest"),
    "interpolate_to": lambda x: F.interpolate(x, size=(x.shape[2] * 2, 8), mode="nearest"),
    "shrink": lambda x: F.interpolate(x, scale_factor=0.5, mode="nearest"),
    "repeat": lambda x: x.repeat(1, 2, 1, 3),
    "repeat_interleave": lambda x: x.repeat_interleave(2, dim=2),
    "expand": lambda x: x[:, :, :1].expand(-1, -1, 4, -1),
    "pad_channels": lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2)),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "split": lambda x: torch.cat(list(torch.split(x, [1, 3], dim=1))[::-1], dim=1),
    "movedim": lambda x: torch.movedim(x, 1, 3).reshape(x.size(0), -1, 4),
    "zeros": lambda x: torch.cat([x, torch.zeros_like(x)], dim=1),
}


def exported(function: Function, path: Path, dynamic: bool) -> None:
    """The function behind a quantizer of its input, as an ONNX file."""

    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return function(x)

    buffer = io.BytesIO()
    axes = {"x": {0: "n", 2: "h", 3: "w"}} if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Module(),
            (torch.zeros(1, 4, 6, 6),),
            buffer,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes=axes,
            opset_version=13,
            dynamo=False,
            do_constant_folding=not dynamic,
        )
    proto = onnx.load_from_string(buffer.getvalue())
    graph = proto.graph
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == "x":
                node.input[place] = "quantized"
    scales = np.array([0.25, 0.5, 0.125, 0.25], np.float32)[:, None, None]
    for name, value in {"s": scales, "one": 0.25, "z": 0.0, "b": 4.0}.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
    nodes = [
        helper.make_node(
            "Quant",
            ["x", "one", "z", "b"],
            ["whole"],
            domain=DOMAIN,
            signed=1,
            narrow=0,
            rounding_mode="ROUND",
        ),
        helper.make_node("Mul", ["whole", "s"], ["quantized"]),
        *graph.node,
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    proto.opset_import.append(helper.make_opsetid(DOMAIN, 2))
    onnx.save(proto, path)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_equals_the_executor(name: str, dynamic: bool, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    exported(FUNCTIONS[name], path, dynamic)
    samples = np.random.default_rng(1).normal(0, 1, (12, 4, 6, 6)).astype(np.float32)
    imported = import_model(path, samples=samples)
    integers = trace(imported.graph, imported.graph.inputs[0].encode(samples))
    for result in [
        *check_float64(imported, samples, integers),
        *check_qonnx(imported, samples, integers),
    ]:
        assert result.mismatches == 0, result
    assert len(imported.graph.ops) < 30
