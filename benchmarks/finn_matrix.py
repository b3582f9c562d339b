"""A matrix-vector unit of ours with the parameters of one of FINN's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from benchmarks.estimate_list import Network
from benchmarks.estimate_records import Built, Record, load, store, synthesized
from benchmarks.finn_builds import Matrix
from hwcompress.errors import InputError
from hwcompress.hls.estimate import Estimate
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.rtl.plan import plan
from hwcompress.ir import BIPOLAR, Dense, Graph, Input, IntType, Op, Output, Threshold

__all__ = [
    "RESULTS", "built", "counted", "graph_of", "name_of", "ours", "synthesize_units", "type_of",
]  # fmt: skip

RESULTS = Path(__file__).with_name("results") / "finn-matrix-xc7.json"
"""What Yosys counted in our designs."""

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


def built(matrix: Matrix) -> Built:
    """Our design of that layer, folded the same, with products in LUTs."""
    graph = graph_of(matrix)
    lanes = {"fc": Lanes(matrix.pe, matrix.simd)}
    if matrix.thresholds:
        lanes["act"] = Lanes(matrix.pe)
    folding = Folding(lanes, {"fc": Style(multiplier="lut")})
    network = Network(name_of(matrix), "one layer", "", 1, lambda _: graph)
    return Built(network, graph, plan(graph, folding), {})


def name_of(matrix: Matrix) -> str:
    """A name that says all parameters."""
    ends = f"-{matrix.outputs}" if matrix.thresholds else ""
    size = f"{matrix.columns}x{matrix.rows}-pe{matrix.pe}-simd{matrix.simd}"
    return f"{size}-{matrix.weights}-{matrix.inputs}{ends}".lower()


def ours(matrix: Matrix) -> Estimate:
    """Resources of our design of that layer; they stand for counts of Yosys for Xilinx 7."""
    return built(matrix).estimate("xc7")


def counted(matrix: Matrix, records: Mapping[str, Record]) -> Record | None:
    """What Yosys counted in that design; None unless it counted in that of today."""
    record = records.get(name_of(matrix))
    current = record is not None and record.digest == built(matrix).digest
    return record if current else None


def synthesize_units(
    units: Iterable[Matrix], largest: float, folder: Path, say: Callable[[str], None]
) -> None:
    """Synthesize the designs that are missing or stale, the smallest first, and store each.

    Args:
        units: their parameters.
        largest: the most LUTs that are estimated; larger designs are left out.
        folder: for scripts and logs.
        say: takes a line for each.
    """
    sizes = {matrix: ours(matrix).lut for matrix in units}
    for matrix in sorted(sizes, key=lambda item: sizes[item]):
        if sizes[matrix] > largest or counted(matrix, load(RESULTS)) is not None:
            continue
        name = name_of(matrix)
        record = synthesized(built(matrix), "xc7", folder / name)
        store({**load(RESULTS), name: record}, RESULTS)
        say(f"{name}: {record.lut} LUTs, {sizes[matrix]:.0f} estimated")
