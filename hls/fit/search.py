"""The best folding of a graph within a budget, checked against the cycle model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from hwcompress.errors import CheckFailed, InputError
from hwcompress.hls.fit.cost import CostModel
from hwcompress.hls.fit.menu import DEFAULT_OFFER, Offer
from hwcompress.hls.fit.network import menus_of
from hwcompress.hls.fit.problem import Area, Problem
from hwcompress.hls.fit.solve import Smallest, fastest, smallest
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl.design import FifoSpec
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import fifo_depths
from hwcompress.ir import Graph

__all__ = ["Fitted", "fit"]

_ATTEMPTS = 8
_SKID_DEPTH = 2  # beats up to which a buffer is a register slice


@dataclass(frozen=True, eq=False)
class Fitted:
    """A design that keeps its limits.

    Args:
        folding: lanes and styles of every engine.
        interval: cycles a frame in the steady state, by the cycle model.
        least_cycles: proven: within the budget no design takes fewer cycles a
            frame. Where a number of cycles was asked for, the least that any
            design can take at all.
        area: by resource, of everything, the buffers of branches among it.
        share: the largest share of the capacity, without those buffers.
        least_share: proven: no design of at most the cycles found has a smaller one.
        depths: of the buffers, in beats.
    """

    folding: Folding
    interval: Fraction
    least_cycles: int
    area: Mapping[str, int]
    share: float
    least_share: float
    depths: Mapping[str, int]


def fit(
    graph: Graph,
    model: CostModel,
    budget: Mapping[str, int],
    *,
    cycles: int | None = None,
    capacity: Mapping[str, int] | None = None,
    offer: Offer = DEFAULT_OFFER,
    fixed: Folding | None = None,
) -> Fitted:
    """The fastest design within a budget, or the smallest one that is fast enough.

    A design is chosen by the cycles of its engines and converters and by the
    areas of the model. Then its buffers are sized and the cycle model says
    what it really takes. Where that is more than was asked for, or where the
    buffers leave the budget, the search goes on with less.

    Args:
        graph: what the design computes.
        model: of areas.
        budget: by resource; all that the model has.
        cycles: a frame; None for as few as can be had.
        capacity: of what shares are counted; by default of the budget.
        offer: multipliers and memories to choose from.
        fixed: engines whose lanes (and styles, where given) are not to be chosen.

    Raises:
        InputError: no design keeps the limits, which is proven; or ``budget`` or
            ``fixed`` do not fit the model and the graph.
        CheckFailed: none was found, but none was excluded either.
    """
    limit = _vector(model, budget)
    whole = limit if capacity is None else _vector(model, capacity)
    menus = menus_of(graph, model, offer=offer, fixed=fixed)
    room, wanted = limit.copy(), cycles
    for _attempt in range(_ATTEMPTS):
        found, least = _solved(menus.problem, model, room, whole, wanted)
        folding = menus.folding(found.choice)
        made = plan(graph, folding)
        sizes = fifo_depths(made.design())
        area = found.area + _buffers(model, made.design("", sizes.depths).fifos)
        over, late = area - limit, 0 if cycles is None else ceil(sizes.interval) - cycles
        if (over <= 0).all() and late <= 0:
            return Fitted(
                folding,
                sizes.interval,
                least,
                dict(zip(model.resources, map(int, area), strict=True)),
                found.share,
                found.least_share,
                sizes.depths,
            )
        room = np.maximum(room - np.maximum(over, 0), 0)
        if wanted is not None and late > 0:
            wanted = max(1, min(wanted, found.cycles) - late)
    raise CheckFailed(
        f"no design was found that keeps the limits with its buffers in {_ATTEMPTS} attempts",
        where=graph.name,
        remedy="allow more cycles or more resources",
    )


def _solved(
    problem: Problem, model: CostModel, room: Area, whole: Area, cycles: int | None
) -> tuple[Smallest, int]:
    if cycles is None:
        best = fastest(problem, room, capacity=whole)
        if best is not None:
            return best.found, best.least_cycles
    else:
        found = smallest(problem, room, cycles, capacity=whole)
        if found is not None:
            return found, int(problem.steps[0])
    limits = ", ".join(
        f"{int(amount)} {name}" for name, amount in zip(model.resources, room, strict=True)
    )
    within = "" if cycles is None else f" takes at most {cycles} cycles a frame and"
    raise InputError(
        f"no design{within} keeps within {limits}",
        why="all were excluded by the estimated areas"
        if cycles is None or cycles >= problem.steps[0]
        else f"the fastest engines take {int(problem.steps[0])} cycles",
        remedy="allow more resources" + ("" if cycles is None else " or more cycles"),
    )


def _vector(model: CostModel, amounts: Mapping[str, int]) -> Area:
    if set(amounts) != set(model.resources):
        raise InputError(
            f"a budget of {', '.join(amounts) or 'nothing'}",
            remedy=f"give {', '.join(model.resources)}",
        )
    return np.array([amounts[name] for name in model.resources], np.int64)


def _buffers(model: CostModel, fifos: Iterable[FifoSpec]) -> Area:
    total = np.zeros(len(model.resources))
    for fifo in fifos:
        if fifo.depth > _SKID_DEPTH:
            total += model.module("hwc_fifo", {"WIDTH": fifo.width, "DEPTH": fifo.depth})
        elif fifo.depth:
            total += model.module("hwc_skid", {"WIDTH": fifo.width})
    return np.asarray(np.ceil(total).astype(np.int64))
