"""The source model in floating point: PyTorch, its file's runtime, and float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from hwcompress.errors import HwcompressError, InputError
from hwcompress.frontend import Imported
from hwcompress.frontend.check import source_integers
from hwcompress.inspect.comparing import default_reference
from hwcompress.inspect.sources import SourceRuntime, source_runtime
from hwcompress.levels.level import Block, LevelKind, register
from hwcompress.levels.subject import Recorded, Subject
from hwcompress.samples import sample_rows

__all__: list[str] = []

_FLOAT64_BLOCK = 64  # samples of which the source in float64 keeps every tensor
_MANY = 1 << 40


def _imported(subject: Subject) -> Imported:
    assert subject.imported is not None
    return subject.imported


@dataclass(frozen=True, eq=False)
class _PyTorch:
    imported: Imported
    recorded: Recorded
    who: str = "PyTorch"
    real: bool = True

    @property
    def by(self) -> str:
        return self.recorded.by

    @property
    def tensors(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._outputs().values()))

    def _outputs(self) -> dict[int, str]:
        ends = self.imported.graph.outputs
        return {number: ends[number].inputs[0] for number in self.recorded.real}

    def trace(self, block: Block, tensors: Sequence[str]) -> dict[str, np.ndarray]:
        rows = slice(block.start, block.start + block.count)
        return {
            tensor: source_integers(self.imported, tensor, self.recorded.real[number][rows])
            for number, tensor in self._outputs().items()
            if tensor in tensors
        }


def _open_pytorch(subject: Subject) -> _PyTorch:
    if subject.recorded is None:
        raise InputError(
            f"there are no results of PyTorch for {subject.label}",
            why=subject.unrecorded,
            remedy="take `runtime`, which runs the exported file, every tensor of it",
        )
    return _PyTorch(_imported(subject), subject.recorded)


@dataclass(frozen=True, eq=False)
class _Runtime:
    imported: Imported
    runtime: SourceRuntime
    tensors: tuple[str, ...]
    real: bool = True

    @property
    def who(self) -> str:
        return self.runtime.who

    @property
    def by(self) -> str:
        return self.runtime.by

    def trace(self, block: Block, tensors: Sequence[str]) -> dict[str, np.ndarray]:
        assert block.fed is not None
        real = dict(zip(self.tensors, self.runtime.run(block.fed), strict=True))
        return {name: source_integers(self.imported, name, real[name]) for name in tensors}


def _open_runtime(subject: Subject) -> _Runtime:
    """With every tensor that the file names; with the outputs alone if the runtime refuses."""
    imported, feeds = _imported(subject), subject.feeds
    assert feeds is not None
    inner = tuple(
        name
        for name in imported.graph.tensors
        if name in imported.origin and imported.origin[name][0] not in imported.model.added
    )
    ends = tuple(dict.fromkeys(op.inputs[0] for op in imported.graph.outputs))
    one = sample_rows(feeds.fed([0]), slice(1))
    try:
        # An output that the import made anew is nothing that the runtime could be asked for.
        everything = (*inner, *(name for name in ends if name not in inner))
        level = _opened(imported, everything, feeds.count)
        level.runtime.run(one)
    except HwcompressError:
        level = _opened(imported, ends, feeds.count)
        level.runtime.run(one)
    return level


def _opened(imported: Imported, tensors: tuple[str, ...], count: int) -> _Runtime:
    names = tuple(imported.origin[name][0] for name in tensors)
    return _Runtime(imported, source_runtime(imported, names, count), tensors)


@dataclass(frozen=True, eq=False)
class _Float64:
    imported: Imported
    who: str = "source in float64"
    real: bool = True

    @property
    def by(self) -> str:
        return f"numpy {version('numpy')}"

    @property
    def tensors(self) -> tuple[str, ...]:
        return tuple(name for name in self.imported.graph.tensors if name in self.imported.origin)

    def trace(self, block: Block, tensors: Sequence[str]) -> dict[str, np.ndarray]:
        assert block.fed is not None
        parts = []
        for start in range(0, block.count, _FLOAT64_BLOCK):
            part = sample_rows(block.fed, slice(start, start + _FLOAT64_BLOCK))
            parts.append(self._part(self.imported.float64.trace(part), tensors))
        return {name: np.concatenate([part[name] for part in parts]) for name in tensors}

    def _part(
        self, real: Mapping[str, np.ndarray], tensors: Sequence[str]
    ) -> dict[str, np.ndarray]:
        return {
            name: source_integers(self.imported, name, real[self.imported.origin[name][0]])
            for name in tensors
        }


def _minute(subject: Subject) -> int:
    return default_reference(_imported(subject), _MANY)


register(LevelKind("pytorch", "the module in PyTorch, its outputs", _open_pytorch, real=True))
register(
    LevelKind(
        "runtime",
        "the model's file in onnxruntime or the qonnx executor",
        _open_runtime,
        real=True,
    )
)
register(
    LevelKind(
        "float64",
        "the model's file in float64",
        lambda subject: _Float64(_imported(subject)),
        real=True,
        most=_minute,
    )
)
