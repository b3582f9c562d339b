"""Modules as graphs of their parts, and parts put in the place of others."""

from __future__ import annotations

import copy

from torch import fx, nn

from hwcompress.errors import InputError, UnsupportedError

__all__ = ["has_quantizers", "refuse_quantizers", "replace_part", "trace_module"]

_REMEDY = "write its forward without control flow on values"


def trace_module(
    module: nn.Module, *, copied: bool = False, remedy: str = _REMEDY
) -> fx.GraphModule:
    """The module as ``torch.fx`` sees it, with the same parts, or with copies of them.

    Raises:
        UnsupportedError: it cannot be traced, or copied.
    """
    try:
        return fx.symbolic_trace(copy.deepcopy(module) if copied else module)
    except Exception as error:  # torch.fx raises many types
        raise UnsupportedError(
            f"the module cannot be traced: {type(error).__name__}: {error}", remedy=remedy
        ) from error


def has_quantizers(module: nn.Module) -> bool:
    """Whether a module has parts of Brevitas."""
    return any(type(part).__module__.startswith("brevitas.") for part in module.modules())


def refuse_quantizers(module: nn.Module, who: str, remedy: str) -> None:
    """Raise for a module that is quantized already.

    Args:
        module: any.
        who: what would work on it, for the message.
        remedy: what to do instead.

    Raises:
        InputError: it has quantizers.
    """
    if has_quantizers(module):
        raise InputError(
            "the module has quantizers already",
            why=f"{who} wants a float module: its ranges are chosen anew",
            remedy=remedy,
        )


def replace_part(root: nn.Module, name: str, part: nn.Module) -> None:
    """Put a part in the place of the one of that name."""
    parent, _, leaf = name.rpartition(".")
    setattr(root.get_submodule(parent), leaf, part)
