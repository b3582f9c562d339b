"""A float module with Brevitas quantizers put in, all scales powers of two.

Every convolution and linear layer gets quantized weights. What they read, what
is averaged, and both branches of a sum or a product are quantized as early as
possible (:mod:`hwcompress.compress.places`): right behind the operator that
computes it, so that pooling and reshaping work on few bits. Everything between
is left as it is; the frontend evaluates it (docs/architecture.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import fx, nn

from hwcompress.compress.fold import fold_affine
from hwcompress.compress.kinds import WEIGHTED, Traced
from hwcompress.compress.layers import activation_quantizer, quantized_layer
from hwcompress.compress.parts import replace_part, trace_module
from hwcompress.compress.places import Place, find_places
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.samples import Samples, named

__all__ = [
    "ActivationMaker",
    "InputScale",
    "LayerBits",
    "LayerMaker",
    "input_scale_for",
    "input_scales_for",
    "quantize_module",
]

InputScale = float | Callable[[int], float]
"""Fixed scale of an input, or what gives it for a number of bits."""

Value = TypeVar("Value", InputScale, bool)

LayerMaker = Callable[[str, nn.Module], nn.Module]
"""Name of a layer with weights, and the layer -> what takes its place."""

ActivationMaker = Callable[[bool, int, float | None], nn.Module]
"""Whether values are never negative, bits, and the scale if it is given -> the quantizer."""


@dataclass(frozen=True)
class LayerBits:
    """Bits of one layer, 1 to 8.

    Attributes:
        weight: of a weight.
        act: of what the layer reads.
    """

    weight: int
    act: int


_STATISTICS = (
    "it divides by a mean and variance of the sample itself; use BatchNorm, whose statistics are"
    " constants"
)
# What else has weights, and what no integers hold, with what helps.
_OTHER_LAYERS: dict[type[nn.Module], str] = {
    nn.RNNBase: "it keeps a state from step to step; use a temporal convolution, nn.Conv1d",
    nn.MultiheadAttention: "it multiplies computed tensors; cut the network before it",
    nn.Embedding: "it looks vectors up; leave it to the host and feed its result",
    nn.GroupNorm: _STATISTICS,
    nn.LayerNorm: _STATISTICS,
    nn.LocalResponseNorm: _STATISTICS,
    nn.modules.instancenorm._InstanceNorm: _STATISTICS,
    nn.modules.conv._ConvNd: "",
    nn.Bilinear: "",
}
_WEIGHT_FUNCTIONS = (
    nn.functional.linear,
    nn.functional.bilinear,
    nn.functional.embedding,
    torch.conv1d,
    torch.conv2d,
    torch.conv3d,
    torch.conv_transpose1d,
    torch.conv_transpose2d,
    nn.functional.conv1d,
    nn.functional.conv2d,
    nn.functional.conv_transpose1d,
    nn.functional.conv_transpose2d,
)


def quantize_module(
    module: nn.Module,
    *,
    weight_bits: int,
    act_bits: int,
    input_scale: InputScale | Sequence[InputScale],
    signed_input: bool | Sequence[bool],
    calibrated_only: bool = False,
    layers: Mapping[str, LayerBits] | None = None,
    layer: LayerMaker | None = None,
    activation: ActivationMaker = activation_quantizer,
) -> nn.Module:
    """A copy of a float module with quantized weights and activations.

    Args:
        module: traceable by ``torch.fx``; it is not changed.
        weight_bits: 1 to 8; one bit means the binary weights {-1, +1}.
        act_bits: 1 to 8; one bit means {-1, +1}, and {0, 1} after a ReLU.
        input_scale: fixed scale of the model's input, a power of two
            (:func:`input_scale_for`), or a function of the bits that the input gets; of each
            of several, in the order of ``forward``'s arguments.
        signed_input: whether the model's input takes negative values, likewise.
        calibrated_only: no training follows. Batch norms are folded into the layers before
            them, and weights get a scale for each output channel, in all layers but those
            that give the model's outputs, whose integers have to compare as the reals do.
        layers: bits of single layers, by their names in the module.
        layer: makes the layer with quantized weights; by default that of ``weight_bits`` bits.
        activation: makes the quantizers of activations; the scale is given for inputs only.

    Returns:
        A module whose activation scales are yet to be set by training or
        calibration. The model's output is not quantized.

    Raises:
        InputError: a bit width is not from 1 to 8, or scales are given for another number
            of inputs than ``forward`` has.
        UnsupportedError: the module cannot be traced, or a part of it not quantized.
    """
    usual, own = LayerBits(weight_bits, act_bits), dict(layers or {})
    _check_bits([usual, *own.values()])
    if isinstance(module, WEIGHTED):
        module = nn.Sequential(module)  # a layer of its own, not its inside, is to be traced
    remedy = "write its forward without control flow on values, or build it with Brevitas"
    graph_module = trace_module(module, copied=True, remedy=remedy)
    _refuse(graph_module, dict(graph_module.named_modules()))
    if calibrated_only:
        fold_affine(graph_module)
    scales = _per_input(graph_module, input_scale)
    signed = _per_input(graph_module, signed_input)
    traced = Traced(graph_module, [node for node, negative in signed.items() if negative])
    places = find_places(traced, act_bits, lambda name: own.get(name, usual).act)
    # All are made before the first one stands in the graph: it hides what its values come from.
    quantizers = [_quantizer(traced, place, scales, activation) for place in places]
    for index, (place, quantizer) in enumerate(zip(places, quantizers, strict=True)):
        _insert(graph_module, place, quantizer, f"act_quant_{index}")
    last = _last_layers(traced) if calibrated_only else None
    for name, part in traced.modules.items():
        if isinstance(part, WEIGHTED):
            per_channel = last is not None and name not in last
            bits = own.get(name, usual).weight
            made = layer(name, part) if layer else quantized_layer(part, bits, per_channel)
            replace_part(graph_module, name, made)
    graph_module.graph.lint()
    graph_module.recompile()
    return graph_module


def _check_bits(given: Sequence[LayerBits]) -> None:
    for item in given:
        for name, bits in (("weight", item.weight), ("activation", item.act)):
            if not 1 <= bits <= 8:
                raise InputError(f"{name}s of {bits} bits", remedy="give 1 to 8 bits")


def _per_input(
    graph_module: fx.GraphModule, given: Value | Sequence[Value]
) -> dict[fx.Node, Value]:
    """A value of each input; one alone is that of the first, others have defaults."""
    inputs = [node for node in graph_module.graph.nodes if node.op == "placeholder"]
    values = list(given) if isinstance(given, Sequence) else [given]
    needed = [node for node in inputs if not node.args]
    if not len(needed) <= len(values) <= len(inputs):
        names = ", ".join(str(node.target) for node in inputs)
        raise InputError(
            f"the module's forward takes {len(inputs)} inputs ({names}), not {len(values)}",
            remedy="give an .npz with an array named after each of them",
        )
    return dict(zip(inputs, values, strict=False))


def _last_layers(traced: Traced) -> set[str]:
    """Names of the layers whose results reach an output without passing another quantizer."""
    parts = dict(traced.graph_module.named_modules())
    found: set[str] = set()
    waiting = [node for node in traced.nodes if node.op == "output"]
    seen = set(waiting)
    while waiting:
        for source in waiting.pop().all_input_nodes:
            if traced.is_weighted(source):
                found.add(str(source.target))
            elif source not in seen and not hasattr(parts.get(str(source.target)), "act_quant"):
                seen.add(source)
                waiting.append(source)
    return found


def _refuse(graph_module: fx.GraphModule, modules: dict[str, nn.Module]) -> None:
    """Raise for every part whose weights would stay in float, or whose statistics change."""
    problems = []
    for node in graph_module.graph.nodes:
        if node.op == "call_function" and node.target in _WEIGHT_FUNCTIONS:
            problems.append(f"{node.name}: a call of {node.target.__name__} with weights")
    for name, part in modules.items():
        if not isinstance(part, WEIGHTED):
            for kind, why in _OTHER_LAYERS.items():
                if isinstance(part, kind):
                    said = type(part).__name__
                    article = "an" if said[0] in "AEFHILMNORSX" and said.isupper() else "a"
                    problems.append(f"{name}: {article} {said}" + (f" ({why})" if why else ""))
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is None:
            problems.append(f"{name}: a batch norm without running statistics")
    if problems:
        raise UnsupportedError(
            f"{len(problems)} part(s) of the module cannot be quantized",
            problems,
            remedy="use nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d and nn.Linear modules, and batch"
            " norms that track their statistics",
        )


def input_scale_for(samples: np.ndarray, bits: int, signed: bool) -> float:
    """The power of two that quantizes samples with the least squared error."""
    reach = float(np.abs(samples).max()) or 1.0
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    top = math.ceil(math.log2(reach))
    best, best_error = 1.0, math.inf
    for exponent in range(top - bits - 2, top + 1):
        scale = 2.0**exponent
        error = float(
            np.mean((np.clip(np.rint(samples / scale), low, high) * scale - samples) ** 2)
        )
        if error < best_error:
            best, best_error = scale, error
    return best


def input_scales_for(samples: Samples, signed: Sequence[bool]) -> list[InputScale]:
    """:func:`input_scale_for` of each input, for whatever number of bits it will get."""
    arrays = named(samples, ("",)).values()
    return [
        partial(_scale_of_bits, item, negative)
        for item, negative in zip(arrays, signed, strict=True)
    ]


def _scale_of_bits(samples: np.ndarray, signed: bool, bits: int) -> float:
    return input_scale_for(samples, bits, signed)


def _quantizer(
    traced: Traced,
    place: Place,
    scales: Mapping[fx.Node, InputScale],
    activation: ActivationMaker,
) -> nn.Module:
    positive = all(traced.is_positive(origin) for origin in place.origins)
    scale = None
    if place.origins[0].op == "placeholder":
        scale = scales.get(place.origins[0])
    fixed = scale(place.bits) if callable(scale) else scale
    return activation(positive, place.bits, fixed)


def _insert(graph_module: fx.GraphModule, place: Place, layer: nn.Module, name: str) -> None:
    """Put a layer behind nodes; every reader then reads the layer."""
    graph_module.add_submodule(name, layer)
    for source in place.origins:
        readers = list(source.users)
        with graph_module.graph.inserting_after(source):
            inserted = graph_module.graph.call_module(name, (source,))
        for reader in readers:
            reader.replace_input_with(source, inserted)
