"""Whether a difference from the source can come from rounding ties alone.

PyTorch and the ``qonnx`` executor calculate in float32. Where a value before
rounding lies on a boundary of its quantizer, as close as float32 can tell
(:func:`~hwcompress.frontend.magnitudes.tie_width`), the order of a sum decides on which side
it falls; that order changes with the size of a batch. Such a
difference is *proven* here: with some of those values rounded to the other
side, the source in float64 gives exactly the integers that were seen.

Where float32 is exact, as it is with scales that are powers of two, no value
may fall on the other side, and nothing is explained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.frontend.float64 import QUANTIZERS, Float64Model, Forced, Samples, sample_rows
from hwcompress.frontend.magnitudes import magnitudes, tie_width
from hwcompress.frontend.onnx_model import Node, OnnxModel
from hwcompress.frontend.quantizers import Quantizer, read_quantizer

__all__ = ["Ties"]

_EVIDENCE = 256  # samples that tell whether float32 is exact
_FLIPS = 128  # alternatives tried at once, if memory allows
_MEMORY = 1 << 29  # bytes of one trace
_DEPTH = 12  # values rounded to the other side in one sample
_BEAM = 3

Integers = Callable[[np.ndarray], np.ndarray]
Trace = dict[str, np.ndarray]


@dataclass(frozen=True)
class _Flip:
    """One value of a sample, rounded to another level than in float64."""

    tensor: str
    element: int
    real: float


class Ties:
    """The rounding ties of a model.

    Args:
        source: the model in float64.
        model: its nodes.
        samples: what the source is fed; the first of them show where float32 is exact.
    """

    def __init__(self, source: Float64Model, model: OnnxModel, samples: Samples) -> None:
        self._source = source
        self._quantizers: list[tuple[Node, Quantizer]] = []
        self._inexact: set[str] = set()  # their outputs
        self._model = model
        one = source.trace(sample_rows(samples, slice(1)))
        row = 8 * sum(item.size for item in one.values())
        self._at_once = max(1, min(_FLIPS, _MEMORY // row))
        count = min(_EVIDENCE, _count(samples))
        for start in range(0, count, self._at_once):
            rows = slice(start, min(start + self._at_once, count))
            self._find_inexact(source.trace(sample_rows(samples, rows)))

    def explain(self, sample: Samples, tensor: str, integers: Integers, wanted: np.ndarray) -> bool:
        """Whether ties alone can make the source give these integers.

        Args:
            sample: one sample, ``(1, *input shape)``.
            tensor: name of the source's tensor.
            integers: real values ``(n, ...)`` of this tensor to integers ``(n, size)``.
            wanted: the integers to be reached, ``(size,)``.
        """
        beam: list[tuple[_Flip, ...]] = [()]
        seen: set[frozenset[_Flip]] = {frozenset()}
        for _ in range(_DEPTH + 1):
            trace = self._run(sample, beam)
            if self._reached(trace[tensor], integers, wanted).any():
                return True
            tried: list[tuple[int, tuple[_Flip, ...]]] = []
            for row, flips in enumerate(beam):
                options = []
                for flip in self._flips(trace, row, tensor):
                    option = (*flips, flip)
                    if frozenset(option) not in seen and not _twice(flips, flip):
                        seen.add(frozenset(option))
                        options.append(option)
                for start in range(0, len(options), self._at_once):
                    block = options[start : start + self._at_once]
                    real = self._run(sample, block)[tensor]
                    if self._reached(real, integers, wanted).any():
                        return True
                    away = np.abs(integers(real).reshape(len(block), -1) - wanted).sum(axis=1)
                    tried.extend(zip(away.tolist(), block, strict=True))
            if not tried:
                return False
            beam = [option for _, option in sorted(tried, key=lambda item: item[0])[:_BEAM]]
        return False

    @staticmethod
    def _reached(real: np.ndarray, integers: Integers, wanted: np.ndarray) -> np.ndarray:
        found = integers(real).reshape(real.shape[0], -1)
        return np.asarray(np.all(found == wanted.reshape(-1), axis=1))

    def _run(self, sample: Samples, options: list[tuple[_Flip, ...]]) -> Trace:
        """The trace with a row for each set of flips."""
        rows: dict[str, list[tuple[int, int, float]]] = {}
        for row, flips in enumerate(options):
            for flip in flips:
                rows.setdefault(flip.tensor, []).append((row, flip.element, flip.real))
        forced: dict[str, Forced] = {}
        for name, items in rows.items():
            places, elements, reals = (np.array(column) for column in zip(*items, strict=True))
            forced[name] = (places, elements, reals)
        return self._source.trace(sample_rows(sample, np.zeros(len(options), np.int64)), forced)

    def _flips(self, trace: Trace, row: int, tensor: str) -> list[_Flip]:
        """Values of one row on a boundary where float32 is not exact, up to ``tensor``."""
        flips = []
        made = list(trace)
        one = {name: item[row : row + 1] for name, item in trace.items()}
        sources = {node.inputs[0] for node, _ in self._quantizers}
        sizes = magnitudes(self._model.nodes, one, self._source.constants, sources)
        for node, quantizer in self._in_order():
            output = node.outputs[0]
            if made.index(output) > made.index(tensor):
                break
            source = one[node.inputs[0]]
            width = tie_width(quantizer, sizes[node.inputs[0]])
            for real in quantizer.neighbours(source, 2 * width):
                other = np.broadcast_to(real, source.shape).reshape(-1)
                here = trace[output][row].reshape(-1)
                near = (quantizer.distance(source) <= width).reshape(-1)
                for element in np.flatnonzero(near & (other != here)):
                    flips.append(_Flip(output, int(element), float(other[element])))
        return flips

    def _in_order(self) -> list[tuple[Node, Quantizer]]:
        """The inexact quantizers in the order of the model, whichever block showed them."""
        place = {node: index for index, node in enumerate(self._model.nodes)}
        return sorted(self._quantizers, key=lambda item: place[item[0]])

    def _find_inexact(self, trace: Trace) -> None:
        """Note the quantizers whose input float32 does not calculate exactly."""
        exact = {name: _in_float32(value) for name, value in self._source.constants.items()}
        for sample in self._model.inputs:  # a float32 run is fed its nearest float32
            exact[sample] = _in_float32(trace[sample])
        for node in self._model.nodes:
            output = node.outputs[0]
            if output not in trace:
                continue
            before = all(exact.get(name, True) for name in node.inputs if name)
            if node.op not in QUANTIZERS:
                for made in node.outputs:
                    exact[made] = before and _in_float32(trace.get(made, trace[output]))
                continue
            quantizer = read_quantizer(
                node,
                [np.asarray(self._source.constants[name], np.float64) for name in node.inputs[1:]],
            )
            source = trace[node.inputs[0]]
            if not (before and _in_float32(source) and _in_float32(quantizer.before(source))):
                if node.outputs[0] not in self._inexact:
                    self._quantizers.append((node, quantizer))
                self._inexact.add(node.outputs[0])
            exact[output] = _in_float32(trace[output])


def _count(samples: Samples) -> int:
    return len(next(iter(samples.values())) if isinstance(samples, Mapping) else samples)


def _in_float32(values: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.array_equal(values.astype(np.float32).astype(np.float64), values))


def _twice(flips: tuple[_Flip, ...], flip: _Flip) -> bool:
    return any((item.tensor, item.element) == (flip.tensor, flip.element) for item in flips)
