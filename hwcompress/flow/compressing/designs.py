"""Designs of a float model at chosen bits, and what Yosys counts in them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from hwcompress import boards
from hwcompress.boards import Board
from hwcompress.compress.recipe import Recipe
from hwcompress.compress.sensitivity import mixed_step
from hwcompress.errors import UnsupportedError
from hwcompress.flow.compressing.exploring import SensitivitySettings
from hwcompress.flow.compressing.floats import TORCH, Start, integer_graph, load_start
from hwcompress.flow.compressing.graphs import weighted_ops
from hwcompress.flow.compressing.hardware import counted_by, design_of
from hwcompress.flow.hashing import hash_path, hash_text
from hwcompress.flow.parallelism import wanted_cycles
from hwcompress.flow.step import Context
from hwcompress.hls.synth import SynthReport, synthesize
from hwcompress.ir import Graph

__all__ = ["Designs", "Measured", "explored", "layer_groups"]


def explored(context: Context) -> SensitivitySettings:
    """The settings of a step of `hwcompress sensitivity`."""
    assert isinstance(context.settings, SensitivitySettings)
    return context.settings


class Measured:
    """What a design takes, layer by layer."""

    def __init__(
        self, seen: SynthReport, graph: Graph, sizes: Sequence[int], interval: int
    ) -> None:
        groups = layer_groups(graph)
        found = [int(op.weight.size) for op in weighted_ops(graph)]
        if found != list(sizes):
            raise UnsupportedError(
                f"layers of {', '.join(map(str, sizes))} weights have become operations of"
                f" {', '.join(map(str, found))}",
                why="what a layer takes cannot be told from the others",
                remedy="leave --lut-budget and --bram-budget out",
            )
        used = {layer.op: (layer.resources.lut, layer.resources.bram) for layer in seen.layers}
        self.costs = [
            tuple(sum(used[name][index] for name in group if name in used) for index in range(2))
            for group in groups
        ]
        self.total = (float(seen.total.lut), float(seen.total.bram))
        self.rest = [
            whole - sum(cost[index] for cost in self.costs)
            for index, whole in enumerate(self.total)
        ]
        self.by, self.interval = counted_by(seen), interval


def layer_groups(graph: Graph) -> list[list[str]]:
    """Names of operations, in a group for each one with weights: itself, and what stands
    before it since the one before. What follows the last one is in no group."""
    weighted = {op.name for op in weighted_ops(graph)}
    groups: list[list[str]] = []
    waiting: list[str] = []
    for op in graph.layers:
        waiting.append(op.name)
        if op.name in weighted:
            groups.append(waiting)
            waiting = []
    return groups


class Designs:
    """Designs of the float model at chosen bits, calibrated only, all of one interval."""

    def __init__(self, context: Context) -> None:
        self.context, self.settings = context, explored(context)
        self.board: Board = boards.load(self.settings.board)
        self.target = wanted_cycles(self.settings, self.board)
        with TORCH:
            self.start: Start = load_start(context)

    def of(self, bits: dict[str, int]) -> Measured:
        """The design of a choice; one that Yosys has seen before is not synthesized again."""
        said = ",".join(map(str, bits.values()))
        self.context.say(f"a design of {said} bits")
        folder = self.context.work / "design"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        graph, sizes = self._graph(bits, folder)
        slowest, interval, _ = design_of(
            graph, self.board, self.settings, self.target, folder / "rtl"
        )
        if self.target is None:
            self.target = slowest  # the first one decides, all others follow
        seen = self._synthesized(folder / "rtl")
        return Measured(seen, graph, sizes, interval)

    def _synthesized(self, rtl: Path) -> SynthReport:
        """What Yosys counts; kept under a name that tells what it has seen."""
        key = [hash_path(rtl), self.board.part, *sorted(self.context.tools.items())]
        kept = self.context.work / f"synth-{hash_text(repr(key))[:16]}.json"
        if not kept.exists():
            work = rtl.with_name("synth")
            synthesize(rtl, work, board=self.board).save(kept)
        return SynthReport.load(kept)

    def _graph(self, bits: dict[str, int], folder: Path) -> tuple[Graph, list[int]]:
        """The integer graph of a choice, and how many weights each of its layers has."""
        recipe = Recipe("mixed", "", (mixed_step(bits),))
        with TORCH:
            made, imported = integer_graph(self.start, recipe, self.settings, folder)
        sizes = [int(made.state.layer(name).weight.numel()) for name in bits]
        return imported.graph, sizes
