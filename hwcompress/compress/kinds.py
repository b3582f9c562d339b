"""What the nodes of a traced module do, as far as quantizers are concerned."""

from __future__ import annotations

import operator
from collections.abc import Collection
from functools import cached_property

import torch
from torch import fx, nn
from torch.nn import functional

__all__ = ["WEIGHTED", "Traced"]

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear)
"""Layers that get quantized weights."""

# Operators that only move, select or repeat values: a quantizer may stand before them.
_MOVING = (
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.Flatten,
    nn.Unflatten,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Identity,
    nn.Upsample,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
    nn.ChannelShuffle,
    nn.ZeroPad1d,
    nn.ZeroPad2d,
)
_MOVING_FUNCTIONS = frozenset(
    {
        torch.flatten,
        torch.reshape,
        torch.permute,
        torch.transpose,
        torch.squeeze,
        torch.unsqueeze,
        torch.chunk,
        torch.split,
        torch.index_select,
        torch.select,
        torch.max_pool1d,
        torch.max_pool2d,
        functional.pad,
        functional.pixel_shuffle,
        functional.pixel_unshuffle,
        functional.max_pool1d,
        functional.max_pool2d,
        functional.dropout,
        functional.interpolate,
        operator.getitem,
    }
)
_MOVING_METHODS = frozenset(
    {
        "chunk",
        "contiguous",
        "flatten",
        "permute",
        "reshape",
        "split",
        "squeeze",
        "transpose",
        "unflatten",
        "unsqueeze",
        "view",
    }
)
_AVERAGE = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
_AVERAGE_FUNCTIONS = frozenset(
    {
        functional.avg_pool1d,
        functional.avg_pool2d,
        functional.adaptive_avg_pool1d,
        functional.adaptive_avg_pool2d,
        torch.mean,
    }
)
_POSITIVE = (nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Hardsigmoid, nn.Softplus)
_POSITIVE_FUNCTIONS = frozenset(
    {
        torch.relu,
        torch.sigmoid,
        functional.relu,
        functional.relu6,
        functional.sigmoid,
        functional.hardsigmoid,
        functional.softplus,
    }
)
_POSITIVE_METHODS = frozenset({"relu", "sigmoid"})
# Activations that rise and fall: they become tables, which want a narrow input.
_CURVED = (nn.SiLU, nn.GELU, nn.Hardswish, nn.Mish)
_CURVED_FUNCTIONS = frozenset(
    {functional.silu, functional.gelu, functional.hardswish, functional.mish}
)
_SUMS = frozenset({operator.add, operator.iadd, torch.add, operator.sub, operator.isub, torch.sub})
_SUM_METHODS = frozenset({"add", "add_", "sub", "sub_"})
_PRODUCTS = frozenset({operator.mul, operator.imul, torch.mul})
_PRODUCT_METHODS = frozenset({"mul", "mul_"})
# What takes one operand or another, element by element.
_CHOICES = frozenset({torch.where, torch.maximum, torch.minimum})
# What mixes elements of one tensor, without weights.
_MIXING = (nn.Softmax, nn.LogSoftmax)
_MIXING_FUNCTIONS = frozenset(
    {
        torch.amax,
        torch.amin,
        torch.log_softmax,
        torch.softmax,
        torch.sum,
        functional.log_softmax,
        functional.softmax,
    }
)
_MIXING_METHODS = frozenset({"amax", "amin", "log_softmax", "softmax", "sum"})
_CONCATENATIONS = frozenset({torch.cat, torch.concat})


class Traced:
    """A traced module, and what each of its nodes does.

    Args:
        graph_module: what was traced.
        signed_inputs: its placeholders that take negative values.
    """

    def __init__(
        self, graph_module: fx.GraphModule, signed_inputs: Collection[fx.Node] = ()
    ) -> None:
        self.graph_module = graph_module
        self._signed = frozenset(signed_inputs)
        self.modules = dict(graph_module.named_modules())
        self._sources: dict[fx.Node, fx.Node | None] = {}

    @property
    def nodes(self) -> list[fx.Node]:
        """The nodes, in order."""
        return list(self.graph_module.graph.nodes)

    def part(self, node: fx.Node) -> nn.Module | None:
        """The module that a node calls."""
        return self.modules.get(str(node.target)) if node.op == "call_module" else None

    @cached_property
    def _numbers(self) -> frozenset[fx.Node]:
        """Nodes that give sizes and numbers made of them, not tensors."""
        found: set[fx.Node] = set()
        for node in self.nodes:
            sizes = (node.op == "call_method" and node.target in ("size", "dim")) or (
                node.op == "call_function" and node.target is getattr
            )
            sources = node.all_input_nodes
            if sizes or (sources and node.op == "call_function" and set(sources) <= found):
                found.add(node)
        return frozenset(found)

    def operands(self, node: fx.Node) -> list[fx.Node]:
        """The inputs of a node that are computed tensors."""
        return [
            item
            for item in node.all_input_nodes
            if item not in self._numbers and item.op != "get_attr"
        ]

    def _calls(
        self,
        node: fx.Node,
        modules: tuple[type[nn.Module], ...],
        functions: frozenset[object],
        methods: frozenset[str] = frozenset(),
    ) -> bool:
        if node.op == "call_function":
            return node.target in functions
        if node.op == "call_method":
            return node.target in methods
        return isinstance(self.part(node), modules)

    def is_weighted(self, node: fx.Node) -> bool:
        """A convolution or linear layer."""
        return isinstance(self.part(node), WEIGHTED)

    def is_average(self, node: fx.Node) -> bool:
        """Average pooling, or a mean."""
        return self._calls(node, _AVERAGE, _AVERAGE_FUNCTIONS, frozenset({"mean"}))

    def is_moving(self, node: fx.Node) -> bool:
        """It only moves, selects or repeats values."""
        return self._calls(node, _MOVING, _MOVING_FUNCTIONS, _MOVING_METHODS)

    def is_concatenation(self, node: fx.Node) -> bool:
        """Tensors side by side."""
        return node.op == "call_function" and node.target in _CONCATENATIONS

    def is_curved(self, node: fx.Node) -> bool:
        """An activation that rises and falls."""
        return self._calls(node, _CURVED, _CURVED_FUNCTIONS)

    def is_product(self, node: fx.Node) -> bool:
        """A product of two computed tensors."""
        return self._calls(node, (), _PRODUCTS, _PRODUCT_METHODS) and self._joins(node)

    def is_join(self, node: fx.Node) -> bool:
        """A sum, difference, product or choice of two computed tensors."""
        functions = _SUMS | _PRODUCTS | _CHOICES
        joins = self._calls(node, (), functions, _SUM_METHODS | _PRODUCT_METHODS)
        return joins and self._joins(node)

    def _joins(self, node: fx.Node) -> bool:
        return node not in self._numbers and len(self.operands(node)) > 1

    def common_source(self, node: fx.Node) -> fx.Node | None:
        """The one tensor of which all operands of a node are functions, element by element."""
        if node not in self._sources:
            first, *others = (self._scalar_chain(item) for item in self.operands(node))
            shared = (item for item in first if all(item in chain for chain in others))
            self._sources[node] = next(shared, None)
        return self._sources[node]

    def _scalar_chain(self, node: fx.Node) -> list[fx.Node]:
        """A node, and back over element-wise functions of one tensor."""
        chain = [node]
        while not self._mixes(node):
            operands = self.operands(node)
            if len(operands) != 1 and not self.is_join(node):
                break
            source = operands[0] if len(operands) == 1 else self.common_source(node)
            if source is None:
                break
            node = source
            chain.append(node)
        return chain

    def _mixes(self, node: fx.Node) -> bool:
        """It is no function of single elements."""
        mixing = self._calls(node, _MIXING, _MIXING_FUNCTIONS, _MIXING_METHODS)
        return mixing or self.is_weighted(node) or self.is_average(node) or self.is_moving(node)

    def is_positive(self, node: fx.Node) -> bool:
        """Whether a node's values are known never to be negative."""
        if node.op == "placeholder":
            return node not in self._signed
        if self._calls(node, _POSITIVE, _POSITIVE_FUNCTIONS, _POSITIVE_METHODS):
            return True
        part = self.part(node)
        if isinstance(part, nn.Hardtanh) and part.min_val >= 0:
            return True
        if node.op == "call_function" and node.target is torch.clamp:
            return isinstance(low := node.kwargs.get("min"), int | float) and low >= 0
        sums = self._calls(node, (), frozenset({operator.add, operator.iadd, torch.add}))
        passes = self.is_average(node) or self.is_moving(node) or self.is_concatenation(node)
        if passes or ((sums or self.is_product(node)) and self.is_join(node)):
            return all(self.is_positive(item) for item in self.operands(node))
        return False
