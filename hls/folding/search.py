"""Legal foldings, and a default one."""

from __future__ import annotations

from math import gcd, lcm

from hwcompress.errors import InputError
from hwcompress.hls.folding.engines import Engine, MatrixEngine, engine
from hwcompress.hls.folding.folding import Folding, Lanes
from hwcompress.hls.folding.join_engines import JoinEngine
from hwcompress.ir import Graph

__all__ = ["default_folding", "legal_foldings", "lut_budget_of"]

_ROOM = 2.5  # times what a large network needs at least
_LUT_BUDGET = 5000.0  # keeps synthesis of a small net within a minute or two

# The weight is rough: Yosys found 0.6 LUTs of six inputs, and 1.2 to 1.5 of four,
# for a unit of it on the embedded network.
_SHARE = 0.6


def _engines(graph: Graph) -> dict[str, Engine]:
    made = {op.name: engine(op, graph) for op in graph.layers}
    return {name: item for name, item in made.items() if item is not None}


def legal_foldings(graph: Graph) -> dict[str, tuple[Lanes, ...]]:
    """Every legal choice of lanes, by operation name, in graph order.

    Operations that need no engine (reshapes) are left out.
    """
    return {name: item.choices() for name, item in _engines(graph).items()}


def lut_budget_of(luts: int, graph: Graph) -> float:
    """The ``lut_budget`` of :func:`default_folding` for a graph on a device.

    Args:
        luts: what the device holds, of any number of inputs.
        graph: one whose serial engines weigh much gets a multiple of that: a large
            network would be serial otherwise, and take millions of cycles a frame.
    """
    engines = _engines(graph)
    slowest = [item.cycles(lanes) for item in engines.values() for lanes in item.choices()]
    serial = _meet(engines, _before(graph, engines), max(slowest, default=0))[1]
    return min(max(_LUT_BUDGET, _ROOM * serial), _SHARE * luts)


def default_folding(
    graph: Graph, *, target_cycles: int | None = None, lut_budget: float | None = None
) -> Folding:
    """The cheapest engines that meet an interval.

    Args:
        graph: the graph to fold.
        target_cycles: clock cycles between two frames that no engine may
            exceed. Without it, the smallest interval is taken whose engines
            stay within ``lut_budget``.
        lut_budget: bound on the engines' summed weight, by default 5000; for a
            device see :func:`lut_budget_of`. The weight is a rough ranking in
            units near one LUT: it serves this choice only and is not an
            estimate to be shown.

    Raises:
        InputError: no legal folding meets ``target_cycles``.
    """
    engines = _engines(graph)
    before = _before(graph, engines)
    if target_cycles is not None:
        for name, item in engines.items():
            fastest = min(item.cycles(lanes) for lanes in item.choices())
            if fastest > target_cycles:
                raise InputError(
                    f"{name!r} needs at least {fastest} cycles a frame, the target is"
                    f" {target_cycles}",
                    remedy=f"allow {fastest} cycles or more",
                )
        return _meet(engines, before, target_cycles)[0]
    budget = _LUT_BUDGET if lut_budget is None else lut_budget
    steps = sorted({item.cycles(lanes) for item in engines.values() for lanes in item.choices()})
    floor = max(
        (min(item.cycles(lanes) for lanes in item.choices()) for item in engines.values()),
        default=0,
    )
    steps = [step for step in steps if step >= floor]
    if not steps:
        return Folding({})
    low, high = 0, len(steps) - 1
    while low < high:  # the weight falls as the interval grows
        middle = (low + high) // 2
        if _meet(engines, before, steps[middle])[1] <= budget:
            high = middle
        else:
            low = middle + 1
    return _meet(engines, before, steps[low])[0]


def _before(graph: Graph, engines: dict[str, Engine]) -> dict[str, tuple[str, ...]]:
    """The engine that each input of an engine comes from, ``""`` for an input of the graph.

    A constant, too, comes with as many lanes as its reader takes.
    """
    made: dict[str, str] = {}  # by tensor; what has no engine passes its input on
    found: dict[str, tuple[str, ...]] = {}
    for op in graph.layers:
        sources = tuple(made.get(tensor, "") for tensor in op.inputs)
        for tensor in op.outputs:
            made[tensor] = op.name if op.name in engines else "".join(sources[:1])
        found[op.name] = sources
    return found


def _meet(
    engines: dict[str, Engine], before: dict[str, tuple[str, ...]], target: int
) -> tuple[Folding, float]:
    """Cheapest lanes per engine, front to back, and their summed weight."""
    chosen: dict[str, Lanes] = {}
    total = 0.0
    for name, item in engines.items():
        arriving = [
            engines[source].lanes_out(chosen[source]) if source else 0 for source in before[name]
        ]
        best: tuple[float, Lanes] | None = None
        for lanes in item.choices():
            if item.cycles(lanes) > target:
                continue
            weight = item.weight(lanes)
            for position, count in enumerate(arriving):
                weight += _joint_weight(count, item, _lanes_in(item, lanes, position))
            if best is None or weight < best[0]:
                best = (weight, lanes)
        assert best is not None  # the target is at least every engine's fastest
        total += best[0]
        chosen[name] = best[1]
    return Folding(chosen), total


def _lanes_in(item: Engine, lanes: Lanes, position: int) -> int:
    return item.lanes_of(lanes, position) if isinstance(item, JoinEngine) else item.lanes_in(lanes)


def _joint_weight(arriving: int, item: Engine, wanted: int) -> float:
    """Rough weight of the width converter in front of an input of an engine."""
    if arriving in (0, wanted):
        return 0.0
    bits = item.x_type.bits if isinstance(item, MatrixEngine) else 8
    wide = lcm(arriving, wanted) if gcd(arriving, wanted) > 1 else arriving * wanted
    return 20.0 + 1.5 * bits * wide
