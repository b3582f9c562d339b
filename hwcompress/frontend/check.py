"""The integer graph against its source, integer by integer.

With scales that are powers of two a float32 run of the source is exact and
must agree everywhere. With other scales a float32 sum may fall on the other
side of a rounding tie; such a difference counts as *explained* only if
rounding values that float32 cannot tell from a boundary to the other
side gives the very same integers (:mod:`hwcompress.frontend.explain`), or if the run
of the source's own runtime, replayed in float64, shows ties alone
(:mod:`hwcompress.frontend.replay`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import overload

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.frontend.explain import Ties
from hwcompress.frontend.float64 import Samples, sample_rows
from hwcompress.frontend.importer import Imported
from hwcompress.frontend.integer_inputs import integer_inputs
from hwcompress.frontend.replay import Replay
from hwcompress.frontend.runtimes import runtime_of
from hwcompress.ir import Input
from hwcompress.sim.diff import Comparison, compare

__all__ = [
    "check_float64",
    "check_qonnx",
    "check_runtime",
    "check_values",
    "encoded",
    "explained_samples",
    "quantized_by_model",
    "source_integers",
    "source_samples",
]

_BLOCK = 256
# Samples with a difference that are looked into; more than these are no rounding ties.
_LOOKED_INTO = 500
_AT_ONCE = 25
# A replay holds about eight numbers of eight bytes for every value of a sample.
_REPLAY_BYTES = 1 << 30
_BYTES_A_VALUE = 64
# One unexplained difference fails the check; no need to look into all of them.
_ENOUGH = 3


def encoded(imported: Imported, samples: Samples) -> dict[str, np.ndarray]:
    """The graph's integers for real samples, by input tensor."""
    return {
        op.outputs[0]: op.encode(_of_input(imported, op, samples)) for op in imported.graph.inputs
    }


def _of_input(imported: Imported, op: Input, samples: Samples) -> np.ndarray:
    if isinstance(samples, Mapping):
        return np.asarray(samples[imported.inputs[op.outputs[0]]])
    return np.asarray(samples)


@overload
def source_samples(imported: Imported, samples: np.ndarray) -> np.ndarray: ...


@overload
def source_samples(
    imported: Imported, samples: Mapping[str, np.ndarray]
) -> Mapping[str, np.ndarray]: ...


def source_samples(imported: Imported, samples: Samples) -> Samples:
    """The real samples to feed the source with, so that both see the same input.

    Where the model quantizes its input these are the samples; otherwise they
    are rounded to the graph's input type first.
    """

    whole = integer_inputs(imported.model)

    def fed(op: Input) -> np.ndarray:
        real = _of_input(imported, op, samples)
        if imported.inputs[op.outputs[0]] in whole:  # the source takes the integers
            return replace(op, scale=1.0, zero=0.0).decode(op.encode(real))
        if quantized_by_model(imported, op):
            return np.asarray(real, np.float64)
        return op.decode(op.encode(real))

    by_name = {imported.inputs[op.outputs[0]]: op for op in imported.graph.inputs}
    if not isinstance(samples, Mapping):
        (op,) = by_name.values()
        return fed(op)
    return {
        name: fed(by_name[name]) if name in by_name else np.asarray(item, np.float64)
        for name, item in samples.items()
    }


def quantized_by_model(imported: Imported, op: Input) -> bool:
    """Whether a quantizer of the model itself decides the input's type."""
    made = imported.origin.get(op.outputs[0])
    # An input that is an output, too, stands for itself.
    quantizer = made is not None and made[0] != imported.inputs[op.outputs[0]]
    return quantizer or op.boundaries is not None


def source_integers(imported: Imported, tensor: str, real: np.ndarray) -> np.ndarray:
    """Real values of the source's tensor as the graph tensor's integers.

    A value that is no integer of the scale (further than a quarter step
    from one) becomes one that the type does not hold, hence a mismatch.
    """
    _, symbol = imported.origin[tensor]
    kind = imported.graph.tensors[tensor]
    gain, offset = symbol.function.gain, symbol.function.offset
    assert gain is not None
    assert offset is not None
    count = real.size // kind.type.size  # samples, perhaps one behind the other in axis 0
    laid = np.empty((count, kind.type.size))
    laid[:, symbol.order] = real.reshape(count, -1)
    steps = (laid.reshape(count, *kind.shape) - offset) / gain
    nearest = np.rint(steps)
    wrong = np.abs(steps - nearest) > 0.25
    return np.where(wrong, kind.dtype.hi + 1, nearest).astype(np.int64)


def explained_samples(
    imported: Imported, samples: Samples, tensor: str, theirs: np.ndarray, ours: np.ndarray
) -> np.ndarray:
    """Which samples differ by rounding ties alone: both sides follow from the source with some
    values on a boundary rounded to the other side."""
    wrong = np.flatnonzero(np.any((theirs != ours).reshape(len(ours), -1), axis=1))[:_LOOKED_INTO]
    result = np.zeros(len(ours), bool)
    source, _ = imported.origin[tensor]
    result[wrong] = _replayed(imported, samples, tensor, theirs, ours, wrong)
    if np.all(result[wrong]):
        return result
    ties = Ties(imported.float64, imported.model, samples)
    failures = 0
    for row in wrong[~result[wrong]]:
        result[row] = all(
            ties.explain(
                sample_rows(samples, slice(row, row + 1)),
                source,
                lambda real: source_integers(imported, tensor, real),
                side[row].reshape(-1),
            )
            for side in (ours, theirs)
        )
        failures += int(not result[row])
        if failures == _ENOUGH:
            break
    return result


def _replayed(
    imported: Imported,
    samples: Samples,
    tensor: str,
    theirs: np.ndarray,
    ours: np.ndarray,
    rows: np.ndarray,
) -> np.ndarray:
    """Which of the rows are what the source's runtime gives, by rounding ties alone."""
    source, _ = imported.origin[tensor]
    explained = np.zeros(rows.size, bool)
    if source in imported.model.added:
        return explained
    try:
        replay = Replay(
            imported.float64, imported.model, runtime_of(imported.model.path), (source,)
        )
        values = sum(item.type.size for item in imported.graph.tensors.values())
        count = max(1, min(_AT_ONCE, _REPLAY_BYTES // (_BYTES_A_VALUE * values)))
        for start in range(0, rows.size, count):
            part = rows[start : start + count]
            explained[start : start + count] = replay.explained(
                sample_rows(samples, part),
                source,
                lambda real: source_integers(imported, tensor, real),
                theirs[part],
                ours[part],
            )
    except CheckFailed:  # the runtime cannot run it
        return explained
    return explained


def _compared(
    imported: Imported,
    level: str,
    tensor: str,
    theirs: np.ndarray,
    ours: np.ndarray,
    samples: Samples,
) -> Comparison:
    """Compare one tensor and count the differences that are explained."""
    result = compare(level, "integer graph", theirs, ours, tensor)
    if result.mismatches:
        differ = (theirs != ours).reshape(ours.shape[0], -1)
        explained = explained_samples(imported, samples, tensor, theirs, ours)
        result = replace(result, explained=int(differ[explained].sum()))
    return result


def check_values(
    imported: Imported,
    level: str,
    real: Mapping[str, np.ndarray],
    samples: Samples,
    integers: Mapping[str, np.ndarray],
) -> list[Comparison]:
    """Real values that the source gave, against the graph's integers.

    Args:
        imported: the model and its graph.
        level: what ran the source, for the table.
        real: values by graph tensor name, in the source's layout.
        samples: what the source was fed, for the explanation of differences.
        integers: the graph's integers, by tensor name.
    """
    return [
        _compared(imported, level, tensor, theirs, integers[tensor], samples)
        for tensor, theirs in (
            (name, source_integers(imported, name, values)) for name, values in real.items()
        )
    ]


def check_runtime(
    imported: Imported, samples: Samples, integers: Mapping[str, np.ndarray]
) -> list[Comparison]:
    """The source's runtime (float32; the ``qonnx`` executor or onnxruntime) against the
    graph's outputs."""
    tensors = [op.inputs[0] for op in imported.graph.outputs]
    kind = runtime_of(imported.model.path)
    runtime = kind(imported.model.path, tuple(imported.origin[item][0] for item in tensors))
    fed = source_samples(imported, samples)
    real = dict(zip(tensors, runtime.run(fed), strict=True))
    return check_values(imported, kind.who.removeprefix("the "), real, fed, integers)


check_qonnx = check_runtime  # its name while there was one runtime


def check_float64(
    imported: Imported, samples: Samples, traces: Mapping[str, np.ndarray]
) -> list[Comparison]:
    """The source in float64 against every tensor of the graph that has a source tensor.

    Args:
        samples: real samples ``(n, *input shape)``, of several inputs by the source's name.
        traces: integers of every graph tensor for these samples.
    """
    fed = source_samples(imported, samples)
    collected: dict[str, list[np.ndarray]] = {}
    count = len(next(iter(fed.values()))) if isinstance(fed, Mapping) else len(fed)
    for start in range(0, count, _BLOCK):
        trace = imported.float64.trace(sample_rows(fed, slice(start, start + _BLOCK)))
        for tensor, (source, _) in imported.origin.items():
            if tensor in traces:
                integers = source_integers(imported, tensor, trace[source])
                collected.setdefault(tensor, []).append(integers)
    return [
        _compared(imported, "source in float64", tensor, np.concatenate(parts), traces[tensor], fed)
        for tensor, parts in collected.items()
    ]
