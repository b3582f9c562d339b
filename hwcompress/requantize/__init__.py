"""Fewer bits for the weights of an integer graph, without data.

The graph that comes out is exact by construction: what a layer's new integers leave out of its
old ones, a multiplier for each output channel, goes into the thresholds or the rescaling behind
it (:mod:`hwcompress.requantize.rewrite`), so that everything else stays as it is.
"""

from hwcompress.requantize.rewrite import LayerChange, Requantized, requantize_graph
from hwcompress.requantize.rounding import SCALES, Rounded, Scales, round_weights

__all__ = [
    "SCALES",
    "LayerChange",
    "Requantized",
    "Rounded",
    "Scales",
    "requantize_graph",
    "round_weights",
]
