"""What the search asks of whoever knows the hardware's size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from hwcompress.hls.folding import Lanes, Style
from hwcompress.hls.rtl.plan import Plan
from hwcompress.ir import Graph, Op

__all__ = ["UNKNOWN", "CostModel"]


UNKNOWN = float(1 << 45)
"""Area of what a model cannot tell: beyond every budget."""


class CostModel(Protocol):
    """Estimated area of engines and of single modules, for one device family.

    Areas are numbers of 0 or more, by resource in the order of ``resources``.
    """

    @property
    def resources(self) -> tuple[str, ...]:
        """Names of the resources, as a budget gives them."""

    def engine(self, op: Op, graph: Graph, choices: Sequence[tuple[Lanes, Style]]) -> np.ndarray:
        """Area of an operation's hardware with each of some choices, ``(choices, resources)``.

        All instances that the operation's handler makes, but for the
        converters between the stream that arrives and the first of them. A
        constant of the graph is asked for, too; its ``pe`` are the lanes that it gives.
        """

    def module(self, module: str, parameters: Mapping[str, int]) -> np.ndarray:
        """Area of one instance of a library module without contents, ``(resources,)``."""

    def design(self, made: Plan, depths: Mapping[str, int]) -> np.ndarray | None:
        """Area of a whole design, ``(resources,)``, if that is more than a sum of the above.

        ``depths`` are those of its buffers, in beats.
        """
