"""The best folding of a graph within a budget, checked against the cycle model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np

from hwcompress.errors import CheckFailed, InputError
from hwcompress.hls.fit.cost import CostModel
from hwcompress.hls.fit.latency import Stages
from hwcompress.hls.fit.menu import DEFAULT_OFFER, Offer
from hwcompress.hls.fit.network import Menus, menus_of
from hwcompress.hls.fit.problem import Area, Problem
from hwcompress.hls.fit.solve import Smallest, fastest, smallest
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl.design import FifoSpec
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import fifo_depths, timing_of
from hwcompress.ir import Graph

__all__ = ["Fitted", "fit"]

_ATTEMPTS = 8
_TRIES = 30  # for a latency
_FINE = 64  # steps of a cycle on a way
_SKID_DEPTH = 2  # beats up to which a buffer is a register slice


@dataclass(frozen=True, eq=False)
class Fitted:
    """A design that keeps its limits.

    Args:
        folding: lanes and styles of every engine.
        interval: cycles a frame in the steady state, by the cycle model.
        latency: cycles from the first input beat to the last output beat of a frame that
            comes first, by the cycle model.
        least_cycles: proven: within the budget no design takes fewer cycles a
            frame. Where a number of cycles or a latency was asked for, the least that any
            design can take at all.
        area: by resource, of everything, the buffers of branches among it.
        share: the largest share of the capacity, without those buffers.
        least_share: proven: no design with the interval asked for has a smaller one. If
            that was open, no design with at most the interval found; with a latency asked
            for, no design whose interval is at most that latency.
        depths: of the buffers, in beats.
        unknown: options of engines that have no estimate and were left out; what is proven
            is proven for the others.
    """

    folding: Folding
    interval: Fraction
    latency: int
    least_cycles: int
    area: Mapping[str, int]
    share: float
    least_share: float
    depths: Mapping[str, int]
    unknown: int = 0


def fit(
    graph: Graph,
    model: CostModel,
    budget: Mapping[str, int],
    *,
    cycles: int | None = None,
    latency: int | None = None,
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
        latency: cycles from the first input beat to the last output beat of a frame; None
            for any. With it, and without ``cycles``, the smallest design is wanted.
        capacity: of what shares are counted; by default of the budget.
        offer: multipliers and memories to choose from.
        fixed: engines whose lanes (and styles, where given) are not to be chosen.

    Raises:
        InputError: no design keeps the limits, which is proven; or none with the latency was
            found, and the least that was is said; or ``budget`` or
            ``fixed`` do not fit the model and the graph.
        CheckFailed: none was found, but none was excluded either.
    """
    limit = _vector(model, budget)
    whole = limit if capacity is None else _vector(model, capacity)
    menus = menus_of(graph, model, offer=offer, fixed=fixed)
    work = _Work(graph, model, menus, limit, whole)
    return work.fast(cycles) if latency is None else work.soon(cycles, latency)


@dataclass(frozen=True, eq=False)
class _Work:
    """A search: its menus, and what may be taken."""

    graph: Graph
    model: CostModel
    menus: Menus
    limit: Area
    whole: Area

    def fast(self, cycles: int | None) -> Fitted:
        """The fastest design, or the smallest one of some cycles."""
        room, wanted = self.limit.copy(), cycles
        for _attempt in range(_ATTEMPTS):
            found, least = _solved(self.menus.problem, self.model, room, self.whole, wanted)
            made, over = self.made(found, least)
            late = 0 if cycles is None else ceil(made.interval) - cycles
            if (over <= 0).all() and late <= 0:
                return made
            room = np.maximum(room - np.maximum(over, 0), 0)
            if wanted is not None and late > 0:
                wanted = max(1, min(wanted, found.cycles) - late)
        raise self._nothing("its buffers")

    def soon(self, cycles: int | None, latency: int) -> Fitted:
        """The smallest design of some latency: what comes too late is excluded, way by way.

        Every way of :mod:`~hwcompress.hls.fit.latency` that was too long becomes a resource
        of which there is only so much.
        """
        most = latency if cycles is None else min(cycles, latency)
        stages = Stages(self.graph, self.menus)
        ways: list[tuple[np.ndarray, ...]] = []
        ends: list[int] = []
        room, wanted = self.limit.copy(), most
        first: float | None = None  # share of what any design of the interval takes
        least = None  # latency that was reached
        for _attempt in range(_TRIES):
            problem = _with_ways(self.menus.problem, ways)
            budget = np.append(room, np.array(ends, np.int64))
            whole = np.append(self.whole, np.zeros(len(ends), np.int64))
            found = smallest(problem, budget, wanted, capacity=whole)
            if found is None:
                break
            first = found.least_share if first is None else first
            made, over = self.made(found, int(self.menus.problem.steps[0]))
            late = ceil(made.interval) - most
            if (over <= 0).all():
                least = made.latency if least is None else min(least, made.latency)
                if late <= 0 and made.latency <= latency:
                    return replace(made, least_share=min(first, made.share))
            room = np.maximum(room - np.maximum(over, 0), 0)
            wanted = wanted if late <= 0 else max(1, min(wanted, found.cycles) - late)
            if made.latency > latency:
                # The rough latency is to shrink as the exact one has to.
                way = stages.way(found.choice)
                columns = tuple(np.rint(_FINE * part).astype(np.int64) for part in way.weights)
                here = sum(
                    int(column[option])
                    for column, option in zip(columns, found.choice, strict=True)
                )
                ways.append(columns)
                ends.append(min(here * latency // made.latency, here - 1))
                if ends[-1] < 0:
                    break
        made = self._stepwise(most, latency)
        if made.latency <= latency and ceil(made.interval) <= most:
            return made if first is None else replace(made, least_share=min(first, made.share))
        least = made.latency if least is None else min(least, made.latency)
        raise InputError(
            f"no design with a latency of at most {latency} cycles was found within the budget",
            why=f"the least latency that was found is {least} cycles",
            remedy="allow more latency or more resources",
        )

    def _stepwise(self, most: int, latency: int) -> Fitted:
        """The smallest design of the longest interval that is early enough, or the fastest."""
        best = self.fast(None)
        steps = self.menus.problem.steps
        low = int(np.searchsorted(steps, ceil(best.interval), side="right"))
        high = int(np.searchsorted(steps, most, side="right")) - 1
        while low <= high and best.latency <= latency:
            middle = (low + high) // 2
            try:
                made = self.fast(int(steps[middle]))
            except (CheckFailed, InputError):
                break
            if made.latency <= latency:
                best, low = made, middle + 1
            else:
                high = middle - 1
        return best

    def made(self, found: Smallest, least: int) -> tuple[Fitted, Area]:
        """A design with its buffers, and by how much it is beyond the budget."""
        folding = self.menus.folding(found.choice)
        planned = plan(self.graph, folding)
        sizes = fifo_depths(planned.design())
        design = planned.design("", sizes.depths)
        area = found.area[: len(self.limit)] + _buffers(self.model, design.fifos)
        whole = self.model.design(planned, sizes.depths)
        if whole is not None:
            area = np.ceil(whole).astype(np.int64)
        fitted = Fitted(
            folding,
            sizes.interval,
            timing_of(design).latency_frame,
            least,
            dict(zip(self.model.resources, map(int, area), strict=True)),
            found.share,
            found.least_share,
            sizes.depths,
            self.menus.unknown,
        )
        return fitted, area - self.limit

    def _nothing(self, why: str) -> CheckFailed:
        return CheckFailed(
            f"no design was found that keeps the limits with {why} in {_ATTEMPTS} attempts",
            where=self.graph.name,
            remedy="allow more cycles or more resources",
        )


def _with_ways(problem: Problem, ways: Sequence[tuple[np.ndarray, ...]]) -> Problem:
    """Ways as resources behind the others: what every option puts on them."""
    if not ways:
        return problem
    nodes = []
    for number, node in enumerate(problem.nodes):
        columns = [way[number] for way in ways]
        nodes.append(replace(node, area=np.column_stack([node.area, *columns])))
    edges = []
    for edge in problem.edges:
        free = np.zeros((*edge.area.shape[:2], len(ways)), np.int64)
        edges.append(replace(edge, area=np.concatenate([edge.area, free], axis=2)))
    names = tuple(f"way {number}" for number in range(len(ways)))
    return Problem((*problem.resources, *names), tuple(nodes), tuple(edges), problem.covers)


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
