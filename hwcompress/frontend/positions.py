"""Functions that differ from position to position, made the same by constants.

A constant that is not the same at all positions of a channel turns a tensor into a
vector with a function for every element. Where an operation needs an image again, or
thresholds for every element would take too much memory, constants of the graph take the
differences over: ``integer * m + k`` with ``m`` and ``k`` by position is one function of
one integer.
"""

from __future__ import annotations

import numpy as np

from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.lower_constant import add_constant
from hwcompress.frontend.region import StepFunction
from hwcompress.frontend.sums import common_scale
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Add, Mul, Reshape

__all__ = ["evened", "shared_thresholds"]

_LARGEST = 1 << 16  # factor or constant
_MOST_DISTINCT = 1 << 12
# Thresholds of every element are kept up to so many bits, or if constants save less.
_FEW_BITS = 1 << 15
_SAVING = 3
_MOST_THRESHOLDS = 1 << 24
_FINEST = 16  # bits by which an integer is made finer at most
_NONE = 1 << 61


def evened(builder: GraphBuilder, value: Symbolic) -> Symbolic | None:
    """``value``, affine by element or channel, over a tensor with one affine for all.

    ``None`` if gains and offsets are multiples of no common scale.
    """
    gain, offset = value.function.gain, value.function.offset
    if gain is None or offset is None or value.base in builder.pending:
        return None
    for shift in (0.0, float(offset[0])):
        found = _common(gain, offset - shift)
        if found is None:
            continue
        factors, terms, scale = found
        tensor = _root(builder, value.base)
        name = _scaled(builder, tensor, factors, terms, f"{value.base}_even")
        channels = builder.types[name].channels
        even = np.full(channels, scale), np.full(channels, shift)
        builder.notes.append(
            f"{value.base!r}: factors or offsets by position are constants of the graph"
        )
        return builder.symbol(name, value.shape, value.order, *even)
    return None


def _common(gain: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Integers for gains and offsets, and their scale."""
    both = np.concatenate([gain, offset])
    distinct, place = np.unique(both, return_inverse=True)
    if distinct.size > _MOST_DISTINCT:
        return None
    found = common_scale(distinct[:, None], _LARGEST)
    if found is None:
        return None
    integers = found[0][:, 0][place.reshape(-1)]
    return integers[: gain.size], integers[gain.size :], float(found[1][0])


def _root(builder: GraphBuilder, tensor: str) -> str:
    """The image that a vector was, if it was one."""
    maker = next(op for op in builder.ops if tensor in op.outputs)
    if isinstance(maker, Reshape) and len(builder.types[maker.inputs[0]].shape) == 3:
        return maker.inputs[0]
    return tensor


def _scaled(
    builder: GraphBuilder, tensor: str, factors: np.ndarray, terms: np.ndarray, stem: str
) -> str:
    """``tensor * factors + terms``, both by element or channel of what ``tensor`` was."""
    shape = builder.types[tensor].shape

    def constant(values: np.ndarray) -> str:
        size = int(np.prod(shape))
        full = np.tile(values, size // values.size).reshape(shape)
        return add_constant(builder, f"{stem}_values", full)

    factor = int(factors[0])
    if np.any(factors != factor):
        name = builder.fresh(stem)
        tensor = builder.add(Mul(name, (tensor, constant(factors)), (name,)))
        factor = 1
    if not np.any(terms) and factor == 1:
        return tensor
    name = builder.fresh(stem)
    rows = np.array([[factor], [1]], np.int64)
    return builder.add(Add(name, (tensor, constant(terms)), (name,), rows))


def shared_thresholds(
    builder: GraphBuilder, value: Symbolic, steps: StepFunction
) -> tuple[str, np.ndarray, np.ndarray] | None:
    """Thresholds for whole channels instead of every element, over a tensor with constants added.

    Every level of every element is the same: the thresholds lie between the integers that
    they have to tell apart.

    Returns:
        The tensor, thresholds ``(1 or channels, levels)`` and signs; ``None`` where nothing
        is saved.
    """
    affine = value.function if value.function.is_affine else value.head and value.head.function
    if not affine or affine.gain is None or affine.offset is None:
        return None
    tensor = _root(builder, value.base)
    count, levels = steps.thresholds.shape
    channels = builder.types[tensor].channels
    bits = count * levels * builder.types[value.base].dtype.bits
    if tensor == value.base or bits < _FEW_BITS or count * levels > _MOST_THRESHOLDS:
        return None
    if np.all(steps.thresholds[:channels] == steps.thresholds.reshape(-1, channels, levels)):
        return None  # nothing differs: as cheap as it is
    low, high = (
        np.where(steps.sign > 0, one, -other)
        for one, other in ((steps.lo, steps.hi), (steps.hi, steps.lo))
    )
    wanted = np.clip(steps.thresholds, low[:, None], high[:, None] + 1)
    moving = np.flatnonzero(affine.gain)
    if not moving.size or not np.all(np.isfinite(affine.gain) & np.isfinite(affine.offset)):
        return None
    sign = int(steps.sign[moving[0]] * np.sign(affine.gain[moving[0]]))
    for finer in range(0, _FINEST + 1, 2):
        unit = float(np.abs(affine.gain).max()) / 2.0**finer
        ratios = affine.gain / unit, (affine.offset - affine.offset.min()) / unit
        if max(np.abs(item).max() for item in ratios) > 2.0**24:
            return None
        factors, terms = (np.rint(item).astype(np.int64) for item in ratios)
        widths = [int(item.max() - item.min()).bit_length() for item in (factors, terms)]
        if _SAVING * count * (sum(widths) + 1) > bits:
            return None
        slope, start = factors * steps.sign * sign, sign * terms
        if np.any(slope < 0):
            return None
        for groups in (1, channels):
            rows = _between(wanted, slope, start, low, high, groups)
            if rows is not None:
                name = _scaled(builder, tensor, factors, terms, f"{value.base}_even")
                return name, rows, np.full(groups, sign, np.int64)
    return None


def _between(
    wanted: np.ndarray,
    slope: np.ndarray,
    start: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    groups: int,
) -> np.ndarray | None:
    """Thresholds ``(groups, levels)`` on ``slope * p + start`` that are passed where ``p``
    passes ``wanted``, ``(elements, levels)``, for all ``low <= p <= high``; or ``None``.

    Element ``i`` belongs to group ``i % groups``.
    """
    reached = np.where(
        wanted <= high[:, None], slope[:, None] * wanted + start[:, None], _NONE
    )  # the threshold is at most that
    missed = np.where(
        wanted > low[:, None], slope[:, None] * (wanted - 1) + start[:, None], -_NONE
    )  # and more than that
    levels = wanted.shape[1]
    most = reached.reshape(-1, groups, levels).min(axis=0)
    least = missed.reshape(-1, groups, levels).max(axis=0) + 1
    if np.any(least > most):
        return None
    free = least <= -_NONE + 1
    # What no integer decides takes the next level's threshold; rows ascend so.
    rows = np.where(free, most, least)
    rows = np.minimum.accumulate(rows[:, ::-1], axis=1)[:, ::-1]
    ends = start.reshape(-1, groups).max(axis=0) + (slope * high).reshape(-1, groups).max(axis=0)
    return np.minimum(rows, ends[:, None] + 1)
