"""Where the time of a frame goes: a rough model of a design's latency, as weights of its cycles.

An operation gives its rows one after the other, each when the rows of its inputs that
it needs are there. When the last row leaves is the longest way through all rows of
all operations, down to a row that follows or over to an operation that needs it. Such a
way says how much of every operation's cycles lie on it: a sum that bounds
the latency of every other choice, roughly, for the exact one is what the cycle model finds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.hls.fit.network import Menus
from hwcompress.hls.fit.problem import Problem
from hwcompress.hls.fit.widths import port_lanes
from hwcompress.hls.folding.engines import engine
from hwcompress.ir import (
    ArgMax,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    MaxPool,
    Op,
    Output,
    Reshape,
    SumPool,
    TensorType,
    TopK,
    Transpose,
    Upsample,
)  # fmt: skip

__all__ = ["Stages", "Way"]


@dataclass(frozen=True, eq=False)
class Way:
    """The slowest way of a choice.

    Args:
        cycles: along it.
        weights: what part of every option's cycles lies on it, float64 ``(options,)``
            in cycles, by node of the problem.
    """

    cycles: float
    weights: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class _Stage:
    """An operation, or the port in front of it: who it waits for, row by row.

    Args:
        node: of the problem.
        cycles: a frame, of every option of the node.
        rows: that leave one after the other.
        columns: of a row.
        needs: stages that it reads, and the last row of them that each of its rows needs.
    """

    node: int
    cycles: np.ndarray
    rows: int
    columns: int
    needs: tuple[tuple[int, np.ndarray], ...]


class Stages:
    """All operations of a graph as stages; see this module.

    Args:
        graph: what the design computes.
        menus: its choices.
    """

    def __init__(self, graph: Graph, menus: Menus) -> None:
        self._problem: Problem = menus.problem
        self._stages: list[_Stage] = []
        self._ends: list[int] = []
        made: dict[str, int] = {}  # stage of a tensor
        numbers = {node.name: place for place, node in enumerate(menus.problem.nodes)}
        for op in graph.layers:
            if isinstance(op, Reshape):
                if op.inputs[0] in made:
                    made[op.outputs[0]] = made[op.inputs[0]]
                continue
            if op.name not in menus.engines:
                continue
            number = numbers[op.name]
            needs = []
            for position, tensor in enumerate(op.inputs):
                if isinstance(graph.producer(tensor), Constant):
                    continue
                if tensor not in made:
                    made[tensor] = self._port(graph, menus, op, position, number)
                stage = made[tensor]
                source = graph.tensors[tensor].type
                needs.append((stage, _needed(op, graph, source, self._stages[stage].rows)))
            rows, columns = _size(graph.output_types(op)[0])
            self._stages.append(
                _Stage(number, menus.problem.nodes[number].cycles, rows, columns, tuple(needs))
            )
            made.update(dict.fromkeys(op.outputs, len(self._stages) - 1))
        for op in graph.ops:
            if isinstance(op, Output) and op.inputs[0] in made:
                self._ends.append(made[op.inputs[0]])

    def _port(self, graph: Graph, menus: Menus, op: Op, position: int, number: int) -> int:
        """The beats of an input, with the lanes that one of its readers asks for."""
        item = engine(op, graph)
        assert item is not None
        kind = graph.tensors[op.inputs[position]].type
        lanes = [port_lanes(item, lanes, position) for lanes, _style in menus.engines[op.name]]
        rows, columns = _size(kind)
        self._stages.append(_Stage(number, kind.size // np.array(lanes), rows, columns, ()))
        return len(self._stages) - 1

    def way(self, choice: np.ndarray) -> Way:
        """The slowest way of a choice."""
        ends: list[np.ndarray] = []  # when every row of a stage has left
        origins: list[list[tuple[int, int] | None]] = []  # stage and row that a row waited for
        speeds = [float(s.cycles[choice[s.node]]) / s.rows for s in self._stages]
        for stage, row_cycles in zip(self._stages, speeds, strict=True):
            found = np.zeros(stage.rows)
            origin: list[tuple[int, int] | None] = []
            before = 0.0
            tail = row_cycles / stage.columns
            for row in range(stage.rows):
                best, wait = before + row_cycles, None
                for source, needed in stage.needs:
                    at = float(ends[source][needed[row]]) + tail
                    if at > best:
                        best, wait = at, (source, int(needed[row]))
                found[row] = before = best
                origin.append(wait)
            ends.append(found)
            origins.append(origin)
        last = max(self._ends, key=lambda end: float(ends[end][-1]))
        shares = np.zeros(len(self._stages))  # of each stage's frame
        at, row = last, self._stages[last].rows - 1
        while row >= 0:
            stage, wait = self._stages[at], origins[at][row]
            if wait is None:
                shares[at] += 1 / stage.rows
                row -= 1
            else:
                shares[at] += 1 / (stage.rows * stage.columns)
                at, row = wait
        weights = [np.zeros(len(node.cycles)) for node in self._problem.nodes]
        for stage, share in zip(self._stages, shares, strict=True):
            weights[stage.node] += share * stage.cycles
        return Way(float(ends[last][-1]), tuple(weights))


def _size(kind: TensorType) -> tuple[int, int]:
    """Rows and columns; of a sequence every element is a row; a vector is a single one."""
    if len(kind.shape) != 3:
        return 1, 1
    height, width = kind.shape[:2]
    return (width, 1) if height == 1 else (height, width)


def _needed(op: Op, graph: Graph, source: TensorType, rows: int) -> np.ndarray:
    """The last row of an input, of ``rows`` as they were made, that every row given needs."""
    target = graph.output_types(op)[0]
    count, height = _size(target)[0], _size(source)[0]
    sequences = [len(kind.shape) == 3 and kind.shape[0] == 1 for kind in (source, target)]
    axis = int(sequences[0])
    last = np.arange(count)
    if isinstance(op, Dense | ArgMax | TopK | Transpose) or sequences[0] != sequences[1]:
        last = np.full(count, height - 1)
    elif isinstance(op, Conv | MaxPool | SumPool):
        dilation = op.dilation[axis] if isinstance(op, Conv) else 1
        last = last * op.stride[axis] - op.padding[axis] + dilation * (op.kernel[axis] - 1)
    elif isinstance(op, ConvTranspose | Upsample):
        last = -(-(last + 1) * height // count)
    elif count != height:
        last = np.full(count, height - 1)
    last = np.clip(last, 0, height - 1)
    return np.asarray((last + 1) * rows // height - 1).clip(0)
