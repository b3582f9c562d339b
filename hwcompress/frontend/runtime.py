"""What every runtime of a source model does: samples in batches, chosen tensors as outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from hwcompress.errors import CheckFailed, HwcompressError
from hwcompress.frontend.float64 import Samples, sample_rows
from hwcompress.frontend.reading import read_proto

__all__ = ["Runtime"]

_BATCH = 250


class Runtime(ABC):
    """Runs an ONNX file up to chosen tensors.

    Args:
        path: the ``.onnx`` file.
        outputs: tensors to give, for instance the logits before a Softmax; one may be named twice.
        batch: samples that are run at once, at most. An executor keeps every tensor of them.
    """

    who = "the source model's runtime"
    """For messages."""
    package = ""
    """The package that runs the model."""
    arithmetic = "float32"
    """What it calculates in."""

    def __init__(self, path: Path, outputs: tuple[str, ...], *, batch: int = _BATCH) -> None:
        self._unique = tuple(dict.fromkeys(outputs))
        self._proto = _cut(read_proto(path), self._unique)
        self._inputs = _inputs(self._proto)
        self._types = {
            item.name: item.type.tensor_type.elem_type for item in self._proto.graph.input
        }
        self._places = [self._unique.index(name) for name in outputs]
        self._batch = batch
        self._baked = _baked(self._proto, self._inputs)
        self._shapes: list[tuple[int, ...]] = []  # of one sample of each output
        # Whether batches of a size come out as their samples alone do, once it was tried.
        self._whole: dict[int, bool] = {}

    @abstractmethod
    def _results(self, batch: int, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Every tensor that is given, once, for a batch of this size."""

    def run(self, samples: Samples) -> list[np.ndarray]:
        """Each output for real samples ``(n, *input shape)``, as ``(n, *shape)`` float64.

        Samples of a model with several inputs are given by name. Whole batches
        are used if the first sample comes out the same as alone; a model with
        its batch of one baked in is run one by one.

        Raises:
            CheckFailed: the executor fails, or gives values that are not finite.
        """
        feeds = self._feeds(samples)
        count = len(next(iter(feeds.values())))
        _state_lengths(self._proto, feeds)
        if self._baked > 1:
            return self._run_baked(feeds, count)
        step = self._step(feeds, count)
        parts = []
        for start in range(0, count, step):
            rows = np.minimum(np.arange(start, start + step), count - 1)
            used = min(step, count - start)
            results = self._checked(step, sample_rows(feeds, rows))
            parts.append([item[:used] if step > 1 else item for item in results])
        # A batch of one may have lost its axis in the model.
        return [
            np.concatenate([part[i].reshape(-1, *self._shapes[i]) for part in parts])
            for i in range(len(self._places))
        ]

    def _run_baked(self, feeds: dict[str, np.ndarray], count: int) -> list[np.ndarray]:
        """A model with a batch baked in takes that many samples at once, the last ones again."""
        parts = []
        for start in range(0, count, self._baked):
            rows = np.minimum(np.arange(start, start + self._baked), count - 1)
            used = min(self._baked, count - start)
            results = self._checked(1, sample_rows(feeds, rows))  # as the file says
            parts.append(
                [item.reshape(self._baked, -1, *item.shape[1:])[:used] for item in results]
            )
        return [
            np.concatenate([part[i].reshape(-1, *part[i].shape[2:]) for part in parts])
            for i in range(len(self._places))
        ]

    def _step(self, feeds: dict[str, np.ndarray], count: int) -> int:
        """Samples to be run at once; whether that is right is tried once for each size."""
        # A size that is known to work is filled up rather than another one tried.
        size = self._batch if self._whole.get(self._batch) else min(self._batch, count)
        if size in self._whole:
            return size if self._whole[size] else 1
        alone = self._checked(1, sample_rows(feeds, slice(1)))
        self._shapes = [item.shape[1:] for item in alone]
        self._whole[1] = True
        if size == 1:
            return 1
        try:
            first = self._execute(size, sample_rows(feeds, slice(size)))
            self._whole[size] = all(
                a.shape[0] == size and np.array_equal(a[:1].reshape(b.shape), b)
                for a, b in zip(first, alone, strict=True)
            )
        except Exception:  # whatever a baked-in shape makes qonnx or onnxruntime raise
            self._whole[size] = False
        return size if self._whole[size] else 1

    def _checked(self, batch: int, feeds: Samples) -> list[np.ndarray]:
        """Run a batch; a failure is reported."""
        try:
            return self._execute(batch, feeds)
        except HwcompressError:
            raise
        except Exception as error:  # qonnx and onnxruntime raise many types
            raise CheckFailed(
                f"{self.who} cannot run the source model: {type(error).__name__}: {error}",
                remedy="check the file with onnx.checker.check_model, or export it again",
            ) from error

    def _typed(self, name: str, samples: np.ndarray) -> np.ndarray:
        """Samples in the type that the model states for its input."""
        element = self._types.get(name, onnx.TensorProto.FLOAT)
        return samples.astype(onnx.helper.tensor_dtype_to_np_dtype(element))

    def _feeds(self, samples: Samples) -> dict[str, np.ndarray]:
        """float32 samples by the name of the model's input."""
        if isinstance(samples, Mapping):
            return {name: np.asarray(item, np.float32) for name, item in samples.items()}
        (name,) = self._inputs
        return {name: np.asarray(samples, np.float32)}

    def _execute(self, batch: int, feeds: Samples) -> list[np.ndarray]:
        assert isinstance(feeds, Mapping)
        unique = [np.asarray(item, np.float64) for item in self._results(batch, feeds)]
        ordered = [unique[place] for place in self._places]
        if not all(np.all(np.isfinite(item)) for item in ordered):
            raise CheckFailed("the source model gave values that are not finite")
        return ordered


def _inputs(proto: onnx.ModelProto) -> list[str]:
    """Names of the inputs that are no initializers."""
    weights = {item.name for item in proto.graph.initializer}
    return [item.name for item in proto.graph.input if item.name not in weights]


def _baked(proto: onnx.ModelProto, inputs: list[str]) -> int:
    """The batch that the file states, 1 if it leaves it open."""
    stated = [
        item.type.tensor_type.shape.dim[0].dim_value
        for item in proto.graph.input
        if item.name in inputs and len(item.type.tensor_type.shape.dim) > 1
    ]
    return max([1, *stated])


def _state_lengths(proto: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> None:
    """Lengths that the file leaves open become those of the samples, for a batch of one."""
    for item in proto.graph.input:
        if item.name not in feeds:
            continue
        found, dims = feeds[item.name].shape, item.type.tensor_type.shape.dim
        while len(dims) < len(found):
            dims.add()
        for axis, size in zip(dims, (1, *found[1:]), strict=True):
            if not axis.dim_value:
                axis.dim_value = size


def _cut(proto: onnx.ModelProto, outputs: tuple[str, ...]) -> onnx.ModelProto:
    """The part of a model that the outputs need, with these as its only outputs."""
    needed = set(outputs)
    kept = []
    for node in reversed(proto.graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    known = {item.name: item for item in (*proto.graph.output, *proto.graph.value_info)}
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    del result.graph.node[:]
    result.graph.node.extend(reversed(kept))
    del result.graph.output[:]
    read = [item for item in result.graph.input if item.name in needed]
    del result.graph.input[:]
    result.graph.input.extend(read)
    # A tensor may be described once only: as an output, or as something inside.
    inner = [item for item in result.graph.value_info if item.name not in outputs]
    del result.graph.value_info[:]
    result.graph.value_info.extend(inner)
    for name in outputs:
        info = known.get(name) or onnx.helper.make_tensor_value_info(
            name, onnx.TensorProto.FLOAT, None
        )
        result.graph.output.append(info)
    return result
