"""Stored samples to the integers of a graph's input."""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hwcompress.data import adapt_samples, to_real
from hwcompress.ir import Input
from hwcompress.sim.real_input import encode_real, feed_dtype

__all__ = ["Encoder"]

# Numbers that are encoded at once, in float64 with several copies: they fit a cache.
_PIECE = 1 << 15
_BYTES_A_NUMBER = 48


class Encoder:
    """One input.

    Args:
        op: the input.
        scale: real value of one step of the stored samples.
        where: how messages name the samples.
        threads: that share the work.
    """

    def __init__(self, op: Input, scale: float, where: str, threads: int) -> None:
        self._op = op
        self._scale = scale
        self._where = where
        self._threads = threads
        self._dtype = feed_dtype(op)
        self._rows = max(1, _PIECE // math.prod(op.source_shape))

    @property
    def fixed_bytes(self) -> int:
        """Memory that encoding takes beside the samples and their integers."""
        return self._threads * self._rows * math.prod(self._op.source_shape) * _BYTES_A_NUMBER

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        """Integers ``(n, *shape)`` of samples ``(n, ...)``.

        Raises:
            InputError: the samples do not fit the input.
        """
        samples, _ = adapt_samples(stored, self._op.source_shape, self._where)
        integers = np.empty((len(samples), *self._op.shape), self._dtype)
        # Once without samples, too: the kernel is compiled then.
        starts = range(0, max(len(samples), 1), self._rows)

        def work(mine: Iterable[int]) -> None:
            for start in mine:
                rows = slice(start, start + self._rows)
                encode_real(self._op, to_real(samples[rows], self._scale), integers[rows])

        workers = min(self._threads, len(starts))
        if workers < 2:
            work(starts)
            return integers
        shared = iter(starts)  # taking from a range's iterator is safe between threads
        with ThreadPoolExecutor(workers) as pool:
            for job in [pool.submit(work, shared) for _ in range(workers)]:
                job.result()
        return integers
