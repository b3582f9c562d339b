"""How much the loss depends on each weight: the diagonal of its Hessian, estimated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from hwcompress.compress.feeding import tensors
from hwcompress.compress.outputs import before_host, ends_in_softmax
from hwcompress.errors import InputError
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = ["adam_second_moment", "fisher_diagonal"]


def fisher_diagonal(
    module: nn.Module, x: Samples, y: np.ndarray, layers: Sequence[str]
) -> dict[str, np.ndarray]:
    """Mean square of each weight's gradient, a sample at a time: the diagonal of the empirical
    Fisher matrix, which is that of the Hessian near a minimum of the cross-entropy.

    Args:
        module: in eval mode afterwards; its outputs are logits or their softmax.
        x: samples ``(n, *input shape)``; some hundreds suffice.
        y: labels ``(n,)``.
        layers: names of the layers whose weights are asked for.

    Returns:
        Layer -> float64 of its weights' shape.

    Raises:
        InputError: there are no samples.
    """
    count = sample_count(x)
    if not count:
        raise InputError("no samples to estimate the importance of weights from")
    module.eval()
    parameters = [module.get_submodule(name).weight for name in layers]
    totals = [torch.zeros_like(item, dtype=torch.float64) for item in parameters]
    labels = torch.as_tensor(np.asarray(y), dtype=torch.int64)
    softmax = int(ends_in_softmax(module, tensors(sample_rows(x, slice(0, 2)))))
    for row in range(count):
        data = tensors(sample_rows(x, slice(row, row + 1)))
        loss = functional.cross_entropy(before_host(module, data, softmax), labels[row : row + 1])
        for total, gradient in zip(totals, torch.autograd.grad(loss, parameters), strict=True):
            total += gradient.double() ** 2
    return {name: (total / count).numpy() for name, total in zip(layers, totals, strict=True)}


def adam_second_moment(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> np.ndarray:
    """Adam's running mean of squared gradients, which may stand for the Hessian's diagonal
    (Choi et al., section 3.4): it costs nothing after a training.

    Raises:
        InputError: the optimizer has not trained the parameter, or keeps no such mean.
    """
    moment = optimizer.state.get(parameter, {}).get("exp_avg_sq")
    if moment is None:
        raise InputError(
            "the optimizer keeps no mean of squared gradients of that parameter",
            remedy="train it with Adam first",
        )
    return np.asarray(moment.detach().double().numpy())
