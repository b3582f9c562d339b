"""The canonical stage: a model as read becomes one of standard, channels-first nodes.

An expansion (:func:`~hwcompress.frontend.canonical.expand.expands`) rewrites one node into
nodes that the lowering and the float64 evaluation know. Two things only look at two nodes:
a Pad moves behind functions of single elements (:mod:`hwcompress.frontend.canonical.pads`),
and so do parts and joins of raw inputs (:mod:`hwcompress.frontend.canonical.raw_joins`).
The file itself stays as it is: runtimes run it, and every tensor that it names keeps its name.
"""

from __future__ import annotations

# These fill the registry.
import hwcompress.frontend.canonical.blocks
import hwcompress.frontend.canonical.channels_last
import hwcompress.frontend.canonical.finn
import hwcompress.frontend.canonical.interpolated
import hwcompress.frontend.canonical.linear
import hwcompress.frontend.canonical.lowered_convs
import hwcompress.frontend.canonical.qlinear
import hwcompress.frontend.canonical.qlinear_microsoft
import hwcompress.frontend.canonical.scalars  # noqa: F401
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import Canonical, canonical, expands, is_known

__all__ = ["Canonical", "Context", "canonical", "expands", "is_known"]
