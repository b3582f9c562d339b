"""Areas by the fitted models of the modules (:mod:`hwcompress.hls.estimate`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor

import numpy as np

from hwcompress.boards import FAMILIES, Board
from hwcompress.errors import HwcompressError, InputError, UnsupportedError
from hwcompress.hls.estimate.coefficients import Coefficients, load_coefficients
from hwcompress.hls.estimate.design import estimate_plan
from hwcompress.hls.estimate.estimate import Estimate, Estimator
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.estimate.shape import Contents
from hwcompress.hls.fit.cost import UNKNOWN
from hwcompress.hls.fit.instances import Known, Parts, Words, engine_parts, with_memory
from hwcompress.hls.folding import Lanes, Style
from hwcompress.hls.folding.engines import Engine, engine
from hwcompress.hls.folding.powers import power_code
from hwcompress.hls.rtl.netlist import Instance, Literal
from hwcompress.hls.rtl.plan import Plan
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph, Op

__all__ = ["EstimatedCost", "area_of", "budget_of", "capacity_of", "resources_of"]


def resources_of(family: str) -> tuple[str, ...]:
    """What is counted for a device family; an 18 kbit half of a block RAM is one ``bram18``.

    Raises:
        InputError: there is no such family.
    """
    if family not in FAMILIES:
        raise InputError(f"no family {family!r}", remedy=f"families are {', '.join(FAMILIES)}")
    return ("lut", "ff", "bram18" if FAMILIES[family].bram_key == "bram36" else "ebr", "dsp")


def capacity_of(board: Board) -> dict[str, int]:
    """What a board holds, in the resources of :func:`resources_of`."""
    names = resources_of(board.family)
    held = board.capacity
    rams = 2 * held.bram if "bram18" in names else held.bram
    return dict(zip(names, (held.lut, held.ff, rams, held.dsp), strict=True))


def budget_of(board: Board, share: float = 1.0, max_lut: int | None = None) -> dict[str, int]:
    """A share of a board, of every resource alike.

    Args:
        board: whose capacity counts.
        share: more than 0, at most 1.
        max_lut: LUTs that are not to be exceeded besides.

    Raises:
        InputError: the share lies outside, or ``max_lut`` is not positive.
    """
    if not 0 < share <= 1:
        raise InputError(
            f"a share of {share} of {board.name}", remedy="give more than 0 and at most 1"
        )
    if max_lut is not None and max_lut < 1:
        raise InputError(f"at most {max_lut} LUTs", remedy="give a positive number")
    # 0.7 of 30 are 21, though 0.7 is a little less than seven tenths.
    found = {name: floor(amount * share + 1e-9) for name, amount in capacity_of(board).items()}
    if max_lut is not None:
        found["lut"] = min(found["lut"], max_lut)
    return found


def area_of(found: Estimate, family: str) -> np.ndarray:
    """An estimate in the resources of :func:`resources_of`, float64."""
    rams = found.ebr if resources_of(family)[2] == "ebr" else found.bram18 + 2 * found.bram36
    return np.array([found.lut, found.ff, rams, found.dsp], np.float64)


class _Estimator(Estimator):
    """Of the tables of a search with many lanes some stand for all."""

    def __init__(
        self,
        family: str,
        coefficients: Coefficients,
        contents: Contents,
        instead: Mapping[str, str],
    ) -> None:
        super().__init__(family, coefficients, contents)
        self._instead = instead

    def of(self, part: Part) -> Estimate:
        if part.module == "hwc_threshold_stage":
            name = part.text("TABLE")
            if self._instead.get(name, name) != name:
                part = Part.of(part.module, {**part.values, "TABLE": self._instead[name]})
        return super().of(part)


def _instead(files: Mapping[str, Words]) -> dict[str, str]:
    """Which table stands for which, of those of the same size."""
    sizes: dict[tuple[int, ...], list[str]] = {}
    for name, words in files.items():
        sizes.setdefault(words.raw.shape, []).append(name)
    return {
        name: names[place * _LANES // len(names) * len(names) // _LANES]
        for names in sizes.values()
        if len(names) > _LANES
        for place, name in enumerate(names)
    }


_LANES = 16  # of a search for thresholds whose tables are looked at


class EstimatedCost:
    """A :class:`~hwcompress.hls.fit.cost.CostModel`: every instance that the generator makes.

    Modules that are equal are worked out once; those with a file never are, for what a
    memory takes as logic depends on its contents. Choices with a module that has no
    estimate (sizes far from all that were measured) are beyond every budget; if all
    choices of an engine are such, that is an error. Of a search for thresholds with
    more than 16 lanes, the tables of 16 stand for those of all.

    Args:
        family: device family.
        coefficients: default: those of the package.
    """

    def __init__(self, family: str = "xc7", coefficients: Coefficients | None = None) -> None:
        self.family = family
        self.resources = resources_of(family)
        self._files: dict[str, Words] = {}
        self._instead: dict[str, str] = {}
        self._last: tuple[Op, Graph, Lanes] | None = None
        self._kept: dict[Style, Parts] = {}
        self._common: Known = {}
        self._engine: Engine | None = None
        self._coefficients = coefficients or load_coefficients()
        self._estimator = _Estimator(family, self._coefficients, self._contents, self._instead)
        self._areas: dict[Part, np.ndarray] = {}
        self._count = 0

    def engine(self, op: Op, graph: Graph, choices: Sequence[tuple[Lanes, Style]]) -> np.ndarray:
        """See :class:`~hwcompress.hls.fit.cost.CostModel`."""
        found = np.full((len(choices), len(self.resources)), UNKNOWN)
        numbers = isinstance(op, Conv | ConvTranspose | Dense) and not power_code(
            op.weight, op.wtype
        )
        known: dict[Style, np.ndarray] = {}
        before: Lanes | None = None
        failure: HwcompressError | None = None
        for place in _order(choices):
            lanes, style = choices[place]
            if lanes != before:
                known, before = {}, lanes
            area = _by_difference(known, style) if numbers else None
            try:
                known[style] = self._choice(op, graph, lanes, style) if area is None else area
                found[place] = known[style]
            except (InputError, UnsupportedError) as error:
                failure = error
        if failure is not None and (found[:, 0] == UNKNOWN).all():
            raise failure
        return found

    def _choice(self, op: Op, graph: Graph, lanes: Lanes, style: Style) -> np.ndarray:
        made = self._made(op, graph, lanes, style)
        total = np.zeros(len(self.resources))
        for item in made.instances:
            given = _given(item)
            if self.family == "xc7" and given.get("STYLE") == "block":
                given["WEIGHTS"] = ""  # what is in a block RAM does not matter
            total += self._area(Part.of(item.module, given))
        return total

    def _made(self, op: Op, graph: Graph, lanes: Lanes, style: Style) -> Parts:
        """The parts of a choice; those of the last ones are remembered but for their memory."""
        last = self._last
        if last is None or last[0] is not op or last[1] is not graph:
            self._engine = engine(op, graph)
        if last is None or last[0] is not op or last[1] is not graph or last[2] != lanes:
            self._last, self._count = (op, graph, lanes), self._count + 1
            self._kept, self._common = {}, {}
            self._files.clear()
            self._instead.clear()
        key = replace(style, memory="auto")
        if key not in self._kept:
            made = engine_parts(op, graph, lanes, style, self._engine, self._common)
            # Files of different choices have the same names. Weights are the same with
            # all multipliers, but for those that are coded as powers of two.
            marked = []
            for item in made.instances:
                mark = f"{self._count}.{item.parameters.get('W_KIND', '')}/"
                marked.append(replace(item, parameters=_marked(item.parameters, mark)))
                for name, words in made.files.items():
                    self._files.setdefault(mark + name, words)
            self._kept[key] = replace(made, instances=tuple(marked))
            self._instead.update(_instead(self._files))
        return with_memory(self._kept[key], style)

    def module(self, module: str, parameters: Mapping[str, int]) -> np.ndarray:
        """See :class:`~hwcompress.hls.fit.cost.CostModel`."""
        return self._area(Part.of(module, dict(parameters)))

    def design(self, made: Plan, depths: Mapping[str, int]) -> np.ndarray | None:
        """See :class:`~hwcompress.hls.fit.cost.CostModel`; the port that loads weights included."""
        whole = estimate_plan(made, depths, family=self.family, coefficients=self._coefficients)
        return area_of(whole.total, self.family)

    def _area(self, part: Part) -> np.ndarray:
        if part not in self._areas:
            self._areas[part] = area_of(self._estimator.of(part), self.family)
        return self._areas[part]

    def _contents(self, name: str, width: int, depth: int) -> np.ndarray | None:
        words = self._files.get(name)
        return None if words is None else words.bits()


def _order(choices: Sequence[tuple[Lanes, Style]]) -> list[int]:
    """Lanes after lanes; block RAM first, for with it equal layers are equal modules."""
    lanes: dict[Lanes, int] = {}
    for some, _style in choices:
        lanes.setdefault(some, len(lanes))
    return sorted(
        range(len(choices)),
        key=lambda place: (lanes[choices[place][0]], choices[place][1].memory != "block"),
    )


def _by_difference(known: Mapping[Style, np.ndarray], style: Style) -> np.ndarray | None:
    """A memory costs the same with all multipliers, if those do not change what is in it."""
    for first, base in known.items():
        one = known.get(replace(style, memory=first.memory))
        two = known.get(replace(style, multiplier=first.multiplier))
        if one is not None and two is not None:
            return one + two - base
    return None


def _given(item: Instance) -> dict[str, int | str]:
    return {
        key: value.value if isinstance(value, Literal) else value
        for key, value in item.parameters.items()
    }


def _marked(
    parameters: Mapping[str, int | str | Literal], mark: str
) -> dict[str, int | str | Literal]:
    """With a mark in front of the names of files."""
    return {
        key: mark + value if isinstance(value, str) and key != "STYLE" else value
        for key, value in parameters.items()
    }
