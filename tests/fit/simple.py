"""A cost model of a few plain rules, for tests of the search and for its speed.

Its areas have the orders of magnitude of a 7 series device, and its trade-offs: products
in logic or in DSP blocks, weights in logic or in block RAM. They are no estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hwcompress.hls.fit.widths import takes
from hwcompress.hls.folding import Lanes, Style, engine
from hwcompress.hls.rtl.plan import Plan
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph, Op

__all__ = ["SimpleModel"]

_BRAM = 18 * 1024


class SimpleModel:
    """See :class:`hwcompress.hls.fit.cost.CostModel`."""

    resources = ("lut", "ff", "bram18", "dsp")

    def engine(self, op: Op, graph: Graph, choices: Sequence[tuple[Lanes, Style]]) -> np.ndarray:
        return np.array([self._one(op, graph, lanes, style) for lanes, style in choices])

    def _one(self, op: Op, graph: Graph, lanes: Lanes, style: Style) -> tuple[float, ...]:
        target = graph.output_types(op)[0]
        item = engine(op, graph)
        if item is None:  # a constant
            return 10.0, 2.0 * lanes.pe * target.dtype.bits, 0.0, 0.0
        source = graph.input_types(op)[0].dtype
        entering = takes(item, lanes, 0) * source.bits
        ff = 2.0 * entering + 2.0 * lanes.pe * lanes.pixels * target.dtype.bits + 20
        if not isinstance(op, Conv | ConvTranspose | Dense):
            return lanes.pe * (target.dtype.bits + source.bits) * 1.5 + 20, ff, 0.0, 0.0
        products = lanes.pe * lanes.simd * lanes.pixels
        lut, bram, dsp = 60.0 + lanes.pe * lanes.pixels * target.dtype.bits, 0.0, 0.0
        bits = op.wtype.bits * source.bits
        if style.multiplier == "auto":
            lut += products * 2.0 * max(source.bits, op.wtype.bits)
        elif style.multiplier == "lut":
            lut += products * (1.2 * bits + 4)
        else:
            share = 4 if style.multiplier == "packed" and bits <= 16 and lanes.pe % 4 == 0 else 1
            dsp = -(-products // share)
            lut += products * (1 + 6 * (share > 1))
        width = lanes.pe * lanes.simd * op.wtype.bits
        words = op.weight.size // (lanes.pe * lanes.simd)
        if style.memory == "block":
            bram += max(-(-width // 36), -(-(words * width) // _BRAM))
        else:
            lut += -(-words // 64) * width * (words > 1)
        if isinstance(op, Conv | ConvTranspose) and op.kernel != (1, 1):
            row = graph.input_types(op)[0].shape[1] * graph.input_types(op)[0].channels
            held = (op.kernel[0] + 1) * row * source.bits
            parallel = lanes.simd > op.weight.shape[3] or lanes.pixels > 1
            banks = op.kernel[0] if parallel else 1
            if held // banks > 4096:
                bram += banks * max(-(-entering // 36), -(-held // banks // _BRAM))
            else:
                lut += held / 32
            lut += 80 + parallel * entering * op.kernel[0] * op.kernel[1] * 0.5
        return lut, ff, bram, dsp

    def module(self, module: str, parameters: Mapping[str, int]) -> np.ndarray:
        wide = parameters["WIDTH"] * parameters.get("RATIO", 1) * parameters.get("COUNT", 1)
        return np.array([5.0 + 0.5 * wide, 4.0 + 1.5 * wide, 0.0, 0.0])

    def design(self, made: Plan, depths: Mapping[str, int]) -> np.ndarray | None:
        return None
