"""An asymmetric int8 network as Verilog: exact, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from onnxruntime.quantization import QuantType
from torch import nn

from hwcompress.frontend import import_model
from hwcompress.hls.folding import default_folding
from hwcompress.ir import Conv, evaluate
from tests.frontend.qdq_models import quantized_by_onnxruntime
from tests.rtl.designs import check_design


class Small(nn.Module):
    """Padding with a zero point, a residual sum of unrelated scales, a pooled mean."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3, padding=1)
        self.depthwise = nn.Conv2d(3, 3, 3, padding=1, groups=3)
        self.last = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = nn.functional.leaky_relu(self.first(x), 0.3)
        y = y + self.depthwise(y)
        return self.last(nn.functional.adaptive_avg_pool2d(y, 1).flatten(1))


def test_an_asymmetric_network_is_exact_in_verilog(tmp_path: Path) -> None:
    torch.manual_seed(4)
    x = np.random.default_rng(4).normal(0.3, 1, (40, 2, 4, 4)).astype(np.float32)
    path = quantized_by_onnxruntime(
        Small(), x, tmp_path, per_channel=True, activations=QuantType.QInt8
    )
    graph = import_model(path).graph
    paddings = [op.pad_value for op in graph.ops if isinstance(op, Conv)]
    assert 0 not in paddings  # zero points
    (op,) = graph.inputs
    integers = op.encode(np.concatenate([x[:4], 3 * x[:3]]))
    wanted = evaluate(graph, integers)[graph.outputs[0].inputs[0]]
    assert len(np.unique(wanted)) > 10
    folding = default_folding(graph, target_cycles=1500)
    check_design(graph, folding, tmp_path / "rtl", samples=integers, stalls=(110, 110))
