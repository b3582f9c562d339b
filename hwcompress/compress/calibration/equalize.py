"""Cross-layer equalization: channels of one range, so that one scale fits all of them.

Between two layers joined by ReLU (or nothing), channel ``i`` of the first may be multiplied by
any positive ``s_i`` if the second divides by it; ``s_i`` is chosen so that both layers' weights
have the same range in that channel (Nagel et al. 2019, section 4.1). Brevitas does the search.
"""

from __future__ import annotations

import copy
import logging
import warnings

import torch
from torch import fx, nn

from hwcompress.compress.calibration.flattened import equalize_pair, flattened_pairs
from hwcompress.compress.fold import fold_affine
from hwcompress.compress.kinds import WEIGHTED
from hwcompress.compress.parts import trace_module
from hwcompress.errors import InputError

__all__ = ["equalize", "fold_batch_norm"]

_SETTLED = 0.01  # relative change of a weight


def fold_batch_norm(module: nn.Module) -> fx.GraphModule:
    """A copy whose batch norms and constant gains and offsets are in the layers before them.

    ``w' = w gamma / sqrt(var + eps)``, ``b' = (b - mean) gamma / sqrt(var + eps) + beta``, in
    float64 and rounded once.

    Raises:
        UnsupportedError: the module cannot be traced.
    """
    traced = trace_module(copy.deepcopy(module).eval())
    fold_affine(traced)
    return traced.eval()


def equalize(
    module: nn.Module, *, iterations: int = 20, merge_bias: bool = False
) -> tuple[fx.GraphModule, int]:
    """A float copy that computes the same function, with batch norms folded.

    Args:
        module: float, traceable by ``torch.fx``; not quantized yet.
        iterations: over all pairs of layers, fewer once nothing moves.
        merge_bias: biases count as weights when ranges are compared.

    Returns:
        The module, and how many groups of layers were equalized.

    Raises:
        InputError: fewer than one iteration, or the module is quantized already.
        UnsupportedError: the module cannot be traced.
    """
    if iterations < 1:
        raise InputError(f"{iterations} iterations of equalization", remedy="give 1 at least")
    if any(hasattr(part, "weight_quant") for part in module.modules()):
        raise InputError(
            "equalization of a module that is quantized already",
            why="scales were chosen for the ranges as they are",
            remedy="put the step before the one that quantizes",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an optional package that is not installed
        from brevitas.graph.equalize import EqualizeGraph

    traced = fold_batch_norm(module)
    logging.getLogger("brevitas.graph.equalize").setLevel(logging.ERROR)
    pairs = flattened_pairs(traced)
    search = EqualizeGraph(iterations=1, return_regions=True, merge_bias=merge_bias)
    layers = [part for part in traced.modules() if isinstance(part, WEIGHTED)]
    with torch.no_grad():
        for _ in range(iterations):
            before = [part.weight.clone() for part in layers]
            traced, regions = search.apply(traced)
            for pair in pairs:
                equalize_pair(pair)
            if all(map(_close, before, (part.weight for part in layers))):
                break
    traced.recompile()
    return traced.eval(), len(regions) + len(pairs)


def _close(before: torch.Tensor, after: torch.Tensor) -> bool:
    return bool(torch.allclose(before, after, rtol=_SETTLED, atol=0))
