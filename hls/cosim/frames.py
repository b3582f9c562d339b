"""Arrays of several tensors: which one belongs to which port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.rtl.stream import StreamSpec

__all__ = ["Frames", "by_tensor", "frame_count"]

Frames = np.ndarray | Mapping[str, np.ndarray]
"""Integers ``(n, *shape)``: a mapping from tensor to array, or the array of the only tensor."""


def by_tensor(values: Frames, specs: Sequence[StreamSpec], what: str) -> dict[str, np.ndarray]:
    """The arrays by tensor, all with the same number of samples, at least one.

    A mapping may hold further tensors; they are left out.

    Args:
        values: what a caller gave.
        specs: the ports that it is for.
        what: what the values are, for messages (``"input"``).

    Raises:
        InputError: a tensor is missing, there is no sample, or the numbers differ.
    """
    wanted = list(dict.fromkeys(spec.tensor for spec in specs))
    if isinstance(values, Mapping):
        lacking = [name for name in wanted if name not in values]
        if lacking:
            raise InputError(
                f"no {what} integers for tensor {lacking[0]!r}",
                why=f"the design's {what} tensors are {', '.join(wanted)}",
            )
        arrays = {name: np.asarray(values[name]) for name in wanted}
    elif len(wanted) == 1:
        arrays = {wanted[0]: np.asarray(values)}
    else:
        raise InputError(
            f"one array for {len(wanted)} {what} tensors",
            remedy=f"give a mapping with an array for each of {', '.join(wanted)}",
        )
    counts = {name: array.shape[0] if array.ndim else 0 for name, array in arrays.items()}
    if min(counts.values()) == 0:
        raise InputError(f"no sample to simulate: {what} {min(counts, key=counts.__getitem__)!r}")
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
        raise InputError(f"different numbers of {what} samples ({listed})")
    return arrays


def frame_count(arrays: Mapping[str, np.ndarray]) -> int:
    """Samples of arrays that :func:`by_tensor` gave."""
    return len(next(iter(arrays.values())))
