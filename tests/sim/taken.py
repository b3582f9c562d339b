"""Which kernels of the simulator were called, and how."""

from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from hwcompress.sim.words import codec, dot_job, move_kernel
from hwcompress.sim.words.cpu import COLUMNS, LANES
from tests.sim.sum_graphs import MODES, RESULTS

__all__ = ["Choice", "recorded"]

Choice = tuple[str, ...]

_KIND = {value: name for name, value in RESULTS.items()}
_MODE = {value: name for name, value in MODES.items()}


def _sums(given: dict[str, Any]) -> list[Choice]:
    """Of a call of the kernel of weighted sums."""
    kind, result = _KIND[int(given["kind"])], _KIND[int(given["result_kind"])]
    found = [("sums", kind, _MODE[int(given["mode"])], result)]
    found.append(("sums of each channel" if len(given["offsets"]) > 1 else "sums of all", kind))
    width = given["window"][1]
    if given["arena"].shape[2] == LANES * COLUMNS:
        found.append(("lanes side by side", kind))
    else:
        found += [("pixels side by side", kind)] * (width >= COLUMNS)
        found += [("pixels one by one", kind)] * (width % COLUMNS > 0)
    return found


def _moved(name: str) -> Callable[[dict[str, Any]], list[Choice]]:
    return lambda given: [(name, _KIND[int(given["kind"])])]


def _coded(name: str, array: str) -> Callable[[dict[str, Any]], list[Choice]]:
    return lambda given: [(name, str(given[array].dtype), _KIND[int(given["kind"])])]


_KERNELS: tuple[tuple[Any, str, Callable[[dict[str, Any]], list[Choice]]], ...] = (
    (dot_job, "dot", _sums),
    (move_kernel, "max_pool", _moved("maximum")),
    (move_kernel, "copy_rows", lambda given: [("copied",)]),
    (move_kernel, "fill", lambda given: [("border",)]),
    (codec, "encode", _coded("encode", "values")),
    (codec, "decode", _coded("decode", "values")),
    (codec, "to_rows", _coded("to rows", "y")),
    (codec, "from_rows", _coded("from rows", "x")),
)


@contextlib.contextmanager
def recorded() -> Iterator[Counter[Choice]]:
    """Count every way in which compiled kernels are called."""
    found: Counter[Choice] = Counter()

    def watched(function: Any, choices: Callable[[dict[str, Any]], list[Choice]]) -> Any:
        signature = inspect.signature(function.py_func)

        def call(*given: object) -> object:
            found.update(choices(signature.bind(*given).arguments))
            return function(*given)

        return call

    with contextlib.ExitStack() as stack:
        for module, name, choices in _KERNELS:
            function = getattr(module, name)
            setattr(module, name, watched(function, choices))
            stack.callback(setattr, module, name, function)
        yield found
