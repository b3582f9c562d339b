"""The measured modules: a compact table beside this module."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.hls.catalogue.header import code_of
from hwcompress.hls.synth.cells import Resources

__all__ = [
    "FAMILIES", "TABLES", "Measured", "Rows", "digest_of", "load", "parameters_of",
    "parameters_text", "save",
]  # fmt: skip

FAMILIES: Mapping[str, str] = {"xc7": "pynq-z2", "ecp5": "ulx3s", "ice40": "icebreaker"}
"""Families that can be measured, each with a board of it."""

TABLES: Mapping[str, Path] = {
    family: Path(__file__).with_name(f"measured{suffix}.csv.gz")
    for family, suffix in zip(FAMILIES, ("", "-ecp5", "-ice40"), strict=True)
}
"""The tables of this package, by family."""

_COUNTS = [item.name for item in fields(Resources)]
_COLUMNS = ["module", "family", "number", "parameters", "children", *_COUNTS, "digest", "yosys"]
_CHILD = re.compile(r"(?:(\d+)\*)?([0-9a-f]{10})")


def digest_of(module: str) -> str:
    """Of a module's own code; what it instantiates has rows of its own."""
    return hashlib.sha256(code_of(module).encode()).hexdigest()[:8]


def parameters_text(parameters: Mapping[str, int | str]) -> str:
    """All parameters as one text, sorted: ``A=1;B=name``."""
    return ";".join(f"{key}={value}" for key, value in sorted(parameters.items()))


def parameters_of(text: str) -> dict[str, int | str]:
    """The inverse of :func:`parameters_text`; what looks like a number is one."""
    found: dict[str, int | str] = {}
    for item in filter(None, text.split(";")):
        key, _, value = item.partition("=")
        found[key] = int(value) if re.fullmatch(r"-?\d+", value) else value
    return found


@dataclass(frozen=True)
class Measured:
    """One module as synthesized for one family, without what it instantiates.

    Args:
        module: its name.
        family: a key of :data:`FAMILIES`.
        parameters: all of them, see :func:`parameters_text`.
        own: its resources, instances inside it not counted.
        children: instances inside it: how often, and the ``key`` of the row.
        digest: :func:`digest_of` the module at that time.
        yosys: name and version.
        number: of the drawn configuration; -1 if it only was part of others.
    """

    module: str
    family: str
    parameters: str
    own: Resources
    children: tuple[tuple[int, str], ...]
    digest: str
    yosys: str
    number: int = -1

    @cached_property
    def key(self) -> str:
        """Ten digits for family, module and parameters."""
        return self.key_of(self.family, self.module, self.parameters)

    @staticmethod
    def key_of(family: str, module: str, parameters: str) -> str:
        """See :attr:`key`."""
        return hashlib.sha256(f"{family} {module} {parameters}".encode()).hexdigest()[:10]

    @property
    def is_current(self) -> bool:
        """Whether the module's code is what it was."""
        return self.digest == digest_of(self.module)


class Rows:
    """Measured modules by key."""

    def __init__(self, rows: Iterable[Measured] = ()) -> None:
        self._rows = {row.key: row for row in rows}

    def __iter__(self) -> Iterator[Measured]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> Measured:
        return self._rows[key]

    def is_whole(self, key: str) -> bool:
        """Whether a module is there, as its code is now, with everything inside."""
        row = self._rows.get(key)
        return (
            row is not None
            and row.is_current
            and all(self.is_whole(child) for _, child in row.children)
        )

    def put(self, row: Measured) -> None:
        """Add a row, or replace the one with its key."""
        self._rows[row.key] = row

    def drop(self, keys: Iterable[str]) -> None:
        """Remove some rows."""
        for key in keys:
            del self._rows[key]

    def total(self, key: str) -> Resources:
        """A module with everything inside.

        Raises:
            InputError: the table lacks something inside.
        """
        row = self._rows.get(key)
        if row is None:
            raise InputError(
                "the table of measurements lacks a module",
                why=f"another one contains {key}",
                remedy="python -m hwcompress.hls.estimate sweep",
            )
        found = row.own
        for times, child in row.children:
            inner = self.total(child)
            found += Resources(*(times * count for count in astuple(inner)))
        return found


def load(path: Path | None = None) -> Rows:
    """The rows of a table; none if there is no file.

    Args:
        path: default: all tables of this package.

    Raises:
        InputError: it is damaged.
    """
    if path is None:
        return Rows(row for table in TABLES.values() for row in load(table))
    if not path.exists():
        return Rows()
    try:
        with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != _COLUMNS:
                raise ValueError(f"expected the columns {', '.join(_COLUMNS)}")
            rows = [_measured(row) for row in reader]
        found = Rows(rows)
        if len(found) != len(rows):
            raise ValueError("a module is there twice")
        return found
    except (OSError, EOFError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            "no readable table of measurements",
            where=path.name,
            why=str(error),
            remedy="check it out again, or delete it and run"
            " python -m hwcompress.hls.estimate sweep",
        ) from error


def _measured(row: Mapping[str, str]) -> Measured:
    children = []
    for item in filter(None, row["children"].split(" ")):
        found = _CHILD.fullmatch(item)
        if found is None:
            raise ValueError(f"{item!r} names no row")
        children.append((int(found[1] or 1), found[2]))
    counts = {name: int(row[name] or 0) for name in _COUNTS}
    if min(counts.values()) < 0 or row["family"] not in FAMILIES:
        raise ValueError(f"impossible values: {row}")
    return Measured(
        row["module"], row["family"], row["parameters"], Resources(**counts), tuple(children),
        row["digest"], row["yosys"], int(row["number"]),
    )  # fmt: skip


def save(rows: Iterable[Measured], path: Path) -> None:
    """Write the rows, sorted; the same rows give the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    order = list(FAMILIES)
    for row in sorted(rows, key=lambda r: (order.index(r.family), r.module, r.parameters)):
        children = " ".join(f"{n}*{key}" if n > 1 else key for n, key in row.children)
        counts = [count or "" for count in astuple(row.own)]
        writer.writerow(
            [row.module, row.family, row.number, row.parameters, children, *counts, row.digest,
             row.yosys]
        )  # fmt: skip
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))
    scratch.replace(path)
