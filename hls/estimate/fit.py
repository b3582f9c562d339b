"""Fits the coefficients to the table of measurements, and says how far off they are."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

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

# What a counter costs is the same everywhere; these modules have little else.
_COUNTERS = (
    "hwc_last",
    "hwc_constant",
    "hwc_table",
    "hwc_threshold_search",
    "hwc_width_up",
    "hwc_subsample",
    "hwc_reduce",
)
# Products of two numbers of up to 8 bits in logic: few enough to be measured, and
# what Yosys makes of their rows follows no formula that is as close.
_MEASURED = ("hwc_mul",)
_COUNTER_TERMS = ("even", "even_equal", "ragged", "ragged_bits", "equal")
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
    return _is_held_out(row.module, row.parameters)


def _is_held_out(module: str, parameters: str) -> bool:
    text = f"{module} {parameters}"
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
    families: dict[str, dict[str, Fitted]] = {}
    for family in sorted({row.family for row in rows}):
        members = {module: items for (name, module), items in groups.items() if name == family}
        counters = _counters(members)
        families[family] = {
            module: _fitted(items, counters) for module, items in sorted(members.items())
        }
    return Coefficients(yosys=versions.pop(), families=families)


def _features(rows: Iterable[Measured], prefix: str = "") -> list[dict[str, float]]:
    """Features of the rows' logic; those that are not a counter's under a name of their own."""
    return [
        {
            name if name in _COUNTER_TERMS else prefix + name: value
            for name, value in shape_of(Part(row.module, row.parameters), bits_of).logic.items()
        }
        for row in rows
    ]


def _matrix(logic: list[dict[str, float]], names: list[str]) -> np.ndarray:
    found = np.array([[features.get(name, 0.0) for name in names] for features in logic])
    return found.reshape(len(logic), len(names))


def _counters(members: Mapping[str, list[Measured]]) -> dict[str, float]:
    """Coefficients of counters, fitted over several modules together."""
    rows = [row for module in _COUNTERS for row in members.get(module, []) if not is_held_out(row)]
    logic = [features for row in rows for features in _features([row], f"{row.module} ")]
    names = sorted({name for features in logic for name in features})
    if not names:
        return {}
    matrix = _matrix(logic, names)
    solved = fit_relative(matrix, np.array([float(row.own.lut_logic) for row in rows]))
    found = dict(zip(names, solved, strict=True))
    return {name: float(found[name]) for name in _COUNTER_TERMS if name in found}


def _fitted(rows: list[Measured], counters: Mapping[str, float]) -> Fitted:
    logic = _features(rows)
    names = sorted({name for features in logic for name in features})
    matrix = _matrix(logic, names)
    luts = np.array([float(row.own.lut_logic) for row in rows])
    held = np.array([is_held_out(row) for row in rows])
    given = np.array([name in counters for name in names], bool)
    solved = np.array([counters.get(name, 0.0) for name in names])
    if (~held).any():
        rest = np.maximum(luts - matrix @ solved, 0.0)
        # Relative to the whole, of which the counters are a part.
        solved[~given] = fit_relative(matrix[~held][:, ~given], rest[~held], luts[~held])
    seen = (matrix[~held] > 0).any(axis=0) | given
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
    kept = rows if rows[0].module in _MEASURED else []
    return Fitted(
        terms, round(low, 4), round(high, 4), int((~held).sum()), int(held.sum()),
        {row.parameters: row.own.lut_logic for row in sorted(kept, key=lambda r: r.parameters)},
    )  # fmt: skip


def compare(
    rows: Rows, coefficients: Coefficients, family: str, which: Iterable[Measured]
) -> list[Compared]:
    """Estimates beside measurements, each with everything inside.

    No measurement that was held out is taken for an estimate.
    """
    fitted = {
        module: replace(
            item,
            measured={
                text: luts for text, luts in item.measured.items() if not _is_held_out(module, text)
            },
        )
        for module, item in coefficients.families[family].items()
    }
    blind = replace(coefficients, families={family: fitted})
    estimator = Estimator(family, blind, bits_of)
    found = []
    for row in which:
        try:
            estimate = estimator.of(Part(row.module, row.parameters))
        except InputError:  # no model of a part, or a feature that the fit has not seen
            estimate = None
        found.append(Compared(row, rows.total(row.key), estimate))
    return found
