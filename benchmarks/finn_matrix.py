"""Our estimate of a matrix-vector unit with the parameters of one of FINN's."""

from __future__ import annotations

import re

import numpy as np

from benchmarks.finn_builds import Matrix
from hwcompress.errors import InputError
from hwcompress.hls.estimate import Estimate, estimate_graph
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.ir import BIPOLAR, Dense, Graph, Input, IntType, Op, Output, Threshold

__all__ = ["graph_of", "ours", "type_of"]

_SEED = 7


def type_of(name: str) -> IntType:
    """The integers of one of FINN's types.

    ``BINARY`` stands for -1 and 1: FINN's matrix units work on it by XNOR and a count.

    Raises:
        InputError: it is no type of integers.
    """
    if name in ("BINARY", "BIPOLAR"):
        return BIPOLAR
    found = re.fullmatch(r"(U?)INT(\d+)", name)
    if found is None:
        raise InputError(f"no type of integers: {name!r}", remedy="BIPOLAR, INT4 or UINT4")
    bits = int(found[2])
    return (
        IntType(0, (1 << bits) - 1) if found[1] else IntType(-(1 << bits - 1), (1 << bits - 1) - 1)
    )


def graph_of(matrix: Matrix) -> Graph:
    """A dense layer of that size with random weights, and thresholds if the unit has some."""
    rng = np.random.default_rng(_SEED)
    wtype, itype = type_of(matrix.weights), type_of(matrix.inputs)
    shape = (matrix.rows, matrix.columns)
    weight = wtype.lo + wtype.step * rng.integers(0, wtype.count, shape)
    head = Input("in", (), ("t0",), (matrix.columns,), (0,), (matrix.columns,), itype, 1.0)
    ops: list[Op] = [head, Dense("fc", ("t0",), ("t1",), weight, wtype, None)]
    if matrix.thresholds:
        otype = type_of(matrix.outputs)
        reach = matrix.columns * max(abs(itype.lo), itype.hi)
        steps = np.sort(rng.integers(-reach, reach, (matrix.rows, otype.count - 1)), axis=1)
        sign = np.ones(matrix.rows, np.int64)
        ops.append(Threshold("act", ("t1",), ("t2",), steps, sign, otype))
    ops.append(Output("out", (ops[-1].outputs[0],), ()))
    return Graph.build("unit", ops)


def ours(matrix: Matrix) -> Estimate:
    """Resources of our engines for that layer, folded the same, products in LUTs.

    They stand for counts of Yosys for Xilinx 7.
    """
    lanes = {"fc": Lanes(matrix.pe, matrix.simd)}
    if matrix.thresholds:
        lanes["act"] = Lanes(matrix.pe)
    folding = Folding(lanes, {"fc": Style(multiplier="lut")})
    return estimate_graph(graph_of(matrix), folding).total
