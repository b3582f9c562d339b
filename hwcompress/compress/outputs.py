"""What a module computes before the functions that are left to the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from hwcompress.compress.feeding import Batch, call
from hwcompress.errors import UnsupportedError

__all__ = ["before_host", "ends_in_softmax", "plain", "results_before_host"]

# Names of torch's functions that become one function of a host each
# (:mod:`hwcompress.ir.ops.host`).
_HOST = frozenset(
    """abs add amax argmax argmin ceil clamp div elu erf exp flatten floor ge gt hardsigmoid
    hardtanh le leaky_relu log log_softmax lt mul neg permute pow reciprocal relu relu6 reshape
    round sigmoid sign softmax softplus softsign sqrt squeeze sub tanh transpose truediv
    unsqueeze view""".split()
)
# What changes nothing, and is no function of the host either.
_NOTHING = frozenset({"clone", "contiguous", "detach", "dropout", "float"})


def plain(result: object) -> torch.Tensor:
    """A tensor from what a module gives: of several the first (Brevitas may wrap it)."""
    first = _results(result)[0]
    value = getattr(first, "value", first)
    assert isinstance(value, torch.Tensor)
    return value


def _results(result: object) -> Sequence[object]:
    """The results of a module; Brevitas's tensors are tuples, too, but one result."""
    if isinstance(result, tuple | list) and not hasattr(result, "value"):
        return result
    return (result,)


class _Calls(TorchFunctionMode):  # type: ignore[misc]
    """Remembers argument and result of every host function that is called, and whether it
    changes anything."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[object, object, bool]] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").strip("_")
        if name in _HOST | _NOTHING:
            sources = [item for item in args if isinstance(item, torch.Tensor) and item.ndim]
            if len(sources) == 1:
                self.calls.append((sources[0], result, name in _HOST))
        return result


def before_host(module: nn.Module, data: Batch, functions: int) -> torch.Tensor:
    """The module's output, of several the first, before its last host functions.

    Args:
        module: called once.
        data: a batch.
        functions: how many functions at the end to leave out; 0 is a plain call.

    Raises:
        UnsupportedError: so many functions are not found.
    """
    return results_before_host(module, data, {0: functions})[0]


def results_before_host(
    module: nn.Module, data: Batch, functions: Mapping[int, int]
) -> dict[int, torch.Tensor]:
    """Results of a module before their last host functions, by their indices.

    Args:
        module: called once.
        data: a batch.
        functions: index of each wanted result -> how many functions at its end to leave out.

    Raises:
        UnsupportedError: so many functions are not found.
    """
    if not any(functions.values()):
        results = _results(call(module, data))
        return {index: plain(results[index]) for index in functions}
    with _Calls() as recorded:
        results = _results(call(module, data))
    return {
        index: plain(_before(results[index], recorded.calls, count))
        for index, count in functions.items()
    }


def _before(value: object, calls: Sequence[tuple[object, object, bool]], functions: int) -> object:
    """What a result was before its last functions."""
    for argument, result, changes in reversed(calls):
        if functions and result is value:
            value = argument
            functions -= changes
    if functions:
        raise UnsupportedError(
            "what PyTorch computes before the last functions of the module cannot be told",
            why="the host computes them, and the hardware's results are compared before them",
            remedy="end the module where the integers end, or with softmax, sigmoid or tanh",
        )
    return value


def ends_in_softmax(module: nn.Module, data: Batch) -> bool:
    """Whether the module's outputs for a batch are rows of probabilities."""
    with torch.no_grad():
        rows = plain(call(module, data))
    if rows.ndim != 2 or not bool(torch.all(rows >= 0)):
        return False
    return bool(torch.allclose(rows.sum(1), torch.ones(len(rows))))
