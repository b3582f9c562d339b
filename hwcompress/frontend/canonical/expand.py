"""The registry of expansions, and the stage itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.old_opsets import today
from hwcompress.frontend.canonical.pads import with_pads_behind
from hwcompress.frontend.canonical.raw_joins import with_joins_behind
from hwcompress.frontend.malformed import MALFORMED
from hwcompress.frontend.onnx_model import Node, OnnxModel

__all__ = ["Canonical", "Expansion", "canonical", "expands", "is_known"]

Expansion = Callable[[Node, Context], list[Node]]
"""The nodes that stand for a node, which keep the names of its outputs. A list that holds the
node itself, unchanged, leaves it."""

_EXPANSIONS: dict[tuple[str, str], Expansion] = {}
_DEEPEST = 16  # expansions of expansions


@dataclass(frozen=True, eq=False)
class Canonical:
    """A model of canonical nodes.

    Attributes:
        model: the nodes; its ``added`` names the tensors that the file does not have.
        refused: node that stayed as it was -> why it cannot be expanded.
    """

    model: OnnxModel
    refused: Mapping[Node, str]


def _domain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def expands(*ops: str, domain: str = "") -> Callable[[Expansion], Expansion]:
    """Decorator: this function expands these operators of a domain (the standard one)."""

    def enter(expansion: Expansion) -> Expansion:
        for op in ops:
            _EXPANSIONS[_domain(domain), op] = expansion
        return expansion

    return enter


def is_known(node: Node) -> bool:
    """Whether some expansion takes the node's operator."""
    return (_domain(node.domain), node.op) in _EXPANSIONS


def canonical(model: OnnxModel) -> Canonical:
    """Expand every node that has an expansion, and what comes out of it.

    A node that cannot be expanded stays, and ``refused`` says why: the walk lists it with
    the others.
    """
    context = Context(model)
    nodes: list[Node] = []
    refused: dict[Node, str] = {}
    for node in model.nodes:
        try:
            results = [item for old in today(node, context) for item in _expanded(old, context)]
        except UnsupportedError as error:
            refused[node], results = str(error), [node]
            context.append(node)
        except MALFORMED as error:
            refused[node], results = _malformed(node, error), [node]
            context.append(node)
        nodes.extend(results)
    if any(node.op == "Pad" for node in nodes):
        nodes = with_pads_behind(nodes, model.outputs, context)
    nodes = with_joins_behind(nodes, model, context)
    nodes = _without_unread_windows(nodes, model.outputs, context)
    named = {name for node in model.nodes for name in node.outputs}
    added = {name for node in nodes for name in node.outputs if name} - named
    initializers: dict[str, np.ndarray] = {**model.initializers, **context.added}
    changed = replace(model, initializers=initializers, nodes=tuple(nodes), added=frozenset(added))
    return Canonical(changed, refused)


def _without_unread_windows(
    nodes: list[Node], outputs: tuple[str, ...], context: Context
) -> list[Node]:
    """Without pixels of windows that became convolutions."""
    optional = {part.outputs[0] for pair in context.windows.values() for part in pair}
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if optional & set(node.outputs) and not wanted & set(node.outputs):
            continue
        wanted.update(node.inputs)
        kept.append(node)
    return kept[::-1]


def _malformed(node: Node, error: BaseException) -> str:
    return (
        f"{node.label}: its inputs and attributes do not fit the operator"
        f" ({type(error).__name__}: {error}). Remedy: check the file with"
        " onnx.checker.check_model"
    )


def _expanded(node: Node, context: Context) -> list[Node]:
    """What stands for a node in the end, entered into the context; each new node names the
    user's in messages."""
    results: list[Node] = []
    waiting = [(node, 0)]
    while waiting:
        item, depth = waiting.pop()
        expansion = _EXPANSIONS.get((_domain(item.domain), item.op))
        parts = [item] if expansion is None or depth == _DEEPEST else expansion(item, context)
        if any(part is item for part in parts):
            done = [_labelled(part, node) for part in parts]
            results.extend(done)
            for part in done:
                context.append(part)
        else:
            waiting.extend((_labelled(part, node), depth + 1) for part in reversed(parts))
    return results


def _labelled(part: Node, node: Node) -> Node:
    if part is node or part.source:
        return part
    return replace(part, name=part.name or node.name, source=node.label)
