"""A board as the tool sees it: a part, what it holds, and a clock.

A board is one TOML file beside this module, or a file of the user's own with
the same keys::

    name = "my-board"             # lower case letters, digits, - and _
    title = "My board"
    aliases = []
    part = "xc7z020clg400-1"      # the vendor tool's name of the device
    family = "xc7"                # one of FAMILIES
    processor = "zynq-7000"       # "none" for a plain FPGA
    clock_mhz = 100.0
    [capacity]                    # in units of the family
    lut = 53200
    ff = 106400
    bram36 = 140                  # iCE40, ECP5: ebr
    dsp = 220
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

from hwcompress.errors import InputError

__all__ = ["FAMILIES", "PROCESSORS", "Board", "Capacity", "Family", "available", "load"]


@dataclass(frozen=True, slots=True)
class Family:
    """A device family, and the units in which its resources are counted.

    Args:
        name: its key in :data:`FAMILIES`.
        title: for people.
        lut_inputs: of a LUT.
        bram_key: name of the block RAMs in a board file and in reports.
        bram_kbit: size of one.
        dsp: name of a multiplier block.
        dsp_widths: signed widths of its two factors.
    """

    name: str
    title: str
    lut_inputs: int
    bram_key: str
    bram_kbit: int
    dsp: str
    dsp_widths: tuple[int, int]

    @property
    def bram_name(self) -> str:
        """The block RAMs in tables: BRAM36, EBR."""
        return self.bram_key.upper()


FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family("xc7", "AMD 7 series", 6, "bram36", 36, "DSP48E1", (25, 18)),
        Family("ice40", "Lattice iCE40", 4, "ebr", 4, "SB_MAC16", (16, 16)),
        Family("ecp5", "Lattice ECP5", 4, "ebr", 18, "MULT18X18D", (18, 18)),
    )
}
"""Device families that :mod:`hwcompress.hls.synth` can synthesize for."""

PROCESSORS = ("zynq-7000", "none")
"""Processor systems that a board may have beside the logic."""

_FOLDER = Path(__file__).parent
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the device holds: LUTs, flip-flops, block RAMs, DSP blocks of its :class:`Family`."""

    lut: int
    ff: int
    bram: int
    dsp: int


@dataclass(frozen=True, slots=True)
class Board:
    """A development board.

    Args:
        name: its canonical name.
        title: the name people use.
        aliases: other names that :func:`load` takes.
        part: the vendor tool's name of the device.
        family: device family, a key of :data:`FAMILIES`.
        processor: processor system, one of :data:`PROCESSORS`.
        clock_mhz: default clock of the logic in MHz.
        capacity: resources of the device.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    part: str
    family: str
    processor: str
    clock_mhz: float
    capacity: Capacity

    @property
    def kind(self) -> Family:
        """The device family."""
        return FAMILIES[self.family]


def available() -> tuple[Board, ...]:
    """All boards that come with hwcompress, by name.

    Raises:
        InputError: if a file beside this module is broken, or two boards share a name.
    """
    return _shipped()


@lru_cache(maxsize=1)
def _shipped() -> tuple[Board, ...]:
    boards = tuple(_read(path) for path in sorted(_FOLDER.glob("*.toml")))
    taken: dict[str, str] = {}
    for board in boards:
        for name in (board.name, *board.aliases):
            if taken.setdefault(name, board.name) != board.name:
                raise InputError(
                    f"the name {name!r} belongs to both {taken[name]} and {board.name}",
                    where="boards",
                )
    return boards


def load(name: str) -> Board:
    """A board by name, alias (upper or lower case) or path of a ``.toml`` file.

    Raises:
        InputError: if there is no such board (the message lists the known ones
            and the closest), or a file has a missing, unknown or wrong key.
    """
    if name.lower().endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise InputError(
                f"there is no board file {name!r}",
                remedy=f"give an existing .toml file or one of: {_known()}",
            )
        return _read(path)
    wanted = name.strip().lower()
    by_name = {key: board for board in available() for key in (board.name, *board.aliases)}
    if wanted in by_name:
        return by_name[wanted]
    close = difflib.get_close_matches(wanted, by_name, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise InputError(
        f"there is no board {name!r}",
        remedy=f"{hint}known boards: {_known()}; a path of your own .toml file works, too",
    )


def _known() -> str:
    return ", ".join(
        board.name + (f" (alias {board.aliases[0]})" if board.aliases else "")
        for board in available()
    )


def _read(path: Path) -> Board:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("not a TOML file", where=str(path), why=str(error)) from error
    except OSError as error:
        raise InputError(
            "the board file cannot be read", where=str(path), why=str(error)
        ) from error
    where = str(path)
    _check_keys(table, {field.name for field in fields(Board)}, where)
    inner = table["capacity"]
    if not isinstance(inner, Mapping):
        raise InputError("[capacity] must be a table", where=where)
    family = FAMILIES[_one_of(table, "family", tuple(FAMILIES), where)]
    _check_keys(inner, {"lut", "ff", family.bram_key, "dsp"}, f"{where} [capacity]")
    lut, ff, bram, dsp = (
        _count(inner, key, where) for key in ("lut", "ff", family.bram_key, "dsp")
    )
    return Board(
        name=_matching(table, "name", _NAME, where),
        title=_text(table, "title", where),
        aliases=_aliases(table, where),
        part=_matching(table, "part", _PART, where),
        family=family.name,
        processor=_one_of(table, "processor", PROCESSORS, where),
        clock_mhz=_clock(table, where),
        capacity=Capacity(lut, ff, bram, dsp),
    )


def _check_keys(table: Mapping[str, object], wanted: set[str], where: str) -> None:
    missing, unknown = sorted(wanted - set(table)), sorted(set(table) - wanted)
    if missing:
        raise InputError(f"missing: {', '.join(missing)}", where=where)
    if unknown:
        raise InputError(
            f"unknown: {', '.join(unknown)}",
            where=where,
            remedy=f"allowed: {', '.join(sorted(wanted))}",
        )


def _wrong(key: str, value: object, expected: str, where: str) -> InputError:
    return InputError(f"{key} is {value!r}", where=where, why=f"expected {expected}")


def _text(table: Mapping[str, object], key: str, where: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise _wrong(key, value, "a non-empty text", where)
    return value


def _matching(table: Mapping[str, object], key: str, pattern: re.Pattern[str], where: str) -> str:
    value = _text(table, key, where)
    if not pattern.fullmatch(value):
        raise _wrong(key, value, f"a text that matches {pattern.pattern}", where)
    return value


def _one_of(table: Mapping[str, object], key: str, allowed: tuple[str, ...], where: str) -> str:
    value = table[key]
    if value not in allowed:
        raise _wrong(key, value, f"one of {', '.join(allowed)}", where)
    return str(value)


def _aliases(table: Mapping[str, object], where: str) -> tuple[str, ...]:
    value = table["aliases"]
    if not isinstance(value, list) or not all(
        isinstance(item, str) and _NAME.fullmatch(item) for item in value
    ):
        raise _wrong("aliases", value, f"a list of texts that match {_NAME.pattern}", where)
    return tuple(value)


def _clock(table: Mapping[str, object], where: str) -> float:
    value = table["clock_mhz"]
    # bool is an int in Python; `clock_mhz = true` is a mistake all the same.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 2000:
        raise _wrong("clock_mhz", value, "a number from 1 to 2000", where)
    return float(value)


def _count(table: Mapping[str, object], key: str, where: str) -> int:
    value = table[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _wrong(f"capacity.{key}", value, "an integer of 0 or more", where)
    return value
