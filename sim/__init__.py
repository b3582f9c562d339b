"""The Numba simulator of integer graphs, and the exact comparison of traces."""

from hwcompress.sim.plan import SIM
from hwcompress.sim.simulator import Simulator

__all__ = ["SIM", "Simulator"]
