"""A cost model that counts what the generator makes: exact, if of no unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hwcompress.hls.fit.instances import engine_parts
from hwcompress.hls.folding import Lanes, Style
from hwcompress.hls.rtl.design import InstanceSpec
from hwcompress.hls.rtl.netlist import Instance, Literal
from hwcompress.hls.rtl.plan import Plan
from hwcompress.ir import Graph, Op

KINDS = ("hwc_width_up", "hwc_width_down", "hwc_fork", "hwc_skid", "hwc_last", "hwc_mvu")
RESOURCES = (*KINDS, "instances", "numbers")


def entry(module: str, parameters: Mapping[str, int]) -> np.ndarray:
    """One instance: its kind's parameters, and a sum of all parameters there are."""
    numbers = sum(
        (1 + place) * (value % 9973) for place, (_, value) in enumerate(sorted(parameters.items()))
    )
    sums = [sum(parameters.values()) % 99991 if module == kind else 0 for kind in KINDS]
    return np.array([*sums, 1, numbers], np.float64)


def plain(item: Instance) -> dict[str, int]:
    """The parameters that are numbers."""
    return {
        key: value.value if isinstance(value, Literal) else value
        for key, value in item.parameters.items()
        if not isinstance(value, str)
    }


def total(instances: Iterable[InstanceSpec]) -> np.ndarray:
    """The ledger of a whole design."""
    return np.sum([entry(item.module, item.parameters) for item in instances], axis=0)


class Ledger:
    """See :class:`hwcompress.hls.fit.cost.CostModel`."""

    resources = RESOURCES

    def engine(self, op: Op, graph: Graph, choices: Sequence[tuple[Lanes, Style]]) -> np.ndarray:
        rows = []
        for lanes, style in choices:
            parts = engine_parts(op, graph, lanes, style).instances
            rows.append(sum((entry(p.module, plain(p)) for p in parts), np.zeros(len(RESOURCES))))
        return np.array(rows)

    def module(self, module: str, parameters: Mapping[str, int]) -> np.ndarray:
        return entry(module, parameters)

    def design(self, made: Plan, depths: Mapping[str, int]) -> np.ndarray | None:
        return None
