"""Fits the coefficients to the table of measurements, and says how far off they are."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.estimate.coefficients import Coefficients, Fitted, error_base
from hwcompress.hls.estimate.contents import bits_of
from hwcompress.hls.estimate.estimate import Estimate, Estimator
from hwcompress.hls.estimate.guidance import guided
from hwcompress.hls.estimate.leastsquares import fit_relative
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.rows import FAMILIES, Measured, Rows
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
_COUNTER_TERMS = (
    "even", "even_equal", "ragged", "ragged_bits", "ragged_ones", "equal",
    "short", "short_bits", "short_ragged", "long", "carry_bits", "even_bits",
)  # fmt: skip
# What a memory costs beside its cells is much the same everywhere; a module that was not
# measured with a kind of memory takes that from these modules.
_MEMORIES = ("hwc_fifo", "hwc_replay", "hwc_weights", "hwc_pool", "hwc_permute", "hwc_window")
_MEMORY_TERMS = (
    "block_mux", "block_rows", "cells", "cell_words", "cell_mux", "ram_mux", "ram_rows",
    "order", "order_bits", "order_equal",
)  # fmt: skip
_REFERENCE = "xc7"  # the family with the most measurements
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
    return _part(row.module, row.parameters) == 0


def _part(module: str, parameters: str) -> int:
    text = f"{module} {parameters}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % _PARTS


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
    families: dict[str, dict[str, Fitted]] = {}
    for family in FAMILIES:
        members = _members(rows, family)
        reference = {module: item.terms for module, item in families.get(_REFERENCE, {}).items()}
        counters = _common(members, _COUNTERS, _COUNTER_TERMS, {})
        memories = _common(members, _MEMORIES, _MEMORY_TERMS, counters)
        # Few measurements tell no module apart from the others in what its memories cost.
        given = _Given(counters | (memories if reference else {}), memories, reference)
        if members:
            families[family] = {
                module: _fitted(module, samples, given) for module, samples in members.items()
            }
    return Coefficients(yosys=versions.pop(), families=families)


def _members(rows: Rows, family: str) -> dict[str, list[_Sample]]:
    groups: dict[str, list[Measured]] = defaultdict(list)
    for row in rows:
        if row.family == family and has_model(row.module):
            groups[row.module].append(row)
    return {module: _samples(items) for module, items in sorted(groups.items())}


@dataclass(frozen=True)
class _Sample:
    """What is known of a measured module: its own logic, features and LUTs."""

    logic: Mapping[str, float]
    alike: str
    luts: float
    part: int  # which fifth it belongs to; 0 is held out


def _samples(rows: Iterable[Measured]) -> list[_Sample]:
    found = []
    for row in rows:
        shape = shape_of(Part(row.module, row.parameters), bits_of, row.family)
        part = _part(row.module, row.parameters)
        found.append(_Sample(shape.logic, shape.alike, float(row.own.lut_logic), part))
    return found


def _matrix(logic: Sequence[Mapping[str, float]], names: Sequence[str]) -> np.ndarray:
    found = np.array([[features.get(name, 0.0) for name in names] for features in logic])
    return found.reshape(len(logic), len(names))


def _common(
    members: Mapping[str, list[_Sample]],
    modules: Sequence[str],
    terms: Sequence[str],
    known: Mapping[str, float],
) -> dict[str, float]:
    """Coefficients of some terms, fitted over several modules together, others being known."""
    logic, rest, luts = [], [], []
    for module in modules:
        for sample in members.get(module, []):
            if sample.part:
                # All other terms have a name of their own in each module.
                logic.append(
                    {
                        name if name in terms else f"{module} {name}": value
                        for name, value in sample.logic.items()
                        if name not in known
                    }
                )
                luts.append(sample.luts)
                rest.append(
                    sample.luts
                    - sum(
                        known[name] * value for name, value in sample.logic.items() if name in known
                    )
                )
    names = sorted({name for features in logic for name in features})
    if not names:
        return {}
    solved = fit_relative(_matrix(logic, names), np.maximum(np.array(rest), 0.0), np.array(luts))
    found = dict(zip(names, solved, strict=True))
    return {name: float(found[name]) for name in terms if name in found}


@dataclass(frozen=True)
class _Given:
    """What is known of a family before its modules are fitted one by one.

    Args:
        counters: coefficients of counters.
        memories: coefficients of memories, for modules that were not measured with them.
        reference: coefficients of another family by module, see
            :mod:`hwcompress.hls.estimate.guidance`; none for that family itself.
    """

    counters: Mapping[str, float]
    memories: Mapping[str, float]
    reference: Mapping[str, Mapping[str, float]]


def _terms(module: str, samples: Sequence[_Sample], known: _Given) -> dict[str, float]:
    """Coefficients of one module.

    A module with counters of one kind may have some of the others, too; likewise one
    with a memory.
    """
    counters, memories = known.counters, known.memories
    reference = {
        name: value
        for name, value in known.reference.get(module, {}).items()
        if name not in counters and name not in _COUNTER_TERMS and name not in _MEMORY_TERMS
    }
    found = {name for sample in samples for name in sample.logic}
    if not found and not reference:
        return {}
    names = sorted(found.union(reference, () if found.isdisjoint(counters) else counters))
    matrix = _matrix([sample.logic for sample in samples], names)
    luts = np.array([sample.luts for sample in samples])
    given = np.array([name in counters for name in names], bool)
    solved = np.array([counters.get(name, 0.0) for name in names])
    rest = np.maximum(luts - matrix @ solved, 0.0)
    # Relative to the whole, of which the counters are a part.
    free = [name for name in names if name not in counters]
    solved[~given] = fit_relative(*guided(matrix[:, ~given], rest, luts, free, reference))
    more = {} if found.isdisjoint(memories) else memories
    both = {**more, **dict(zip(names, solved, strict=True))}
    return {name: round(float(value), 5) for name, value in sorted(both.items())}


def _errors(samples: Sequence[_Sample], terms: Mapping[str, float]) -> list[float]:
    """Errors of samples that the terms know all features of."""
    found = []
    for sample in samples:
        if set(sample.logic) <= set(terms):
            guess = round(sum(terms[name] * value for name, value in sample.logic.items()))
            found.append((sample.luts - guess) / error_base(guess))
    return found


def _fitted(module: str, samples: Sequence[_Sample], given: _Given) -> Fitted:
    used = [sample for sample in samples if sample.part]
    errors: list[float] = []
    for part in range(1, _PARTS):
        others = [sample for sample in used if sample.part != part]
        left = [sample for sample in used if sample.part == part and sample.logic]
        errors += _errors(left, _terms(module, others, given)) if left else []
    low, high = (_outer(np.array(errors), side) for side in (-1, 1))
    return Fitted(
        _terms(module, used, given), round(low, 4), round(high, 4), len(used),
        len(samples) - len(used), _alike(samples),
    )  # fmt: skip


def _outer(errors: np.ndarray, side: int) -> float:
    """The error beyond which 5 % lie; of few errors the outermost one, and more."""
    if not len(errors):
        return 0.0
    place = (1 - _QUANTILE) * (len(errors) + 1) / len(errors)
    return side * float(np.quantile(side * errors, min(place, 1.0)))


def _alike(samples: Iterable[_Sample]) -> dict[str, int]:
    """LUTs of modules with the same logic: the median of their measurements."""
    groups: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        if sample.alike:
            groups[sample.alike].append(sample.luts)
    return {name: int(np.median(luts)) for name, luts in sorted(groups.items())}


def compare(
    rows: Rows, coefficients: Coefficients, family: str, which: Iterable[Measured]
) -> list[Compared]:
    """Estimates beside measurements, each with everything inside.

    No measurement that was held out is taken for an estimate.
    """
    fitted = dict(coefficients.families[family])
    for module, samples in _members(rows, family).items():
        seen = [sample for sample in samples if sample.part]
        fitted[module] = replace(fitted[module], measured=_alike(seen))
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
