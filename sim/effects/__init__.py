"""Effects of hardware: accumulators of a given width, and faults (docs/effects.md)."""

from hwcompress.sim.effects.accumulators import Accumulators, SumCounter
from hwcompress.sim.effects.faults import Faults, Flip, load_flips, save_flips
from hwcompress.sim.effects.memories import faulty_graph
from hwcompress.sim.effects.simulator import EffectSimulator
from hwcompress.sim.effects.study import (
    EffectCost,
    ReliabilityRow,
    effect_cost,
    reliability_study,
    write_rows,
)

__all__ = [
    "Accumulators",
    "EffectCost",
    "EffectSimulator",
    "Faults",
    "Flip",
    "ReliabilityRow",
    "SumCounter",
    "effect_cost",
    "faulty_graph",
    "load_flips",
    "reliability_study",
    "save_flips",
    "write_rows",
]
