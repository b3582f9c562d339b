"""A quantizer behind a sum with unrelated scales: integers proven right by trying all values.

Both inputs of such a sum are narrow. For integer multipliers near the ratio of
the scales every combination of input values is looked at: if the quantizer's
level is a rising (or falling) function of the integer sum, thresholds on that
sum are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.function import ScalarFunction, affine_function
from hwcompress.frontend.paired_sum import PairedSum, paired_region
from hwcompress.frontend.region import Levels, StepFunction, TableFunction, evaluate_region
from hwcompress.frontend.sums import MOST_COMBINATIONS, PendingSum, common_scale
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Add, IntType, Range

__all__ = ["Hint", "closed_sum", "realised"]

Hint = Callable[[Symbolic], tuple[np.ndarray, np.ndarray] | None]

_LARGEST = 1 << 12  # multiplier of the smallest scale
# Of two tensors, where more of them take longer to try than an order of their sums to find,
# whose multipliers are about as small.
_FEW_COMBINATIONS = 1 << 17


def closed_sum(
    builder: GraphBuilder,
    pending: PendingSum,
    value: Symbolic,
    levels: Levels,
    dtype: IntType | None,
    where: str,
    hint: Hint,
) -> tuple[Symbolic, StepFunction | TableFunction]:
    """Emit an Add whose integers decide every level, and the steps over it.

    Args:
        builder: takes the Add.
        pending: the sum.
        value: the quantizer's input, a function of the sum.
        levels, dtype, where: as for :func:`evaluate_region`.
        hint: gain and offset in levels of a function of the Add, where affine.

    Raises:
        UnsupportedError: too many combinations, or no multipliers tell the levels apart.
    """
    several = len(pending.tensors) > 2
    if pending.combinations <= (MOST_COMBINATIONS if several else _FEW_COMBINATIONS):
        found = _tried(builder, pending, value, levels, dtype, where, hint)
        if found is not None:
            return found
    if len(pending.tensors) > 2:
        pending = _grouped(builder, pending)
    if len(pending.tensors) == 1:
        function = affine_function(pending.gains[0], pending.offset)
        resolved = value.rebased(
            pending.tensors[0], value.shape, value.order, lambda old: old.of(function)
        )
        bounds = builder.ranges[resolved.base]
        return resolved, evaluate_region(
            resolved.function, levels, dtype, bounds, where, hint(resolved)
        )
    ordered = None
    if len(pending.tensors) == 2:
        ordered = _ordered(builder, pending, value, levels, dtype, where)
    if ordered is not None:
        return ordered
    if pending.exact is not None:
        resolved = realised(builder, pending, value)
        bounds = builder.ranges[resolved.base]
        return resolved, evaluate_region(
            resolved.function, levels, dtype, bounds, where, hint(resolved)
        )
    if not several and _FEW_COMBINATIONS < pending.combinations <= MOST_COMBINATIONS:
        found = _tried(builder, pending, value, levels, dtype, where, hint)
        if found is not None:
            return found
    raise pending.refused(
        where,
        f"its {pending.combinations} combinations of values are too many to try, and"
        f" {len(pending.tensors)} tensors with unrelated scales have no order of integers",
    )


def realised(builder: GraphBuilder, pending: PendingSum, value: Symbolic) -> Symbolic:
    """``value`` over the sum with its exact multipliers, however wide they are."""
    assert pending.exact is not None
    multipliers, scale = pending.exact
    base = _add(builder, pending, multipliers)
    note = (
        f"{pending.where}: unrelated scales need wide multipliers, up to"
        f" {int(np.abs(multipliers).max())}; one scale for both branches makes them small"
    )
    if note not in builder.notes:
        builder.notes.append(note)
    function = affine_function(scale, pending.offset)
    return value.rebased(base, value.shape, value.order, lambda old: old.of(function))


def _grouped(builder: GraphBuilder, pending: PendingSum) -> PendingSum:
    """The sum with tensors added beforehand whose scales have a common unit."""
    tensors, gains = list(pending.tensors), list(pending.gains)
    for first in range(len(tensors) - 1, 0, -1):
        for second in range(first):
            rows = np.array([gains[second], gains[first]])
            found = common_scale(rows, _LARGEST)
            if found is None:
                continue
            part = replace(
                pending, tensors=(tensors[second], tensors[first]), gains=rows, exact=None
            )
            tensors[second], gains[second] = _add(builder, part, found[0]), found[1]
            del tensors[first], gains[first]
            break
    bounds = [builder.ranges[tensor] for tensor in tensors]
    counts = np.array([item.hi - item.lo + 1 for item in bounds], np.float64)
    combinations = int(min(counts.prod(axis=0).sum(), 2.0**62))
    return replace(
        pending, tensors=tuple(tensors), gains=np.array(gains), combinations=combinations
    )


def _ordered(
    builder: GraphBuilder,
    pending: PendingSum,
    value: Symbolic,
    levels: Levels,
    dtype: IntType | None,
    where: str,
) -> tuple[Symbolic, StepFunction | TableFunction] | None:
    """Multipliers whose sums compare as the real ones do, and the region over them."""
    first, second = (builder.ranges[tensor] for tensor in pending.tensors)
    paired = PairedSum.ordered(pending.gains, pending.offset, (first, second))
    steps = paired_region(paired, value.function, levels, dtype, where)
    if steps is None:
        return None
    base = _add(builder, pending, paired.multipliers)
    largest = int(np.abs(paired.multipliers).max())
    builder.notes.append(
        f"{where}: the sum of {pending.where} has unrelated scales; multipliers up to {largest}"
        " order the integer sums as the real ones, whatever the values"
    )
    scale = np.abs(pending.gains).max(axis=0) / np.maximum(
        np.abs(paired.multipliers).max(axis=0), 1
    )
    about = affine_function(scale, pending.offset)
    # The function is known sum by sum; over the integers this is about it.
    resolved = value.rebased(base, value.shape, value.order, lambda old: old.of(about))
    return resolved, steps


def _tried(
    builder: GraphBuilder,
    pending: PendingSum,
    value: Symbolic,
    levels: Levels,
    dtype: IntType | None,
    where: str,
    hint: Hint,
) -> tuple[Symbolic, StepFunction] | None:
    """The smallest multipliers that tell the levels apart, by trying all values."""
    grid = _combinations(builder, pending)  # (inputs, channels, combinations)
    channels = np.arange(pending.offset.size)
    real = np.einsum("ick,ic->ck", grid, pending.gains) + pending.offset[:, None]
    wanted = levels(value.function.call(real, channels), channels)
    for multipliers, scale in _candidates(pending.gains):
        # One channel refutes nearly all candidates.
        one = np.einsum("ick,ic->ck", grid[:, :1], multipliers[:, :1])
        if _direction(one, wanted[:1]) is None:
            continue
        total = np.einsum("ick,ic->ck", grid, multipliers)
        sign = _direction(total, wanted)
        if sign is None:
            continue

        def over(
            function: ScalarFunction, scale: np.ndarray = scale
        ) -> ScalarFunction:  # of the integer sum
            return function.of(affine_function(scale, pending.offset))

        resolved = value.rebased("", value.shape, value.order, over)
        bounds = Range(total.min(axis=1), total.max(axis=1))
        steps = evaluate_region(resolved.function, levels, dtype, bounds, where, hint(resolved))
        if not isinstance(steps, StepFunction):
            continue
        steps = _between(steps, sign, total, wanted)
        if not np.array_equal(_levels_of(steps, total), wanted):
            continue
        base = _add(builder, pending, multipliers)
        resolved = value.rebased(base, value.shape, value.order, over)
        builder.notes.append(
            f"{where}: the sum of {pending.where} has unrelated scales; multipliers"
            f" {', '.join(str(row[0]) for row in multipliers)}"
            f" proven for all {pending.combinations} combinations of values"
        )
        return resolved, steps
    return None


def _combinations(builder: GraphBuilder, pending: PendingSum) -> np.ndarray:
    """Every combination of the inputs' reachable integers, repeats where a channel has fewer."""
    axes = []
    for tensor in pending.tensors:
        bounds, step = builder.ranges[tensor], builder.types[tensor].dtype.step
        width = int((bounds.hi - bounds.lo).max()) // step + 1
        ladder = bounds.lo[:, None] + step * np.arange(width)
        axes.append(np.minimum(ladder, bounds.hi[:, None]))
    counts = [item.shape[1] for item in axes]
    spread = []
    for index, item in enumerate(axes):
        shape = [item.shape[0], *(1 for _ in counts)]
        shape[index + 1] = counts[index]
        full = np.broadcast_to(item.reshape(shape), (item.shape[0], *counts))
        spread.append(full.reshape(item.shape[0], -1))
    return np.stack(spread)


def _candidates(gains: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Multipliers ``(inputs, channels)`` near the gains' ratios and the scale, small ones first."""
    magnitude = np.where(gains == 0, np.inf, np.abs(gains))
    least = magnitude.min(axis=0)
    factor = 1.0
    while factor <= _LARGEST:
        scale = least / factor
        yield np.rint(gains / scale).astype(np.int64), scale
        factor = factor + 1 if factor < 32 else float(int(factor * 1.1) + 1)


def _direction(total: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """+1 or -1 per channel if the level is a function of the sum that rises or falls."""
    order = np.argsort(total, axis=1, kind="stable")
    sums = np.take_along_axis(total, order, axis=1)
    found = np.take_along_axis(wanted, order, axis=1)
    steps, same = np.diff(found, axis=1), np.diff(sums, axis=1) == 0
    if np.any(steps[same]):
        return None
    rising, falling = np.all(steps >= 0, axis=1), np.all(steps <= 0, axis=1)
    if not np.all(rising | falling):
        return None
    return np.where(rising, 1, -1).astype(np.int64)


def _between(
    steps: StepFunction, sign: np.ndarray, total: np.ndarray, wanted: np.ndarray
) -> StepFunction:
    """The steps moved, where needed, to between the sums that they tell apart."""
    ladder = steps.dtype.lo + steps.dtype.step * (1 + np.arange(steps.dtype.count - 1))
    # A channel whose levels are all the same may run either way.
    constant = np.all(wanted == wanted[:, :1], axis=1)
    sign = np.where(constant, steps.sign, sign)
    thresholds = np.empty_like(steps.thresholds)
    for channel, row in enumerate(steps.thresholds):
        turned = sign[channel] * total[channel]
        near = row if sign[channel] == steps.sign[channel] else np.full(row.shape, turned.min())
        order = np.argsort(turned, kind="stable")
        sums, found = turned[order], wanted[channel][order]
        place = np.searchsorted(found, ladder, side="left")  # first that reaches the level
        low = np.where(place > 0, sums[np.maximum(place - 1, 0)] + 1, sums[0])
        high = np.where(place < sums.size, sums[np.minimum(place, sums.size - 1)], sums[-1] + 1)
        thresholds[channel] = np.maximum.accumulate(np.clip(near, low, high))
    return StepFunction(steps.dtype, thresholds, sign, total.min(axis=1), total.max(axis=1))


def _levels_of(steps: StepFunction, total: np.ndarray) -> np.ndarray:
    """What the steps make of the integer sums: the proof."""
    rows = [
        np.searchsorted(row, sign * sums, side="right")
        for row, sign, sums in zip(steps.thresholds, steps.sign, total, strict=True)
    ]
    return steps.dtype.lo + steps.dtype.step * np.array(rows, np.int64)


def _add(builder: GraphBuilder, pending: PendingSum, multipliers: np.ndarray) -> str:
    """The Add, or the one that is there already."""
    short = multipliers[:, :1] if np.all(multipliers == multipliers[:, :1]) else multipliers
    for op in builder.ops:
        if not isinstance(op, Add) or op.inputs != pending.tensors:
            continue
        if np.array_equal(op.multipliers, short):
            return op.outputs[0]
    name = builder.fresh(pending.where.split("'")[1] if "'" in pending.where else "add")
    return builder.add(Add(name, pending.tensors, (name,), short))
