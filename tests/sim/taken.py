"""Which kernels of the simulator were called, and how."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hwcompress.sim.words import codec
from hwcompress.sim.words.cpu import COLUMNS, LANES
from hwcompress.sim.words.program import FEEDABLE, Instruction, Program
from tests.sim.sum_graphs import MODES, RESULTS

__all__ = ["Choice", "recorded"]

Choice = tuple[str, ...]

_KIND = {value: name for name, value in RESULTS.items()}
_MODE = {value: name for name, value in MODES.items()}
_DTYPE = {number: str(dtype) for dtype, number in FEEDABLE.items()}


def _sums(facts: Mapping[str, Any], arena: np.ndarray) -> list[Choice]:
    """Of an instruction for the kernel of weighted sums."""
    kind, result = _KIND[facts["kind"]], _KIND[facts["result"]]
    found = [("sums", kind, _MODE[facts["mode"]], result)]
    found.append(("sums of each channel" if facts["groups"] > 1 else "sums of all", kind))
    width = facts["width"]
    if arena.shape[2] == LANES * COLUMNS:
        found.append(("lanes side by side", kind))
    else:
        found += [("pixels side by side", kind)] * (width >= COLUMNS)
        found += [("pixels one by one", kind)] * (width % COLUMNS > 0)
    return found


def _of(item: Instruction, arena: np.ndarray, places: np.ndarray) -> list[Choice]:
    """Of any instruction of a program."""
    facts: Mapping[str, Any] = item.facts
    match item.code:
        case "dot":
            return _sums(facts, arena)
        case "pool":
            return [("maximum", _KIND[facts["kind"]])]
        case "copy":
            return [("copied",)]
        case "fill":
            return [("border",)]
        case "encode":
            return [("encode", _DTYPE[int(places[facts["feed"], 1])], _KIND[facts["kind"]])]
        case "decode":
            return [("decode", "int64", _KIND[facts["kind"]])]
    raise AssertionError(item.code)


@contextlib.contextmanager
def recorded() -> Iterator[Counter[Choice]]:
    """Count every way in which compiled kernels are called."""
    found: Counter[Choice] = Counter()
    run, to_rows, from_rows = Program.run, codec.to_rows, codec.from_rows

    def watched_run(program: Program, arena: np.ndarray, places: np.ndarray, count: int) -> int:
        for item in program.instructions:
            found.update(_of(item, arena, places))
        return run(program, arena, places, count)

    def watched(name: str, function: Any, rows: int) -> Any:
        def call(*given: Any) -> object:
            found[name, str(given[rows].dtype), _KIND[given[3]]] += 1
            return function(*given)

        return call

    with contextlib.ExitStack() as stack:
        for holder, name, value, instead in (
            (Program, "run", run, watched_run),
            (codec, "to_rows", to_rows, watched("to rows", to_rows, 5)),
            (codec, "from_rows", from_rows, watched("from rows", from_rows, 0)),
        ):
            setattr(holder, name, instead)
            stack.callback(setattr, holder, name, value)
        yield found
