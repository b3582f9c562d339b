"""The simulator in other libraries' clothes: real samples in, real results out.

Nothing of torch or scikit-learn is imported before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwcompress.sim.adapters.classifier import SimulatedClassifier
from hwcompress.sim.adapters.real import HasGraph, RealSimulator

if TYPE_CHECKING:
    from hwcompress.sim.adapters.module import SimulatedModule

__all__ = ["HasGraph", "RealSimulator", "SimulatedClassifier", "SimulatedModule"]


def __getattr__(name: str) -> type:
    if name == "SimulatedModule":
        from hwcompress.sim.adapters.module import SimulatedModule

        return SimulatedModule
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
