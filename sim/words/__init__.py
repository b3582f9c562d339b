"""Packed words: the fast kernels of the simulator, and the plan that uses them.

A tensor lies in words of 32 bits: four bytes, two halves or 32 single bits, the elements of a
pixel side by side. Words stand in rows with one lane a sample, so that one vector
instruction works on the same word of 16 samples, whatever the operation's shape is.
"""

from hwcompress.sim.words.block import Block
from hwcompress.sim.words.cpu import COLUMNS, LANES
from hwcompress.sim.words.plan import Plan, make_plan
from hwcompress.sim.words.plane import Plane

__all__ = ["COLUMNS", "LANES", "Block", "Plan", "Plane", "make_plan"]
