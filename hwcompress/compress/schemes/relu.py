"""ReLUs taken out where a sign is the activation."""

from __future__ import annotations

import torch
from torch import fx, nn

from hwcompress.compress.kinds import WEIGHTED
from hwcompress.errors import UnsupportedError

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
    try:
        graph_module = fx.symbolic_trace(module)
    except Exception as error:  # torch.fx raises many types
        raise UnsupportedError(
            f"the module cannot be traced: {type(error).__name__}: {error}",
            remedy="write its forward without control flow on values",
        ) from error
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
