"""The bit-exact interpreters of da4ml and its successor alkaid, on a multilayer perceptron.

Both are optional: nothing of the product needs them. ``pip install da4ml alkaid``.
"""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np

from benchmarks.simulator_peers import Run, quiet
from hwcompress.ir import Dense, Graph, Input, Op, Output, Rescale

__all__ = ["INSTALL", "alkaid_interpreter", "da4ml_interpreter", "rounding_half_up"]

INSTALL = "pip install da4ml alkaid"


def rounding_half_up(graph: Graph) -> Graph:
    """The same network, but ties are rounded up: da4ml cannot round them to even."""
    ops: list[Op] = []
    for op in graph.ops:
        if isinstance(op, Rescale) and op.rounding == "half_even":
            half = np.where(op.shift > 0, 1 << np.maximum(op.shift - 1, 0), 0)
            ops.append(replace(op, add=op.add + half, rounding="floor"))
        else:
            ops.append(op)
    affine = {name: tensor.affine for name, tensor in graph.tensors.items()}
    return Graph.build(f"{graph.name}-half-up", ops, affine)


def da4ml_interpreter(graph: Graph, threads: int) -> Run:
    """da4ml's C++ interpreter of its adder graph; integers to integers.

    Raises:
        ImportError: da4ml is not installed.
    """
    trace = importlib.import_module("da4ml.trace")
    binary = importlib.import_module("da4ml._binary")
    with quiet():
        inputs, outputs = _traced(graph, trace.FixedVariableArrayInput, "da4ml.trace.ops")
        # Made once: predict() would make it again in every call.
        code = trace.comb_trace(inputs, outputs).to_binary()
    return lambda x: _rows(x, binary.dais_interp_run(code, x, threads))


def alkaid_interpreter(graph: Graph, threads: int) -> Run:
    """alkaid's, likewise.

    Raises:
        ImportError: alkaid is not installed.
    """
    trace = importlib.import_module("alkaid.trace")
    binary = importlib.import_module("alkaid._binary")
    with quiet():
        inputs, outputs = _traced(graph, trace.FVArrayInput, "alkaid.trace.ops")
        code = trace.trace(inputs, outputs).to_bytecode()
    return lambda x: _rows(x, binary.alir_interp_run(code, x, threads))


def _rows(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(y).reshape(len(x), -1)


def _traced(graph: Graph, array: type, operations: str) -> tuple[object, object]:
    """Symbolic inputs and outputs of Dense and Rescale layers in a chain.

    Raises:
        ValueError: the graph has something else.
    """
    quantize = importlib.import_module(operations).quantize
    start = graph.inputs[0]
    inputs = value = array(start.shape)
    for op in graph.ops:
        match op:
            case Input():
                kind = op.dtype
                if kind.lo not in (0, -kind.hi - 1):
                    raise ValueError(f"inputs {kind}")
                signed = int(kind.lo < 0)
                value = quantize(value, signed, kind.bits - signed, 0)
            case Dense():
                value = value @ op.weight.T.astype(np.float64)
                if op.bias is not None:
                    value = value + op.bias.astype(np.float64)
            case Rescale(rounding="floor") if np.all(op.mul == 1) and op.otype.lo == 0:
                value = (value + op.add.astype(np.float64)) * 2.0 ** -op.shift.astype(np.float64)
                value = quantize(value, 0, op.otype.bits, 0, "SAT", "TRN")
            case Output():
                return inputs, value
            case _:
                raise ValueError(f"{op.kind} {op.name}")
    raise ValueError("no output")
