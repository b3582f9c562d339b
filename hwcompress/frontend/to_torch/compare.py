"""A converted module against onnxruntime, which runs the file itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcompress.errors import CheckFailed
from hwcompress.frontend.reading import read_proto
from hwcompress.samples import Samples, named, sample_count

__all__ = ["LARGEST_DIFFERENCE", "largest_difference"]

LARGEST_DIFFERENCE = 1e-3
"""Of a converted model from its file, relative to the largest value of an output. Float32 sums
in another order differ by some 1e-6; an operator that means something else by far more."""


def largest_difference(module: nn.Module, path: Path, samples: Samples) -> float:
    """The largest difference of any output, relative to the largest value of that output.

    Args:
        module: made of the file by :func:`hwcompress.frontend.to_torch.to_torch`.
        path: the ONNX file.
        samples: real samples ``(n, *input shape)``; of several inputs by name, in the order
            of the module's arguments. Other inputs of the file get zeros.

    Raises:
        CheckFailed: onnxruntime cannot run the file, or the two differ by more than
            :data:`LARGEST_DIFFERENCE`.
    """
    theirs = _onnxruntime(path, samples)
    arrays = named(samples, ("",)).values()
    with torch.no_grad():
        result = module(*(torch.as_tensor(np.asarray(item, np.float32)) for item in arrays))
    ours = result if isinstance(result, tuple) else (result,)
    worst = 0.0
    for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        real = other.astype(np.float64).reshape(tuple(mine.shape))
        scale = float(np.abs(real).max()) or 1.0
        found = float(np.abs(mine.double().numpy() - real).max()) / scale
        if not found <= LARGEST_DIFFERENCE:
            raise CheckFailed(
                f"output {index}: the PyTorch form of the model differs from onnxruntime by"
                f" {found:.3g} of its largest value",
                where=str(path),
                why="an operator of the file was understood otherwise than onnxruntime does",
                remedy="report this model, or give the network as a torch module",
            )
        worst = max(worst, found)
    return worst


def _onnxruntime(path: Path, samples: Samples) -> list[np.ndarray]:
    """Every output for all samples, which run one by one: a batch of one may be baked in."""
    import onnxruntime

    count = sample_count(samples)
    # Not the path: onnxruntime would follow the paths of external data itself.
    proto = read_proto(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        given = named(samples, [item.name for item in session.get_inputs()])
        feeds = {
            item.name: np.asarray(given[item.name], np.float32)
            if item.name in given
            else np.zeros((count, *item.shape[1:]), np.float32)
            for item in session.get_inputs()
        }
        stated = [item.shape[0] for item in session.get_inputs() if item.shape]
        batch = max([1, *(size for size in stated if isinstance(size, int))])
        parts = [
            session.run(None, {name: item[[row] * batch] for name, item in feeds.items()})
            for row in range(count)
        ]
    except Exception as error:  # onnxruntime raises many types
        raise CheckFailed(
            f"onnxruntime cannot run the float model: {str(error).splitlines()[0]}",
            where=str(path),
            remedy="check the file with onnx.checker.check_model, or export it again",
        ) from error
    # A batch that the file states held the same sample many times.
    return [
        np.concatenate([item[: len(item) // batch] for item in items])
        for items in zip(*parts, strict=True)
    ]
