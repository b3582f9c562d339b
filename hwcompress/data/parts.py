"""What a data file gives: samples with their labels, before they are a data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.data.dataset import check_labels, check_samples, stratified_split
from hwcompress.errors import InputError
from hwcompress.samples import Samples, sample_rows

__all__ = ["Part", "checked", "scale_of", "set_aside"]

_SPLIT_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Part:
    """Samples with their labels, and the name to complain with."""

    x: Samples
    y: np.ndarray | None
    where: str


def checked(x: np.ndarray, y: np.ndarray | None, where: str) -> Part:
    """Samples of one input, and labels, that can be used.

    Raises:
        InputError: as :func:`check_samples` and :func:`check_labels` say.
    """
    x = check_samples(x, where)
    return Part(x, None if y is None else check_labels(y, len(x), where), where)


def scale_of(x: np.ndarray, scale: float | None, where: str) -> tuple[float, str]:
    """Real value of one step of stored samples, and a line for the report.

    Raises:
        InputError: a scale is given for samples that are real numbers.
    """
    if x.dtype.kind == "f":
        if scale is not None:
            raise InputError(
                f"--input-scale {scale:g} is given for samples of dtype {x.dtype}",
                where=where,
                why="a scale is the real value of one step of integer samples",
                remedy="leave it out",
            )
        return 1.0, ""
    if scale is not None:
        return scale, f"{x.dtype} samples, scaled by {scale:g} (--input-scale)"
    if x.dtype == np.uint8:
        return 1 / 255, "uint8 samples, scaled by 1/255 (the default, see --input-scale)"
    return 1.0, f"{x.dtype} samples, not scaled (the default, see --input-scale)"


def set_aside(part: Part, seed: int, where: str) -> tuple[Part, Part, str]:
    """Training part, test part, and a line for the report, of labelled samples.

    Raises:
        InputError: no class has two samples.
    """
    assert part.y is not None
    first, second = stratified_split(part.y, _SPLIT_SHARE, seed)
    if not second.size:
        raise InputError(
            "too few samples to set some aside for the test",
            where=where,
            why="no class has two samples",
        )
    train, test = (
        Part(sample_rows(part.x, rows), part.y[rows], part.where) for rows in (first, second)
    )
    note = f"split into {first.size} training and {second.size} test samples, seed {seed}"
    return train, test, f"{note}; {_SPLIT_SHARE:.0%} of each class"
