"""The Numba simulator of integer graphs, and the exact comparison of traces."""

from hwcompress.sim.diff import Comparison, compare, compare_traces
from hwcompress.sim.plan import SIM
from hwcompress.sim.ranges import ObservedRanges, RangeRow, observed_ranges, range_table
from hwcompress.sim.simulator import Simulator

__all__ = [
    "SIM",
    "Comparison",
    "ObservedRanges",
    "RangeRow",
    "Simulator",
    "compare",
    "compare_traces",
    "observed_ranges",
    "range_table",
]
