"""Fits the coefficients to the table of measurements, and says how far off they are."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.estimate.coefficients import Coefficients, Fitted
from hwcompress.hls.estimate.contents import bits_of
from hwcompress.hls.estimate.estimate import Estimate, Estimator
from hwcompress.hls.estimate.leastsquares import fit_relative
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.rows import Measured, Rows
from hwcompress.hls.estimate.shape import has_model, shape_of
from hwcompress.hls.synth.cells import Resources

__all__ = ["Compared", "compare", "fit", "is_held_out"]

_PARTS = 5  # one of them is held out
_QUANTILE = 0.05


@dataclass(frozen=True, slots=True)
class Compared:
    """One measured module, with everything inside, and its estimate; None if there is none."""

    row: Measured
    real: Resources
    estimate: Estimate | None


def is_held_out(row: Measured) -> bool:
    """Whether a row is kept from the fit: by a hash of module and parameters, one in five."""
    text = f"{row.module} {row.parameters}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % _PARTS == 0


def fit(rows: Rows) -> Coefficients:
    """Coefficients of every module and family in the table.

    Raises:
        InputError: the table is empty, or of several versions of Yosys.
    """
    versions = {row.yosys for row in rows}
    if len(versions) != 1:
        raise InputError(
            "the measurements are not of one version of Yosys",
            why=f"found {', '.join(sorted(versions)) or 'no row'}",
            remedy="python -m hwcompress.hls.estimate sweep, with a new table",
        )
    groups: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    for row in rows:
        if has_model(row.module):
            groups[row.family, row.module].append(row)
    families: dict[str, dict[str, Fitted]] = defaultdict(dict)
    for (family, module), members in sorted(groups.items()):
        families[family][module] = _fitted(members)
    return Coefficients(yosys=versions.pop(), families=dict(families))


def _fitted(rows: list[Measured]) -> Fitted:
    logic = [shape_of(Part(row.module, row.parameters), bits_of).logic for row in rows]
    names = sorted({name for features in logic for name in features})
    matrix = np.array([[features.get(name, 0.0) for name in names] for features in logic])
    matrix = matrix.reshape(len(rows), len(names))
    luts = np.array([float(row.own.lut_logic) for row in rows])
    held = np.array([is_held_out(row) for row in rows])
    solved = fit_relative(matrix[~held], luts[~held]) if (~held).any() else np.zeros(len(names))
    seen = (matrix[~held] > 0).any(axis=0)
    terms = {
        name: round(float(value), 5)
        for name, value, known in zip(names, solved, seen, strict=True)
        if known
    }
    judged = held if held.any() else ~held
    estimated = matrix[judged] @ solved
    error = (luts[judged] - estimated) / np.maximum(estimated, 1.0)
    low, high = (
        (float(np.quantile(error, q)) for q in (_QUANTILE, 1 - _QUANTILE))
        if len(error)
        else (0.0, 0.0)
    )
    return Fitted(terms, round(low, 4), round(high, 4), int((~held).sum()), int(held.sum()))


def compare(
    rows: Rows, coefficients: Coefficients, family: str, which: Iterable[Measured]
) -> list[Compared]:
    """Estimates beside measurements, each with everything inside."""
    estimator = Estimator(family, coefficients, bits_of)
    found = []
    for row in which:
        try:
            estimate = estimator.of(Part(row.module, row.parameters))
        except InputError:  # no model of a part, or a feature that the fit has not seen
            estimate = None
        found.append(Compared(row, rows.total(row.key), estimate))
    return found
