"""The measured resources: a small table beside this module."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.hls.catalogue.setting import Setting
from hwcompress.hls.synth.cells import Resources

__all__ = ["FAMILIES", "TABLE", "Measured", "load", "missing", "save", "wanted"]

TABLE = Path(__file__).with_name("resources.csv")
"""The table of this package."""

FAMILIES: Mapping[str, str] = {"xc7": "pynq-z2", "ice40": "icebreaker"}
"""Families that are measured, each with a board of it."""

_COUNTS = [item.name for item in fields(Resources)]
_COLUMNS = ["module", "setting", "family", *_COUNTS, "digest", "yosys"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One setting as synthesized for one family.

    ``digest`` is the setting's at that time: another one means that the code or
    the parameters have changed since.
    """

    module: str
    setting: str
    family: str
    resources: Resources
    digest: str
    yosys: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Module, setting, family."""
        return self.module, self.setting, self.family


def wanted(settings: Iterable[Setting]) -> list[tuple[Setting, str]]:
    """What is to be measured: 7 series for every setting, iCE40 for each module's first."""
    found: list[tuple[Setting, str]] = []
    seen: set[str] = set()
    for setting in settings:
        found.append((setting, "xc7"))
        if setting.module not in seen:
            found.append((setting, "ice40"))
            seen.add(setting.module)
    return found


def missing(settings: Iterable[Setting], rows: Iterable[Measured]) -> list[tuple[Setting, str]]:
    """What the table lacks, or has of other code."""
    there = {row.key: row.digest for row in rows}
    return [
        (setting, family)
        for setting, family in wanted(settings)
        if there.get((*setting.key, family)) != setting.digest
    ]


def load(path: Path = TABLE) -> tuple[Measured, ...]:
    """The rows of a table; none if there is no file.

    Raises:
        InputError: it is damaged.
    """
    if not path.exists():
        return ()
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != _COLUMNS:
                raise ValueError(f"expected the columns {', '.join(_COLUMNS)}")
            return tuple(_measured(row) for row in reader)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            "no readable table of resources",
            where=path.name,
            why=str(error),
            remedy="delete it and run python -m hwcompress.hls.catalogue measure",
        ) from error


def _measured(row: Mapping[str, str]) -> Measured:
    resources = Resources(**{name: int(row[name]) for name in _COUNTS})
    return Measured(
        row["module"], row["setting"], row["family"], resources, row["digest"], row["yosys"]
    )


def _cells(row: Measured) -> list[str | int]:
    return [*row.key, *astuple(row.resources), row.digest, row.yosys]


def save(rows: Iterable[Measured], settings: Iterable[Setting], path: Path = TABLE) -> None:
    """Write the rows that are still wanted, in the order of the settings."""
    by_key = {row.key: row for row in rows}
    keys = [(*setting.key, family) for setting, family in wanted(settings)]
    scratch = path.with_name(f".{path.name}.part")
    with scratch.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(_cells(by_key[key]) for key in keys if key in by_key)
    scratch.replace(path)
