"""Parts, repetitions and reorderings of a tensor along one of its axes, in cheap operations.

The tensor is read as ``(outer, count, inner)``, the axis in the middle. A
consecutive part is a Split of ``count * inner`` channels, of which nothing else
may be read: then it is a crop. Every n-th element is the maximum of single pixels,
a repetition an Upsample, a permutation a Shuffle, and everything else several
parts side by side.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import alike, as_image, as_vector
from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Concat, MaxPool, Shuffle, Upsample

__all__ = ["Axis", "along", "block", "channel_sources", "cut", "like", "note_origin", "taken"]

_MOST_PARTS = 256
_MOST_REPEATS = 64
_FEW_PARTS = 8


@dataclass(frozen=True, eq=False)
class Axis:
    """``value`` over a graph tensor read as ``(outer, count, inner)``.

    ``rest`` is, for the other source axes (flat), the place at position 0 of the axis.
    """

    value: Symbolic
    axis: int
    outer: int
    count: int
    inner: int
    rest: np.ndarray

    def shape(self, count: int) -> tuple[int, ...]:
        """Source shape with another length of the axis."""
        before = self.value.shape
        return (*before[: self.axis], count, *before[self.axis + 1 :])

    def order(self, count: int) -> np.ndarray:
        """Order of the source's elements over a graph tensor ``(outer, count, inner)``."""
        place = self.frame // self.inner * (count * self.inner) + self.frame % self.inner
        spread = place + self.inner * np.arange(count)[:, None]
        others = self.shape(count)
        others = (*others[: self.axis], *others[self.axis + 1 :])
        return np.moveaxis(spread.reshape(count, *others), 0, self.axis).reshape(-1)

    def widened(self, inner: int) -> Axis:
        """An axis of length 1 with more elements to a position."""
        if self.count > 1 or self.inner == inner or (self.outer * self.inner) % inner:
            return self
        return replace(self, outer=self.outer * self.inner // inner, inner=inner)

    @property
    def frame(self) -> np.ndarray:
        """For the other source axes (flat), the place if the axis had the length 1."""
        block = self.count * self.inner
        return self.rest // block * self.inner + self.rest % block

    def sources(self, index: np.ndarray) -> np.ndarray:
        """Elements of the graph tensor that positions ``index`` of the axis hold, flat."""
        flat = np.arange(self.outer * self.count * self.inner)
        return flat.reshape(self.outer, self.count, self.inner)[:, index].reshape(-1)


def along(
    builder: GraphBuilder, value: Symbolic, axis: int, where: str, fixed: bool = False
) -> Axis:
    """``value`` (over a graph tensor, each element once) with an axis at a regular distance.

    Elements move only where they must: then an image becomes channels last, and others
    take the order of the source. ``fixed`` asks for these two in any case.
    """
    found = None if fixed else _regular(value, axis)
    if found is None:
        if len(value.shape) in (3, 4) and value.shape[0] == 1:
            value = as_image(builder, value, where)
        else:
            value = as_vector(builder, value, where)
        found = _regular(value, axis)
    assert found is not None
    return found


def _regular(value: Symbolic, axis: int) -> Axis | None:
    count = value.shape[axis]
    places = np.moveaxis(value.order.reshape(value.shape), axis, 0).reshape(count, -1)
    size = value.order.size
    if count == 1:
        return Axis(value, axis, size, 1, 1, places[0])
    inner = int(places[1, 0] - places[0, 0])
    if inner < 1 or size % (count * inner):
        return None
    steps = places[0] + inner * np.arange(count)[:, None]
    if not np.array_equal(steps, places) or np.any(places[0] % (count * inner) >= inner):
        return None
    return Axis(value, axis, size // (count * inner), count, inner, places[0])


def taken(
    builder: GraphBuilder, value: Symbolic, axis: int, index: np.ndarray, where: str
) -> Symbolic:
    """``np.take(value, index, axis)``.

    Raises:
        UnsupportedError: too many separate parts.
    """
    if np.array_equal(index, np.arange(value.shape[axis])):
        return value
    item = along(builder, value, axis, where)
    tensor = _emitted(builder, item, index, where)
    return _read(builder, item, tensor, index)


def cut(
    builder: GraphBuilder,
    value: Symbolic,
    axis: int,
    sizes: tuple[int, ...],
    span: tuple[int, int],
    where: str,
) -> Symbolic:
    """Positions ``span`` of an axis that is cut into parts of ``sizes`` at once."""
    start, stop = span
    if (start, stop) == (0, value.shape[axis]):
        return value
    item = along(builder, value, axis, where)
    tensor = block(builder, item)
    widths = tuple(size * item.inner for size in sizes)
    parts = builder.split(tensor, widths)
    stops = list(itertools.accumulate(sizes))
    kept = [
        part
        for part, end, size in zip(parts, stops, sizes, strict=True)
        if start <= end - size and end <= stop
    ]
    name = kept[0] if len(kept) == 1 else _side_by_side(builder, kept, f"{tensor}_parts")
    return _read(builder, item, name, np.arange(start, stop))


def block(builder: GraphBuilder, item: Axis) -> str:
    """The tensor as ``(outer, count * inner)``, in its own shape if that is so already."""
    tensor, width = item.value.base, item.count * item.inner
    if builder.types[tensor].channels == width:
        return tensor
    return builder.reshape(tensor, (width,) if item.outer == 1 else (item.outer, width))


def _side_by_side(builder: GraphBuilder, parts: list[str], stem: str) -> str:
    name = builder.fresh(stem)
    return builder.add(Concat(name, tuple(parts), (name,)))


def _read(builder: GraphBuilder, item: Axis, tensor: str, index: np.ndarray) -> Symbolic:
    """The function of every element that was taken, in a shape that keeps it per channel."""
    before = builder.types[item.value.base]
    sources = item.sources(index) % before.channels
    shape, into = channel_sources(
        item.value.function, like(before.shape, item, index.size), sources
    )
    tensor = builder.reshape(tensor, shape)

    def function(old: ScalarFunction) -> ScalarFunction:
        return old if np.array_equal(into, np.arange(old.channels)) else old.rearranged(into)

    order = item.order(index.size)
    result = item.value.rebased(tensor, item.shape(index.size), order, function)
    gain, offset = result.function.gain, result.function.offset
    if gain is not None and offset is not None:
        builder.symbol(tensor, result.shape, order, gain, offset)
    return result


def channel_sources(
    function: ScalarFunction, shape: tuple[int, ...] | None, sources: np.ndarray
) -> tuple[tuple[int, ...], np.ndarray]:
    """A shape in which every channel has one function, and the old channel of each.

    Args:
        function: of the old channels.
        shape: the shape that is wanted, if any; else a vector.
        sources: the old channel of each element.
    """
    if shape is not None:
        rows = sources.reshape(-1, shape[-1])
        if np.all(rows == rows[0]) or alike(function, rows):
            return shape, rows[0]
    return (sources.size,), sources


def like(shape: tuple[int, ...], item: Axis, count: int) -> tuple[int, ...] | None:
    """The graph tensor's shape with another length of the axis, if the axis is one of its."""
    inner = 1
    for place in reversed(range(len(shape))):
        if (shape[place], inner) == (item.count, item.inner):
            return (*shape[:place], count, *shape[place + 1 :])
        inner *= shape[place]
    return None


def _emitted(builder: GraphBuilder, item: Axis, index: np.ndarray, where: str) -> str:
    """A tensor with positions ``index`` of the axis."""
    count, (outer, inner) = item.count, (item.outer, item.inner)
    tensor = item.value.base
    stem = f"{tensor}_taken"
    for repeats, offset, step in _regular_forms(index, count):
        name = tensor
        if repeats > 1:
            name = builder.fresh(stem)
            source = builder.reshape(tensor, (outer, count, inner))
            builder.add(Upsample(name, (source,), (name,), (1, repeats)))
        stop = min(offset + step * index.size, count * repeats)
        view = (outer, count * repeats, inner)
        name = builder.crop(name, view, (0, offset, 0, count * repeats - stop))
        if step > 1:
            source = builder.reshape(name, (outer, stop - offset, inner))
            name = builder.fresh(stem)
            builder.add(MaxPool(name, (source,), (name,), (1, 1), (1, step)))
        return name
    times = index.size // count
    if index.size == times * count and np.array_equal(index, np.tile(np.arange(count), times)):
        source = builder.reshape(tensor, (outer, 1, count * inner))
        name = builder.fresh(stem)
        return builder.add(Upsample(name, (source,), (name,), (1, times)))
    flat = block(builder, item)
    if np.array_equal(np.sort(index), np.arange(count)):
        name = builder.fresh(f"{tensor}_shuffle")
        order = (index[:, None] * inner + np.arange(inner)).reshape(-1)
        return builder.add(Shuffle(name, (flat,), (name,), order))
    return _runs(builder, item, flat, index, where)


def _regular_forms(index: np.ndarray, count: int) -> list[tuple[int, int, int]]:
    """``(repeats, offset, step)`` with ``index[i] = (offset + step * i) // repeats``, if any."""
    places = np.arange(index.size)
    if np.any(np.diff(index) < 0):
        return []
    first = int(index[0])
    # A few parts of different lengths are cheaper side by side than repeated and thinned.
    plain = bool(np.all(np.diff(index) > 0)) and np.sum(np.diff(index) > 1) < _FEW_PARTS
    for repeats in range(1, 2 if plain else _MOST_REPEATS + 1):
        span = int(index[-1] - first) * repeats
        most = max(1, -(-(span + repeats) // max(1, index.size - 1)))
        for step in range(max(1, most - 2), most + 1):
            for offset in range(first * repeats, (first + 1) * repeats):
                if offset + step * (index.size - 1) >= count * repeats:
                    break
                if np.array_equal((offset + step * places) // repeats, index):
                    return [(repeats, offset, step)]
    return []


def _runs(builder: GraphBuilder, item: Axis, flat: str, index: np.ndarray, where: str) -> str:
    """Consecutive parts of the axis, cut out and put side by side."""
    breaks = np.flatnonzero(np.diff(index) != 1) + 1
    runs = [(int(part[0]), int(part[-1]) + 1) for part in np.split(index, breaks)]
    ends = sorted({0, item.count, *itertools.chain.from_iterable(runs)})
    if len(runs) > _MOST_PARTS or len(ends) > _MOST_PARTS:
        raise UnsupportedError(
            f"{len(runs)} separate parts of axis {item.axis} of {item.value.shape} are taken",
            where=where,
            remedy="take every n-th element, a consecutive part, or repeat all as often",
        )
    sizes = tuple(item.inner * (b - a) for a, b in itertools.pairwise(ends))
    parts = builder.split(flat, sizes)
    chosen: list[str] = []
    for start, stop in runs:
        chosen.extend(parts[i] for i, end in enumerate(ends[:-1]) if start <= end < stop)
    if len(chosen) == 1:
        return chosen[0]
    return _side_by_side(builder, chosen, f"{item.value.base}_taken")


def note_origin(builder: GraphBuilder, source: str, value: Symbolic) -> None:
    """Compare the graph tensor of ``value`` with the source's tensor ``source``."""
    gain = value.function.gain
    known = value.base in builder.origin or value.order.size != builder.types[value.base].size
    if gain is not None and np.all(gain) and not known:
        builder.origin[value.base] = (source, value)
