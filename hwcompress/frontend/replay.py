"""A float32 run of the source, checked quantizer by quantizer.

onnxruntime and the ``qonnx`` executor calculate in float32. What such a run gave behind each
quantizer is put into the source in float64, one quantizer after the other: each must round
as exact arithmetic does on *those* integers. Where it does not, the exact value must lie
on a boundary, as close as float32 can tell
(:func:`~hwcompress.frontend.magnitudes.tie_width`). Then the run differs from exact
arithmetic by rounding ties alone, however many layers come after the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.frontend.float64 import QUANTIZERS, Float64Model, Forced, Samples
from hwcompress.frontend.magnitudes import FLOAT32_WITHIN, magnitudes, tie_width
from hwcompress.frontend.onnx_model import Node, OnnxModel
from hwcompress.frontend.quantizers import Quantizer, read_quantizer
from hwcompress.frontend.runtime import Runtime

__all__ = ["Replay", "Replayed"]


@dataclass(frozen=True, eq=False)
class Replayed:
    """What a float32 run did.

    Attributes:
        trace: every tensor in float64, on the integers of the run.
        ties: values of each sample that were rounded to the other side of a boundary.
        wrong: values of each sample that differ and lie on no boundary.
        farthest: largest distance of such a tie from its boundary, in steps.
        given: what the run gave, by tensor.
    """

    trace: dict[str, np.ndarray]
    ties: np.ndarray
    wrong: np.ndarray
    farthest: float
    given: dict[str, np.ndarray]


class Replay:
    """Replays a runtime of the source.

    Args:
        source: the model in float64.
        model: its nodes.
        kind: the runtime.
        tensors: further tensors of the source that are asked for.
    """

    def __init__(
        self,
        source: Float64Model,
        model: OnnxModel,
        kind: type[Runtime],
        tensors: tuple[str, ...] = (),
    ) -> None:
        self._source = source
        self._model = model
        self._quantizers: list[tuple[Node, Quantizer]] = []
        for node in model.nodes:
            rounds = node.op in QUANTIZERS or node.op == "QuantizeLinear"
            name = node.outputs[0]
            if not rounds or name in source.constants or name in model.added:
                continue
            parameters = [
                np.asarray(source.constants[item], np.float64) for item in node.inputs[1:]
            ]
            self._quantizers.append((node, read_quantizer(node, parameters)))
        quantized = [node.outputs[0] for node, _ in self._quantizers]
        self._names = tuple(dict.fromkeys([*quantized, *tensors]))
        self._runtime = kind(model.path, self._names)

    def run(self, samples: Samples) -> Replayed:
        """Run and replay samples as the source takes them."""
        given = dict(zip(self._names, self._runtime.run(samples), strict=True))
        first = next(iter(samples.values())) if isinstance(samples, Mapping) else samples
        count = len(first)
        forced: dict[str, Forced] = {}
        levels: dict[str, np.ndarray] = {}
        for node, quantizer in self._quantizers:
            name = node.outputs[0]
            real = given[name]
            levels[name] = np.rint(real / quantizer.scale + quantizer.zero).astype(np.int64)
            # A Reshape may have moved positions into the batch axis; samples stay in order.
            exact = quantizer.real(levels[name]).reshape(count, -1)
            rows, elements = np.indices(exact.shape)
            forced[name] = (rows.reshape(-1), elements.reshape(-1), exact.reshape(-1))
        trace = self._source.trace(samples, forced)
        differing = [
            (node, quantizer)
            for node, quantizer in self._quantizers
            if np.any(quantizer.levels(trace[node.inputs[0]]) != _laid(levels, trace, node))
        ]
        # One walk through the model for all of them: it costs as much as the run itself.
        wanted = {node.inputs[0] for node, _ in differing}
        sizes = magnitudes(self._model.nodes, trace, self._source.constants, wanted)
        ties, wrong, farthest = np.zeros(count, np.int64), np.zeros(count, np.int64), 0.0
        for node, quantizer in differing:
            source, theirs = trace[node.inputs[0]], _laid(levels, trace, node)
            tie, bad, far = _rounded(quantizer, source, theirs, sizes[node.inputs[0]], count)
            ties, wrong, farthest = ties + tie, wrong + bad, max(farthest, far)
        return Replayed(trace, ties, wrong, farthest, given)

    def explained(
        self,
        samples: Samples,
        tensor: str,
        integers: Callable[[np.ndarray], np.ndarray],
        theirs: np.ndarray,
        ours: np.ndarray,
    ) -> np.ndarray:
        """For each sample: ours is exact arithmetic, theirs the runtime's, and rounding ties
        alone lie between.

        Args:
            samples: as the source takes them.
            tensor: the source's tensor.
            integers: real values of it to integers.
            theirs, ours: integers ``(n, ...)``.
        """
        replayed = self.run(samples)
        exact = integers(self._source.trace(samples)[tensor])
        given = integers(replayed.given[tensor])
        follows = integers(replayed.trace[tensor])
        # No quantizer follows a model's result: of a sum beyond 2^24 float32 has no last digit.
        size = magnitudes(self._model.nodes, replayed.trace, self._source.constants, {tensor})
        real = replayed.trace[tensor]
        near = np.abs(replayed.given[tensor].reshape(real.shape) - real)
        near = near <= FLOAT32_WITHIN * size[tensor]

        def every(first: np.ndarray) -> np.ndarray:
            return np.asarray(np.all(first.reshape(len(ours), -1), axis=1))

        follow = every(follows == theirs.reshape(follows.shape)) | every(near)
        agree = every(exact == ours.reshape(exact.shape))
        agree &= every(given == theirs.reshape(given.shape))
        return np.asarray(agree & follow & (replayed.wrong == 0))


def _laid(
    levels: Mapping[str, np.ndarray], trace: Mapping[str, np.ndarray], node: Node
) -> np.ndarray:
    """What the run has behind a quantizer, in the shape of what it rounds."""
    return levels[node.outputs[0]].reshape(trace[node.inputs[0]].shape)


def _rounded(
    quantizer: Quantizer, source: np.ndarray, theirs: np.ndarray, size: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Values of each sample that are ties, that are wrong, and the farthest tie."""
    differ = quantizer.levels(source) != theirs
    allowed = tie_width(quantizer, size)
    units = quantizer.before(source)
    near = quantizer.distance(source) <= allowed
    # A tie becomes one of the two neighbours, nothing else.
    beside = [quantizer.rounded(units + side * 2 * allowed) for side in (-1.0, 1.0)]
    near &= (theirs == beside[0]) | (theirs == beside[1])
    tie = (differ & near).reshape(count, -1).sum(axis=1)
    bad = (differ & ~near).reshape(count, -1).sum(axis=1)
    farthest = quantizer.distance(source)[differ & near]
    return tie, bad, float(farthest.max(initial=0.0))
