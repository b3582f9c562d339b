"""From a graph to a list of jobs on packed words and on rows of features."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Graph, Op, Rescale, Reshape, Threshold
from hwcompress.ir.reference import as_feeds
from hwcompress.sim.plan import rows_of
from hwcompress.sim.words.block import Action, Block, Job, Memory, Work
from hwcompress.sim.words.forms import find_forms
from hwcompress.sim.words.plane import View
from hwcompress.sim.words.planner import Planner
from hwcompress.sim.words.program import Instruction, Program
from hwcompress.sim.words.sums import as_sums

__all__ = ["Plan", "make_plan", "refuse"]


@dataclass(frozen=True, eq=False)
class Plan:
    """Jobs in order, what they do, and the memory they need.

    Attributes:
        jobs: in order.
        work: what each of them does.
        stages: the same, jobs on words that follow each other as one program.
        memory: of a block.
        inputs: names of the tensors that samples are given for.
    """

    jobs: tuple[Job, ...]
    work: tuple[Work, ...]
    stages: tuple[Action | Program, ...]
    memory: Memory
    inputs: tuple[str, ...]

    def run(self, block: Block, places: np.ndarray, count: int) -> str | None:
        """Take a block's samples through the graph.

        Args:
            block: its memory; feeds and results are looked at by actions on rows alone.
            places: as of :meth:`hwcompress.sim.words.program.Program.run`: inputs in the graph's
                order, then what is wanted.
            count: samples.

        Returns:
            The input that holds an integer which is not of its type, if there is one.
        """
        for stage in self.stages:
            if isinstance(stage, Program):
                wrong = stage.run(block.arena, places, count)
                if wrong >= 0:
                    return self.inputs[wrong]
            else:
                stage(block)
        return None


def _stages(work: Sequence[Work]) -> Iterator[Action | Program]:
    """Lines of programs that follow each other as one."""
    for on_words, items in itertools.groupby(work, key=lambda item: isinstance(item, tuple)):
        if on_words:
            lines = [line for item in items if isinstance(item, tuple) for line in item]
            if lines:
                yield Program(lines)
        else:
            yield from (item for item in items if not isinstance(item, tuple))


def make_plan(graph: Graph, wanted: Sequence[str], *, words: bool = True) -> Plan:
    """Choose a kernel for every operation, and a place for every tensor.

    Args:
        graph: the graph.
        wanted: tensors whose integers are kept.
        words: whether packed words may be used; otherwise all is done on rows.
    """
    sums = {
        op.name: as_sums(op, graph.input_types(op), graph.output_types(op)) if words else None
        for op in graph.layers
    }
    forms = find_forms(graph, sums) if words else {}
    planner = Planner(graph, tuple(wanted), forms, sums)
    names = tuple(item.outputs[0] for item in graph.inputs)
    for number, name in enumerate(names):
        _feed(planner, name, number)
    done: set[str] = set()
    for op in graph.layers:
        if op.name in done:
            continue
        after = _follower(planner, op)
        if after is not None and planner.summed(op, after):
            done.add(after.name)
            planner.keep(after.outputs[0])
            continue
        made = planner.virtual(op) or planner.summed(op, None) or planner.moved(op)
        if not made:
            planner.stepped(op)
        for name in op.outputs:
            planner.keep(name)
    memory = Memory.placed(planner.jobs, planner.kinds)
    work = tuple(job.make() for job in planner.jobs)
    return Plan(tuple(planner.jobs), work, tuple(_stages(work)), memory, names)


def _feed(planner: Planner, tensor: str, number: int) -> None:
    """Bring an input of the graph into the block, checked."""
    graph = planner.graph
    form, kind = planner.forms.get(tensor), graph.tensors[tensor]
    if form is not None and len(kind.shape) in (1, 3):
        readers = [op for op in graph.ops if tensor in op.inputs]
        # All channels of all pixels one behind the other need no words per pixel.
        flat = all(isinstance(op, Reshape) and len(op.shape) == 1 for op in readers)
        plane = planner.plane(tensor, form, flat=flat and not any(form.border))
        view = planner.views[tensor] = View.whole(plane)

        def make() -> Work:
            first = view.elements()[0].reshape(-1, plane.channels)[:, 0].astype(np.int64)
            facts: dict[str, int | np.ndarray] = {
                "feed": number,
                "first": first,
                "pixels": first.size,
                "channels": plane.channels,
                "words": plane.words,
                "kind": plane.kind,
                "zero": plane.zero,
                "lowest": kind.dtype.lo,
                "highest": kind.dtype.hi,
                "between": kind.dtype.step - 1,
            }
            return (Instruction("encode", facts),)

        planner.add(f"encode {tensor}", make, [plane])
    else:
        planner.kinds[tensor] = rows_of(kind.type)

        def action(block: Block) -> None:
            values, rows = block.feeds[tensor], block.rows[tensor]
            if not kind.dtype.contains(values):
                refuse(graph, tensor, values)
            rows[:, : len(values)] = values.T
            rows[:, len(values) :] = values[-1:].T

        planner.add(f"copy {tensor}", lambda: action, (), [tensor])
        planner.arrays[tensor] = tensor
    planner.keep(tensor)


def refuse(graph: Graph, tensor: str, values: np.ndarray) -> None:
    """Raise what the definition raises for integers that are not of an input's type."""
    feeds = {
        name: np.full((1, *graph.tensors[name].shape), graph.tensors[name].dtype.lo)
        for name in (op.outputs[0] for op in graph.inputs)
    }
    feeds[tensor] = values.reshape(len(values), *graph.tensors[tensor].shape)
    as_feeds(graph, feeds)
    raise AssertionError(f"integers of {tensor!r} were refused for no reason")


def _follower(planner: Planner, op: Op) -> Threshold | Rescale | None:
    """A Threshold or Rescale that alone reads an operation's only output."""
    if len(op.outputs) != 1 or op.outputs[0] in planner.wanted:
        return None
    if planner.sums[op.name] is None or isinstance(op, Threshold | Rescale):
        return None
    readers = [item for item in planner.graph.ops if op.outputs[0] in item.inputs]
    if len(readers) != 1 or not isinstance(readers[0], Threshold | Rescale):
        return None
    return readers[0]
