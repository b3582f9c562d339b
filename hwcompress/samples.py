"""Samples of a model with one input, or with several by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

__all__ = [
    "Samples",
    "each",
    "named",
    "sample_count",
    "sample_rows",
    "sample_shapes",
    "stacked",
]

Samples = np.ndarray | Mapping[str, np.ndarray]
"""Samples ``(n, *shape)`` of a model with one input, or of each input by its name, in the
model's order."""


def sample_count(samples: Samples) -> int:
    """Number of samples."""
    return len(next(iter(samples.values())) if isinstance(samples, Mapping) else samples)


def sample_rows(samples: Samples, rows: slice | np.ndarray) -> Samples:
    """Some of the samples."""
    return each(samples, lambda item: item[rows])


def sample_shapes(samples: Samples) -> dict[str, tuple[int, ...]]:
    """Shape of one sample of each input; a single input has the name ``""``."""
    return {name: item.shape[1:] for name, item in named(samples, ("",)).items()}


def each(samples: Samples, function: Callable[[np.ndarray], np.ndarray]) -> Samples:
    """What a function makes of the samples of each input."""
    if isinstance(samples, Mapping):
        return {name: function(item) for name, item in samples.items()}
    return np.asarray(function(samples))


def named(samples: Samples, names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Samples by name; those without a name belong to the only one of ``names``."""
    if isinstance(samples, Mapping):
        return samples
    (name,) = names
    return {name: samples}


def stacked(parts: Sequence[Samples]) -> Samples:
    """Samples one after the other."""
    first = parts[0]
    if not isinstance(first, Mapping):
        return np.concatenate([np.asarray(part) for part in parts])
    return {
        name: np.concatenate([part[name] for part in parts if isinstance(part, Mapping)])
        for name in first
    }
