"""Which layers a realisation cannot express, from its registry and its own plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from hwcompress.errors import HwcompressError, UnsupportedError
from hwcompress.inspect.facts import Gap
from hwcompress.ir import Graph, Op

__all__ = ["find_gaps"]


def find_gaps(graph: Graph) -> tuple[Gap, ...]:
    """A record for every layer that the simulator, the Verilog or hls4ml lacks."""
    found: list[Gap] = []
    for name, problems in (("sim", _sim), ("rtl", _rtl), ("hls4ml", _hls4ml)):
        found.extend(Gap(name, line) for line in problems(graph))
    return tuple(found)


def _lines(work: Callable[[], object]) -> list[str]:
    """What an attempt complains about."""
    try:
        work()
    except UnsupportedError as error:
        return error.problems or [str(error)]
    except HwcompressError as error:
        return [str(error)]
    return []


def _each(ops: Iterable[Op], work: Callable[[Op], object]) -> list[str]:
    return [line for op in ops for line in _lines(partial(work, op))]


def _sim(graph: Graph) -> list[str]:
    from hwcompress.sim import SIM

    return _each(graph.layers, SIM.handler)


def _rtl(graph: Graph) -> list[str]:
    import hwcompress.hls.rtl.plan  # noqa: F401  (fills the registry)
    from hwcompress.hls.folding import engine
    from hwcompress.hls.rtl.builder import RTL

    lacking = _each(graph.layers, RTL.handler)
    return lacking or _each(graph.layers, lambda op: engine(op, graph))


def _hls4ml(graph: Graph) -> list[str]:
    from hwcompress.hls.hls4ml.plan import make_plan

    return _lines(lambda: make_plan(graph, "auto", None))
