"""A scheme of quantization-aware training, and how it is put into a module.

A scheme says what becomes of a layer with weights, of an activation, and of the
first and last layer. :func:`apply_scheme` puts it into any module that
:func:`hwcompress.compress.quantize.quantize_module` takes. The result is trained
(:func:`hwcompress.compress.train.train_classifier`), then made plain
(:func:`hwcompress.compress.schemes.settle.settle`) and exported.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import fx, nn

from hwcompress.compress.calibrate import calibrate
from hwcompress.compress.kinds import WEIGHTED
from hwcompress.compress.layers import activation_quantizer, quantized_layer
from hwcompress.compress.parts import refuse_quantizers, trace_module
from hwcompress.compress.quantize import input_scale_for, quantize_module
from hwcompress.errors import InputError
from hwcompress.samples import Samples, named

__all__ = ["Scheme", "WithActivations", "apply_scheme", "check_bits", "edge_layers"]


@dataclass(frozen=True)
class Scheme(ABC):
    """What every scheme has; the fields are options of a recipe's step.

    Attributes:
        edge_bits: bits of the weights of the first and the last layer, with a scale that is a
            power of two; 0: like all others. Papers keep these layers in float, which no
            integer graph can hold; eight bits are as good.
        input_bits: of the module's input.
    """

    edge_bits: int = 8
    input_bits: int = 8

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if self.edge_bits:
            check_bits("first and last layers", self.edge_bits, 1)
        check_bits("inputs", self.input_bits, 1)

    @abstractmethod
    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        """The layer with quantized weights.

        Args:
            part: the float layer, whose parameters are kept.
            last: it gives an output, so that its channels have to share one scale.
        """

    @abstractmethod
    def activation(self, positive: bool, bits: int) -> nn.Module:
        """A quantizer of activations.

        Args:
            positive: there are no negative ones.
            bits: as the place wants it: what a table will compute gets eight or more.
        """

    @property
    @abstractmethod
    def activation_bits(self) -> int:
        """Bits of an activation."""

    def before(self, module: nn.Module) -> nn.Module:
        """The float module as the scheme wants it, with torch's own layers only."""
        return module

    def after(self, module: fx.GraphModule) -> None:  # noqa: B027  (most leave nothing)
        """What is left to change when the quantizers are in."""

    def extra_loss(self, module: nn.Module) -> torch.Tensor | None:
        """What is added to the loss in training, if anything."""
        return None


@dataclass(frozen=True)
class WithActivations(Scheme):
    """Activations as in the toolkit's own recipes: a learned power of two.

    Attributes:
        act_bits: of an activation.
    """

    act_bits: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bits("activations", self.act_bits, 1)

    @property
    def activation_bits(self) -> int:
        return self.act_bits

    def activation(self, positive: bool, bits: int) -> nn.Module:
        return activation_quantizer(positive, bits, None)


def check_bits(what: str, bits: int, low: int, high: int = 8) -> None:
    """Raise if a number of bits is out of range."""
    if not low <= bits <= high:
        raise InputError(f"{what} of {bits} bits", remedy=f"give {low} to {high} bits")


def apply_scheme(
    module: nn.Module,
    scheme: Scheme,
    samples: Samples,
    *,
    layers: Mapping[str, Scheme] | Callable[[str], Scheme] | None = None,
    signed: Sequence[bool] = (),
) -> nn.Module:
    """A copy of a float module with a scheme's quantizers, ready to be trained.

    Args:
        module: traceable by ``torch.fx``; it is not changed.
        scheme: of all layers, and of the activations.
        samples: typical real samples ``(n, *input shape)``; they fix the input's scale and
            are what activations are calibrated with.
        layers: the scheme of a layer's weights by the layer's name, where it differs; by a
            function for all.
        signed: whether each input takes negative values; by default as the samples show.

    Raises:
        InputError: a bit width is out of range, a name is of no layer, or the module has
            quantizers already.
        UnsupportedError: the module cannot be traced, or a part of it not quantized.
    """
    if isinstance(module, WEIGHTED):
        module = nn.Sequential(module)
    refuse_quantizers(module, "a scheme", "give one scheme, and a float module")
    prepared = scheme.before(copy.deepcopy(module))
    names = [name for name, part in prepared.named_modules() if isinstance(part, WEIGHTED)]
    if isinstance(layers, Mapping):
        unknown = sorted(set(layers) - set(names))
        if unknown:
            raise InputError(
                f"no layer {unknown[0]!r} with weights in the module",
                remedy=f"layers: {', '.join(names)}",
            )
    first, last = edge_layers(prepared)

    def of_layer(name: str) -> Scheme:
        if isinstance(layers, Mapping):
            return layers.get(name, scheme)
        return layers(name) if layers else scheme

    def make_layer(name: str, part: nn.Module) -> nn.Module:
        chosen = of_layer(name)
        if chosen.edge_bits and name in first | last:
            return quantized_layer(part, chosen.edge_bits)
        return chosen.layer(part, name in last)

    def make_activation(positive: bool, bits: int, scale: float | None) -> nn.Module:
        if scale is not None:
            return activation_quantizer(positive, scheme.input_bits, scale)
        return scheme.activation(positive, bits)

    arrays = list(named(samples, ("",)).values())
    negatives = list(signed) or [bool(np.min(item) < 0) for item in arrays]
    result = quantize_module(
        prepared,
        weight_bits=8,
        act_bits=scheme.activation_bits,
        input_scale=[
            input_scale_for(item, scheme.input_bits, negative)
            for item, negative in zip(arrays, negatives, strict=True)
        ],
        signed_input=negatives,
        layer=make_layer,
        activation=make_activation,
    )
    assert isinstance(result, fx.GraphModule)
    scheme.after(result)
    calibrate(result, samples)
    for part in result.modules():
        if callable(restart := getattr(part, "restart", None)):
            restart()  # before training, batch norms have no statistics to go by
    return result


def edge_layers(module: nn.Module) -> tuple[set[str], set[str]]:
    """Names of the layers that the input reaches first, and that reach the output last.

    Raises:
        UnsupportedError: the module cannot be traced.
    """
    graph_module = module if isinstance(module, fx.GraphModule) else trace_module(module)
    parts = dict(graph_module.named_modules())
    nodes = list(graph_module.graph.nodes)

    def weighted(node: fx.Node) -> bool:
        return node.op == "call_module" and isinstance(parts[str(node.target)], WEIGHTED)

    def reached(start: Sequence[fx.Node], forward: bool) -> set[str]:
        waiting, seen, found = list(start), set(start), set()
        while waiting:
            node = waiting.pop()
            for other in node.users if forward else node.all_input_nodes:
                if weighted(other):
                    found.add(str(other.target))
                elif other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return found

    return (
        reached([node for node in nodes if node.op == "placeholder"], True),
        reached([node for node in nodes if node.op == "output"], False),
    )
