"""Chooses, operation by operation, what works on words and what on rows of features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hwcompress.ir import (
    Concat,
    Graph,
    MaxPool,
    Op,
    Range,
    Rescale,
    Reshape,
    Shuffle,
    Split,
    Threshold,
    Upsample,
)
from hwcompress.sim.plan import SIM, Rows, Step, rows_of
from hwcompress.sim.words import codec
from hwcompress.sim.words.block import Block, Job, Work
from hwcompress.sim.words.dot_job import Reach, dot_jobs, ending_of, weights_fit
from hwcompress.sim.words.dot_kernel import BITS, BYTES, PAIRS, WIDE
from hwcompress.sim.words.forms import Form, is_virtual
from hwcompress.sim.words.plane import Plane, View
from hwcompress.sim.words.program import Instruction
from hwcompress.sim.words.sums import Sums

__all__ = ["Planner"]

_INT32 = 1 << 31


@dataclass
class Planner:
    """The jobs so far, and where they leave the tensors.

    A tensor is in words (``views``), in rows (``arrays``, the name of an array), or in both.
    Each of the methods for operations adds the jobs of one, or says that it cannot.
    """

    graph: Graph
    wanted: tuple[str, ...]
    forms: dict[str, Form | None]
    sums: dict[str, Sums | None]
    jobs: list[Job] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    arrays: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, Rows] = field(default_factory=dict)

    def add(
        self,
        label: str,
        make: Callable[[], Work],
        planes: Sequence[Plane] = (),
        rows: Sequence[str] = (),
        scratch: tuple[tuple[str, Rows], ...] = (),
    ) -> None:
        """One more job."""
        self.jobs.append(Job(label, tuple(planes), tuple(rows), make, scratch))

    # -- where tensors are ----------------------------------------------------------------

    def plane(self, tensor: str, form: Form, *, flat: bool = False) -> Plane:
        """A new plane for a tensor, with its border filled."""
        plane = form.plane(tensor, self.graph.tensors[tensor].shape, flat=flat)
        if any(plane.border) and plane.pad is not None:

            def make() -> Work:
                top, left, bottom, right = plane.border
                facts: dict[str, int | np.ndarray] = {
                    "first": plane.base,
                    "height": plane.height,
                    "width": plane.width,
                    "words": plane.words,
                    "top": top,
                    "left": left,
                    "bottom": bottom,
                    "right": right,
                    "pixel": plane.pad_word,
                }
                return (Instruction("fill", facts),)

            self.add(f"border of {tensor}", make, [plane])
        return plane

    def view(self, tensor: str) -> View | None:
        """The tensor in words, moved there if need be; ``None`` if no word holds its integers."""
        if tensor in self.views:
            return self.views[tensor]
        kind = self.graph.tensors[tensor]
        form = self.forms.get(tensor) or _plain_form(kind.dtype.lo, kind.dtype.hi)
        if form is None or len(kind.shape) not in (1, 3):
            return None
        plane, source = self.plane(tensor, form), self.arrays[tensor]
        view = self.views[tensor] = View.whole(plane)

        def make() -> Work:
            places = _places(view)
            return lambda block: codec.from_rows(
                block.rows[source], *places, plane.kind, plane.zero, block.arena
            )

        self.add(f"pack {tensor}", make, [plane], [source])
        return view

    def array(self, tensor: str) -> str:
        """The array that holds the tensor's rows, moved there if need be."""
        if tensor in self.arrays:
            return self.arrays[tensor]
        view = self.views[tensor]
        self.kinds[tensor] = rows_of(self.graph.tensors[tensor].type)

        def make() -> Work:
            places = _places(view)
            return lambda block: codec.to_rows(
                block.arena, *places, view.kind, view.zero, block.rows[tensor]
            )

        self.add(f"unpack {tensor}", make, view.planes, [tensor])
        self.arrays[tensor] = tensor
        return tensor

    def keep(self, tensor: str) -> None:
        """Copy a tensor out, if it is wanted."""
        if tensor not in self.wanted:
            return
        if tensor in self.views:
            view = self.views[tensor]

            def make() -> Work:
                rows, parts = _places(view)
                facts: dict[str, int | np.ndarray] = {
                    "result": len(self.graph.inputs) + self.wanted.index(tensor),
                    "rows": rows,
                    "parts": parts,
                    "features": rows.size,
                    "kind": view.kind,
                    "zero": view.zero,
                }
                return (Instruction("decode", facts),)

            self.add(f"keep {tensor}", make, view.planes)
            return
        source = self.arrays[tensor]

        def action(block: Block) -> None:
            target = block.results[tensor]
            target[...] = block.rows[source][:, : len(target)].T

        self.add(f"keep {tensor}", lambda: action, (), [source])

    # -- operations -----------------------------------------------------------------------

    def virtual(self, op: Op) -> bool:
        """Concat, Split, Shuffle and flattening: only where elements are found changes."""
        if not is_virtual(op, self.graph):
            return False
        views = [self.views[name] for name in op.inputs if name in self.views]
        if len(views) < len(op.inputs):
            return False
        (first, *_), target = views, op.outputs[0]
        if isinstance(op, Reshape):
            self.views[target] = first.flat()
            return True
        if first.kind == BITS:  # a word would hold bits of several places
            return False
        if isinstance(op, Shuffle):
            self.views[target] = first.taken(op.permutation)
        elif isinstance(op, Split):
            cuts = np.cumsum(op.sizes)[:-1]
            parts = np.split(np.arange(first.shape[2]), cuts)
            for output, part in zip(op.outputs, parts, strict=True):
                self.views[output] = first.taken(part)
        else:
            assert isinstance(op, Concat)
            joined = View.joined(views)
            if joined is None:
                return False
            self.views[target] = joined
        return True

    def summed(self, op: Op, after: Threshold | Rescale | None) -> bool:
        """Weighted sums, with the step ``after`` them if it is given."""
        found = self._source_of_sums(op)
        name = (after or op).outputs[0]
        form = self.forms.get(name)
        if found is None or form is None:
            return False
        view, sums = found
        plane = self.plane(name, form)
        self.views[name] = View.whole(plane)
        step = op if isinstance(op, Threshold | Rescale) else after

        def make() -> Work:
            ending = ending_of(step, sums.bias.size, self._reach(op), plane)
            return dot_jobs(view, sums, ending, plane)

        label = f"{op.kind} {op.name}" + (f", {after.kind} {after.name}" if after else "")
        self.add(f"{label} on {_WORDS[view.kind]}", make, [*view.planes, plane])
        return True

    def _reach(self, op: Op) -> Reach:
        """What every channel's sum may be, whatever the samples are."""
        summed = op.inputs[0] if isinstance(op, Threshold | Rescale) else op.outputs[0]
        found = self._ranges[summed]
        return Reach(found.lo.astype(np.int64), found.hi.astype(np.int64))

    @cached_property
    def _ranges(self) -> dict[str, Range]:
        return self.graph.ranges()

    def _source_of_sums(self, op: Op) -> tuple[View, Sums] | None:
        """What an operation sums, if words can be summed for it."""
        sums = self.sums[op.name]
        if sums is None:
            return None
        alone = isinstance(op, Threshold | Rescale)
        if alone and any(name not in self.views for name in op.inputs):
            return None  # moving costs more than it gives
        accumulator = self.graph.tensors[op.outputs[0]].dtype
        if accumulator.lo < -_INT32 or accumulator.hi >= _INT32:
            return None
        views = [item for item in map(self.view, op.inputs) if item is not None]
        view = View.joined(views) if len(views) == len(op.inputs) else None
        if (
            view is None
            or view.kind == WIDE
            or not weights_fit(view.kind, sums.weights, apart=sums.apart)
        ):
            return None
        if view.kind == BITS and sums.apart:
            return None
        for plane in view.planes if any(sums.border) else ():
            short = any(a < b for a, b in zip(plane.border, sums.border, strict=True))
            if short or plane.pad != sums.pad:
                return None
        return view, sums

    def moved(self, op: Op) -> bool:
        """Whole words go to other places: the maximum over windows, and Upsample."""
        if not isinstance(op, MaxPool | Upsample) or op.inputs[0] not in self.views:
            return False
        view, form = self.views[op.inputs[0]], self.forms.get(op.outputs[0])
        source = view.planes[0]
        if form is None or not view.is_whole or (form.kind, form.zero) != (view.kind, view.zero):
            return False
        plane = self.plane(op.outputs[0], form)
        self.views[op.outputs[0]] = View.whole(plane)
        make = _pool(op, source, plane) if isinstance(op, MaxPool) else _copy(op, source, plane)
        self.add(f"{op.kind} {op.name} on {_WORDS[view.kind]}", make, [source, plane])
        return True

    def stepped(self, op: Op) -> None:
        """The operation's own step on rows of features."""
        graph = self.graph
        step: Step = SIM.handler(op)(op, graph.input_types(op), graph.output_types(op))
        sources = [self.array(name) for name in op.inputs]
        if step.in_place:  # the same array under another name
            self.arrays[op.outputs[0]] = sources[0]
            return
        for name in op.outputs:
            self.kinds[name] = rows_of(graph.tensors[name].type)
            self.arrays[name] = name
        scratch = tuple((f"{op.name}?{i}", rows) for i, rows in enumerate(step.scratch))
        outputs, extra = list(op.outputs), [name for name, _ in scratch]

        def action(block: Block) -> None:
            step.run(
                [block.rows[name] for name in sources],
                [block.rows[name] for name in outputs],
                [block.rows[name] for name in extra],
            )

        label = f"{op.kind} {op.name} on rows: {step.kernel}"
        self.add(label, lambda: action, (), [*sources, *outputs], scratch)


_WORDS = {WIDE: "words of 32 bits", BYTES: "bytes", PAIRS: "words of 16 bits", BITS: "single bits"}


def _plain_form(lo: int, hi: int) -> Form | None:
    """For a tensor that comes from rows."""
    if hi - lo < 256:
        return Form(BYTES, lo, (0, 0, 0, 0), None)
    if lo >= -32768 and hi <= 32767:
        return Form(PAIRS, 0, (0, 0, 0, 0), None)
    return None


def _places(view: View) -> tuple[np.ndarray, np.ndarray]:
    row, part = view.elements()
    return row.astype(np.int64), part.astype(np.int64)


def _pool(op: MaxPool, source: Plane, plane: Plane) -> Callable[[], Work]:
    def make() -> Work:
        facts = {
            "kind": source.kind,
            "source": source.base + source.first,
            "source_y": source.step_y,
            "source_x": source.words,
            "words": source.words,
            "height": source.height,
            "width": source.width,
            "kernel_y": op.kernel[0],
            "kernel_x": op.kernel[1],
            "stride_y": op.stride[0],
            "stride_x": op.stride[1],
            "top": op.padding[0],
            "left": op.padding[1],
            "out_height": plane.height,
            "out_width": plane.width,
            "target": plane.base + plane.first,
            "target_y": plane.step_y,
            "target_x": plane.words,
        }
        return (Instruction("pool", facts),)

    return make


def _copy(op: Upsample, source: Plane, plane: Plane) -> Callable[[], Work]:
    def make() -> Work:
        y, x, w = (
            item.reshape(-1) for item in np.indices((plane.height, plane.width, plane.words))
        )
        rows = source.base + source.first + w
        rows = rows + y // op.factor[0] * source.step_y + x // op.factor[1] * source.words
        to = plane.base + plane.first + y * plane.step_y + x * plane.words + w
        return (Instruction("copy", {"sources": rows, "targets": to, "count": rows.size}),)

    return make
