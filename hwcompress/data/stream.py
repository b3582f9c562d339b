"""Samples in chunks, from files or from the user's own loop, however many there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.data.dataset import check_labels, check_samples, to_real
from hwcompress.data.parts import scale_of
from hwcompress.data.rows import RowReader, StoredArray
from hwcompress.errors import InputError
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = ["Chunk", "FileStream", "SampleStream", "stream_arrays"]


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some samples in a row.

    Attributes:
        start: index of the first one in the whole set.
        samples: ``(n, *shape)`` as they are stored, checked; of several inputs by name.
        labels: int64 ``(n,)``, or ``None``.
    """

    start: int
    samples: Samples
    labels: np.ndarray | None

    @property
    def count(self) -> int:
        """Number of samples."""
        return sample_count(self.samples)


class SampleStream(ABC):
    """A data set that is read chunk by chunk.

    Attributes:
        name: for titles.
        count: number of samples; ``None`` where only the end will tell.
        shapes: of a sample of each input as stored; the name of a single one is ``""``.
        dtypes: likewise.
        scales: real value of one stored step of each input.
        labelled: whether there are labels.
        notes: what was made of the data, for the report.
        again: whether it can be gone through more than once.
    """

    def __init__(
        self,
        name: str,
        count: int | None,
        shapes: Mapping[str, tuple[int, ...]],
        dtypes: Mapping[str, np.dtype],
        labelled: bool,
        scale: float | None,
        again: bool = True,
    ) -> None:
        self.name = name
        self.count = count
        self.shapes = dict(shapes)
        self.dtypes = dict(dtypes)
        self.labelled = labelled
        self.again = again
        self.scales, self.notes = _scales(self.dtypes, scale, name)

    @abstractmethod
    def chunks(self, size: int) -> Generator[Chunk, None, None]:
        """All samples from the first on, at most ``size`` at a time.

        Raises:
            InputError: damaged data, NaN, labels that are none; with the sample's index.
        """

    def real(self, samples: Samples) -> Samples:
        """Stored samples as real ones, float32."""
        if isinstance(samples, Mapping):
            return {name: to_real(item, self.scales[name]) for name, item in samples.items()}
        return to_real(samples, self.scales[""])

    def first(self, count: int) -> Chunk:
        """The first samples."""
        chunks = self.chunks(count)
        try:
            return next(chunks)
        finally:
            chunks.close()


class FileStream(SampleStream):
    """Samples in files; made by :func:`hwcompress.data.open_stream`.

    Args:
        name: for titles.
        samples: of each input, the arrays in which its samples lie, one behind the other.
        labels: likewise; of as many rows, or none.
        scale: real value of one step of integer samples; ``None``: 1/255 for uint8, else 1.
    """

    def __init__(
        self,
        name: str,
        samples: Mapping[str, list[StoredArray]],
        labels: list[StoredArray],
        scale: float | None,
    ) -> None:
        heads = {key: arrays[0] for key, arrays in samples.items()}
        count = sum(item.count for item in next(iter(samples.values())))
        # One number a sample needs no axis where inputs have names.
        shapes = {key: item.shape[1:] or (1,) for key, item in heads.items()}
        dtypes = {key: _usable(item.dtype) for key, item in heads.items()}
        super().__init__(name, count, shapes, dtypes, bool(labels), scale)
        self._samples = dict(samples)
        self._labels = labels

    def chunks(self, size: int) -> Generator[Chunk, None, None]:
        readers = {key: RowReader(arrays) for key, arrays in self._samples.items()}
        labels = RowReader(self._labels) if self._labels else None
        whole = self.count or 0
        try:
            for start in range(0, whole, size):
                count = min(size, whole - start)
                parts = {
                    key: check_samples(
                        reader.read(count).reshape(count, *self.shapes[key]),
                        self._samples[key][0].where if len(self._samples[key]) == 1 else self.name,
                        start,
                    )
                    for key, reader in readers.items()
                }
                given = None
                if labels is not None:
                    where = self._labels[0].where if len(self._labels) == 1 else self.name
                    given = check_labels(labels.read(count), count, where, first=start)
                yield Chunk(start, _unnamed(parts), given)
        finally:
            for reader in (*readers.values(), *((labels,) if labels else ())):
                reader.close()


Item = np.ndarray | Mapping[str, np.ndarray] | tuple[Samples, np.ndarray] | list[Samples]
"""What a loop of the user's gives: samples, or samples and labels."""


class _Iterated(SampleStream):
    """Samples of an iterable; its first item tells shapes and dtypes."""

    def __init__(self, items: Iterable[Item], name: str, scale: float | None) -> None:
        again = not isinstance(items, Iterator)
        self._items = iter(items) if not again else items
        first = next(iter(self._items), None)
        if first is None:
            raise InputError("the data set is empty", where=name, remedy="give at least one sample")
        self._first = None if again else first
        samples, labels = _separate(first)
        shapes, dtypes = {}, {}
        for key, item in _by_name(samples).items():
            checked = check_samples(item, f"{name}: {key}" if key else name)
            shapes[key], dtypes[key] = checked.shape[1:], checked.dtype
        super().__init__(name, None, shapes, dtypes, labels is not None, scale, again)

    def chunks(self, size: int) -> Generator[Chunk, None, None]:
        start = 0
        for item in self._all():
            samples, labels = _separate(item)
            parts = _by_name(samples)
            count = self._check(parts, start)
            if (labels is not None) != self.labelled:
                which = "has no labels" if labels is None else "has labels, the first had none"
                raise InputError(f"the item with sample {start} {which}", where=self.name)
            if labels is not None:
                labels = check_labels(np.asarray(labels), count, self.name, first=start)
            for begin in range(0, count, size):
                rows = slice(begin, begin + size)
                taken = {
                    key: check_samples(values[rows], self._where(key), start + begin)
                    for key, values in parts.items()
                }
                yield Chunk(
                    start + begin,
                    _unnamed(taken),
                    None if labels is None else labels[rows],
                )
            start += count

    def _all(self) -> Iterator[Item]:
        if self.again:
            yield from self._items
            return
        if self._first is None:
            raise InputError(
                "the samples were gone through already",
                where=self.name,
                remedy="give a list, or an object whose __iter__ starts anew",
            )
        first, self._first = self._first, None
        yield first
        yield from self._items

    def first(self, count: int) -> Chunk:
        if self.again:
            return super().first(count)
        if self._first is None:
            raise InputError("the samples were gone through already", where=self.name)
        samples, _ = _separate(self._first)
        parts = _by_name(samples)
        return Chunk(0, sample_rows(_unnamed(parts), slice(count)), None)

    def _where(self, key: str) -> str:
        return f"{self.name}: {key}" if key else self.name

    def _check(self, parts: Mapping[str, np.ndarray], start: int) -> int:
        """The number of samples of an item like the first one."""
        if set(parts) != set(self.shapes):
            raise InputError(
                f"the item with sample {start} holds {', '.join(parts) or 'nothing'}",
                where=self.name,
                why=f"the first holds {', '.join(self.shapes)}",
            )
        for key, values in parts.items():
            if values.shape[1:] != self.shapes[key]:
                raise InputError(
                    f"sample {start} has shape {values.shape[1:]}, the first {self.shapes[key]}",
                    where=self._where(key),
                )
            if _usable(values.dtype).kind != self.dtypes[key].kind:
                raise InputError(
                    f"sample {start} is {values.dtype}, the first {self.dtypes[key]}",
                    where=self._where(key),
                    remedy="give all samples in one dtype",
                )
        counts = {len(values) for values in parts.values()}
        if len(counts) > 1:
            raise InputError("the inputs have different numbers of samples", where=self.name)
        return counts.pop()


def stream_arrays(
    items: Iterable[Item], *, name: str = "samples", scale: float | None = None
) -> SampleStream:
    """Samples from Python: a list, a generator, a ``DataLoader``.

    Args:
        items: each is an array of samples ``(n, *shape)``, of several inputs a mapping by name;
            or a pair of these and labels ``(n,)``. Tensors of torch count as arrays.
        name: for messages.
        scale: real value of one step of integer samples; ``None``: 1/255 for uint8, else 1.

    Raises:
        InputError: there is no item, or the first one cannot be used.
    """
    return _Iterated(items, name, scale)


def _separate(item: Item) -> tuple[Samples, np.ndarray | None]:
    if isinstance(item, tuple | list):
        if len(item) != 2:
            raise InputError(
                f"an item of {len(item)} parts", remedy="give samples, or samples and labels"
            )
        samples, labels = item
        return samples, np.asarray(labels)
    return item, None


def _by_name(samples: Samples) -> dict[str, np.ndarray]:
    if isinstance(samples, Mapping):
        return {name: np.asarray(item) for name, item in samples.items()}
    return {"": np.asarray(samples)}


def _unnamed(parts: Mapping[str, np.ndarray]) -> Samples:
    """The array of a single input, or all by name."""
    return parts.get("", parts)


def _usable(dtype: np.dtype) -> np.dtype:
    """The dtype in which samples are handed on: booleans are numbers, bytes the machine's."""
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


def _scales(
    dtypes: Mapping[str, np.dtype], scale: float | None, where: str
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Real value of a step of each input, and lines for the report."""
    whole = {name: dtype.kind != "f" for name, dtype in dtypes.items()}
    scales, notes = {}, []
    for name, dtype in dtypes.items():
        # A scale is for the inputs that are integers, and there must be one.
        given = scale if whole[name] or not any(whole.values()) else None
        own = f"{where}: {name}" if name else where
        scales[name], note = scale_of(np.empty(0, dtype), given, own)
        notes += [f"{name}: {note}" if name else note] if note else []
    return scales, tuple(notes)
