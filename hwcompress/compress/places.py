"""Where activation quantizers go, and which tensors share one scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import fx

from hwcompress.compress.kinds import Traced

__all__ = ["Place", "find_places"]

_TABLE_BITS = 8  # of what an activation that rises and falls reads


@dataclass(frozen=True)
class Place:
    """Nodes whose results get one quantizer, with one scale.

    Attributes:
        origins: the nodes, in order.
        bits: of the quantizer.
    """

    origins: tuple[fx.Node, ...]
    bits: int


def find_places(
    traced: Traced, act_bits: int, layer_bits: Callable[[str], int] | None = None
) -> list[Place]:
    """Every place that needs an activation quantizer.

    ``layer_bits`` says how many bits a layer with weights reads, by its name;
    ``act_bits`` if there is none, and for all that are no such layers. What several
    layers read has the most bits that one of them wants.

    Convolutions, linear layers and average pooling read integers, and so do
    sums and products of two branches; what an activation that rises and falls
    reads gets at least eight bits, so that a small table computes it. A
    quantizer stands as early as possible: behind the operator that computes
    the tensor, before pooling, reshaping, splitting and concatenation. Tensors
    that are concatenated for one reader, or for an output, share their scale.
    """
    groups = _Groups()
    for node in traced.nodes:
        if traced.is_weighted(node) or traced.is_average(node):
            own = layer_bits is not None and traced.is_weighted(node)
            bits = layer_bits(str(node.target)) if own and layer_bits else act_bits
            groups.want(_origins(traced, traced.operands(node)[0]), bits)
        elif traced.is_curved(node):
            wanted = max(act_bits, _TABLE_BITS)
            groups.want(_origins(traced, traced.operands(node)[0]), wanted)
        elif traced.is_join(node):
            source = traced.common_source(node)
            if source is not None:  # one function of one tensor, such as x * sigmoid(x)
                groups.want(_origins(traced, source), max(act_bits, _TABLE_BITS))
                continue
            for operand in traced.operands(node):
                groups.want(_origins(traced, operand), act_bits)
    for node in _joined_outputs(traced, groups):
        groups.want(_origins(traced, node), act_bits)
    return groups.places()


def _joined_outputs(traced: Traced, groups: _Groups) -> list[fx.Node]:
    """Concatenations that reach an output before any quantizer: what they join has a scale
    for each part, and the output can have one only."""
    found: list[fx.Node] = []
    waiting = [node for node in traced.nodes if node.op == "output"]
    seen: set[fx.Node] = set()
    while waiting:
        for source in waiting.pop().all_input_nodes:
            if source in seen or groups.wanted(source) or traced.is_weighted(source):
                continue
            seen.add(source)
            if traced.is_concatenation(source):
                found.append(source)
            waiting.append(source)
    return found


def _origins(traced: Traced, node: fx.Node) -> list[fx.Node]:
    """The nodes that compute what a tensor is put together of."""
    while traced.is_moving(node):
        node = traced.operands(node)[0]
    if not traced.is_concatenation(node):
        return [node]
    found = [origin for item in traced.operands(node) for origin in _origins(traced, item)]
    return list(dict.fromkeys(found))


class _Groups:
    """Tensors that need a quantizer, in groups of one scale."""

    def __init__(self) -> None:
        self._members: dict[fx.Node, list[fx.Node]] = {}
        self._bits: dict[fx.Node, int] = {}

    def wanted(self, origin: fx.Node) -> bool:
        """Whether a quantizer stands behind a node."""
        return origin in self._bits

    def want(self, origins: list[fx.Node], bits: int) -> None:
        """A reader of all of these wants so many bits."""
        for origin in origins:
            self._bits[origin] = max(self._bits.get(origin, 0), bits)
            self._members.setdefault(origin, [origin])
        # The scale of the model's input is fixed, and its own.
        free = [origin for origin in origins if origin.op != "placeholder"]
        for origin in free[1:]:
            self._unite(free[0], origin)

    def _unite(self, first: fx.Node, second: fx.Node) -> None:
        one, two = self._members[first], self._members[second]
        if one is two:
            return
        one.extend(two)
        for member in two:
            self._members[member] = one

    def places(self) -> list[Place]:
        """The groups, in the order in which they were wanted first."""
        found: dict[int, Place] = {}
        for members in self._members.values():
            bits = max(self._bits[member] for member in members)
            found.setdefault(id(members), Place(tuple(members), bits))
        return list(found.values())
