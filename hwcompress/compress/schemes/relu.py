"""ReLUs taken out where a sign is the activation."""

from __future__ import annotations

import torch
from torch import nn

from hwcompress.compress.kinds import WEIGHTED
from hwcompress.compress.parts import trace_module

__all__ = ["without_relus"]

_KINDS = (nn.ReLU, nn.ReLU6, nn.Hardtanh)
_FUNCTIONS = (
    torch.relu,
    nn.functional.relu,
    nn.functional.relu6,
    nn.functional.hardtanh,
)


def without_relus(module: nn.Module) -> nn.Module:
    """A traced module without ReLUs and Hardtanhs: ``sign(relu(x))`` would be 1 everywhere.

    Raises:
        UnsupportedError: the module cannot be traced.
    """
    if isinstance(module, WEIGHTED):
        return module
    graph_module = trace_module(module)
    parts = dict(graph_module.named_modules())
    for node in list(graph_module.graph.nodes):
        gone = (
            (node.op == "call_module" and isinstance(parts[str(node.target)], _KINDS))
            or (node.op == "call_function" and node.target in _FUNCTIONS)
            or (node.op == "call_method" and node.target in ("relu", "relu_"))
        )
        if gone:
            node.replace_all_uses_with(node.all_input_nodes[0])
            graph_module.graph.erase_node(node)
    graph_module.delete_all_unused_submodules()
    graph_module.recompile()
    return graph_module
