"""What a module computes before the functions that are left to the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from hwcompress.compress.feeding import Batch, call

__all__ = ["before_host", "ends_in_softmax", "plain"]

# Functions that an Output of the integer graph may leave to the host.
_HOST = frozenset({"relu", "sigmoid", "softmax", "tanh"})


def plain(result: object) -> torch.Tensor:
    """A tensor from what a module gives: of several the first (Brevitas may wrap it)."""
    first = _first(result)
    value = getattr(first, "value", first)
    assert isinstance(value, torch.Tensor)
    return value


def _first(result: object) -> object:
    """The first of a module's results; Brevitas's tensors are tuples, too, but one result."""
    if isinstance(result, tuple | list) and not hasattr(result, "value"):
        return result[0]
    return result


class _Calls(TorchFunctionMode):  # type: ignore[misc]
    """Remembers argument and result of every host function that is called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[object, object]] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in _HOST and args:
            self.calls.append((args[0], result))
        return result


def before_host(module: nn.Module, data: Batch, functions: int) -> torch.Tensor:
    """The module's output, of several the first, before its last host functions.

    Args:
        module: called once.
        data: a batch.
        functions: how many functions at the end to leave out; 0 is a plain call.
    """
    if not functions:
        return plain(call(module, data))
    with _Calls() as recorded:
        value = _first(call(module, data))
    for argument, result in reversed(recorded.calls):
        if functions and result is value:
            value = argument
            functions -= 1
    return plain(value)


def ends_in_softmax(module: nn.Module, data: Batch) -> bool:
    """Whether the module's outputs for a batch are rows of probabilities."""
    with torch.no_grad():
        rows = plain(call(module, data))
    if rows.ndim != 2 or not bool(torch.all(rows >= 0)):
        return False
    return bool(torch.allclose(rows.sum(1), torch.ones(len(rows))))
