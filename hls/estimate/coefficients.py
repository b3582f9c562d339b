"""LUTs for logic as a sum of features, with fitted coefficients."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

from hwcompress.errors import InputError

__all__ = [
    "COEFFICIENTS", "FORMAT", "Coefficients", "Fitted", "HeldOut", "error_base",
    "load_coefficients",
]  # fmt: skip

COEFFICIENTS = Path(__file__).with_name("coefficients.json")
"""The coefficients of this package."""

FORMAT = "hwcompress-estimate-3"
_WHOLE = 4.0


def error_base(luts: float) -> float:
    """What errors are relative to: small modules are off by whole LUTs."""
    return luts + _WHOLE


@dataclass(frozen=True)
class Fitted:
    """What was fitted for one module and family.

    Args:
        terms: LUTs for one of each feature (see :class:`~hwcompress.hls.estimate.shape.Shape`).
        low: error, real less estimated LUTs, that 5 % lie below; relative to
            :func:`error_base` of the estimate, and found by leaving out a part of
            the modules of the fit in turn.
        high: likewise, that 5 % lie above.
        rows: modules that it was fitted to.
        held_out: modules that were kept from it.
        measured: LUTs of modules with the same logic
            (:attr:`~hwcompress.hls.estimate.shape.Shape.alike`), taken as they were measured.
    """

    terms: Mapping[str, float]
    low: float
    high: float
    rows: int
    held_out: int
    measured: Mapping[str, int] = field(default_factory=dict)

    def span(self, luts: float) -> tuple[float, float]:
        """LUTs that a module estimated at ``luts`` may be less and more: nine of ten."""
        base = error_base(luts)
        return max(0.0, -self.low * base), max(0.0, self.high * base)

    def luts(self, features: Mapping[str, float]) -> float:
        """The estimate by features.

        Raises:
            InputError: a feature that no module of the fit had.
        """
        if unknown := set(features) - set(self.terms):
            raise InputError(
                f"no coefficient for {', '.join(sorted(unknown))}",
                why="no module that the coefficients were fitted to has it",
                remedy="go on with python -m hwcompress.hls.estimate sweep, then"
                " python -m hwcompress.hls.estimate fit",
            )
        return sum(self.terms[name] * value for name, value in features.items())


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Errors of LUTs on modules that were kept from the fit, relative to what was measured.

    Args:
        count: modules.
        median: half of the errors are smaller.
        most: 95 % are smaller.
    """

    count: int
    median: float
    most: float


@dataclass(frozen=True)
class Coefficients:
    """All of them, by family and module, and the tool that they stand for.

    Args:
        yosys: the tool.
        families: what was fitted.
        errors: by family, where they were looked at.
    """

    yosys: str
    families: Mapping[str, Mapping[str, Fitted]]
    errors: Mapping[str, HeldOut] = field(default_factory=dict)

    def of(self, family: str, module: str) -> Fitted:
        """Those of a module.

        Raises:
            InputError: it was not fitted for the family.
        """
        found = self.families.get(family, {}).get(module)
        if found is None:
            raise InputError(
                f"no estimate of {module} for family {family}",
                why="it was not among the modules that the coefficients were fitted to",
                remedy=f"python -m hwcompress.hls.estimate sweep --family {family}"
                f" --module {module}, then python -m hwcompress.hls.estimate fit",
            )
        return found

    def save(self, path: Path = COEFFICIENTS) -> None:
        """Write them as JSON, a line for each module."""
        families = [
            "\n".join([f'  "{family}": {{', ",\n".join(_lines(modules)), "  }"])
            for family, modules in self.families.items()
        ]
        head = f'"format": {json.dumps(FORMAT)},\n "yosys": {json.dumps(self.yosys)}'
        errors = json.dumps({name: asdict(item) for name, item in self.errors.items()})
        head += f',\n "errors": {errors}'
        text = f'{{\n {head},\n "families": {{\n' + ",\n".join(families) + "\n }\n}\n"
        scratch = path.with_name(f".{path.name}.part")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)


def _lines(modules: Mapping[str, Fitted]) -> Iterator[str]:
    for module, fitted in sorted(modules.items()):
        record = json.dumps(asdict(fitted), sort_keys=True, separators=(",", ":"))
        yield f'   "{module}": {record}'


@lru_cache(maxsize=4)
def load_coefficients(path: Path = COEFFICIENTS) -> Coefficients:
    """Reads what :meth:`Coefficients.save` wrote.

    Raises:
        InputError: there is none, or it is damaged.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.pop("format") != FORMAT:
            raise ValueError(f"not {FORMAT}")
        families = {
            family: {module: Fitted(**fitted) for module, fitted in modules.items()}
            for family, modules in record.pop("families").items()
        }
        errors = {name: HeldOut(**item) for name, item in record.pop("errors").items()}
        return Coefficients(families=families, errors=errors, **record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "no readable coefficients of the estimates",
            where=path.name,
            why=str(error),
            remedy="python -m hwcompress.hls.estimate fit",
        ) from error
