"""Every board file, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwcompress.boards import FAMILIES, PROCESSORS, Board, available, load
from hwcompress.errors import InputError

GOOD = """\
name = "mine"
title = "Mine"
aliases = ["m"]
part = "xc7a35ticsg324-1L"
family = "xc7"
processor = "none"
clock_mhz = 50
[capacity]
lut = 20800
ff = 41600
bram36 = 50
dsp = 90
"""


@pytest.mark.parametrize("board", available(), ids=lambda board: board.name)
def test_every_board(board: Board) -> None:
    """It is found by all its names, and its figures are those of a real device."""
    for name in (board.name, *board.aliases, board.name.upper(), f" {board.name} "):
        assert load(name) == board
    assert board.family in FAMILIES
    assert board.processor in PROCESSORS
    assert board.part.startswith({"xc7": "xc7", "ice40": "iCE40", "ecp5": "LFE5"}[board.family])
    # AMD UG474: a 7-series slice has four LUTs and eight flip-flops. The Lattice
    # families have a flip-flop for each LUT.
    per_lut = 2 if board.family == "xc7" else 1
    assert board.capacity.ff == per_lut * board.capacity.lut
    assert min(board.capacity.bram, board.capacity.dsp) > 0


def test_pynq() -> None:
    """The alias of the default board, and the figures of the Z-7020."""
    board = load("PYNQ")
    assert (board.name, board.part) == ("pynq-z2", "xc7z020clg400-1")
    used = board.capacity
    assert (used.lut, used.ff, used.bram, used.dsp) == (53200, 106400, 140, 220)
    assert load("pynq-z1").capacity == used
    assert board.clock_mhz == 100.0


def test_unknown_board_names_the_closest() -> None:
    with pytest.raises(InputError) as caught:
        load("pinq")
    assert caught.value.exit_code == 2
    assert str(caught.value) == (
        "there is no board 'pinq'. Remedy: did you mean pynq? known boards: icebreaker (alias"
        " ice), pynq-z1 (alias pynqz1), pynq-z2 (alias pynq), ulx3s (alias ulx3s-85f); a path"
        " of your own .toml file works, too"
    )


def test_lattice() -> None:
    """Figures of the data sheets, in the family's units."""
    ice, ulx = load("icebreaker"), load("ulx3s")
    held = ice.capacity
    assert (held.lut, held.bram, held.dsp) == (5280, 30, 8)
    assert (ice.kind.bram_name, ice.kind.bram_kbit, ice.kind.lut_inputs) == ("EBR", 4, 4)
    held = ulx.capacity
    assert (held.lut, held.bram, held.dsp) == (83640, 208, 156)
    assert (ulx.kind.bram_name, ulx.kind.bram_kbit) == ("EBR", 18)


def test_own_file(tmp_path: Path) -> None:
    path = tmp_path / "Mine.toml"
    path.write_text(GOOD)
    board = load(str(path))
    assert (board.name, board.clock_mhz, board.capacity.dsp) == ("mine", 50.0, 90)
    with pytest.raises(InputError, match="there is no board file"):
        load(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Mine"', "", "missing: title"),
        ('title = "Mine"', 'titel = "Mine"\ntitle = "Mine"', "unknown: titel"),
        ('title = "Mine"', 'title = " "', "title is ' '"),
        ('name = "mine"', 'name = "My board"', "name is 'My board'"),
        ('part = "xc7a35ticsg324-1L"', "part = 7", "part is 7"),
        ('family = "xc7"', 'family = "xcup"', "family is 'xcup'"),
        ('processor = "none"', 'processor = "arm"', "processor is 'arm'"),
        ("clock_mhz = 50", "clock_mhz = 0", "clock_mhz is 0"),
        ("clock_mhz = 50", "clock_mhz = true", "clock_mhz is True"),
        ('aliases = ["m"]', 'aliases = "m"', "aliases is 'm'"),
        ("lut = 20800", "lut = -1", "capacity.lut is -1"),
        ("lut = 20800", "lut = 1.5", "capacity.lut is 1.5"),
        ("lut = 20800", "", "missing: lut"),
        ('family = "xc7"', 'family = "ice40"', "missing: ebr"),
        ("lut = 20800", "lut = 20800\nuram = 1", "unknown: uram"),
        ("[capacity]", "[capacity", "not a TOML file"),
    ],
)
def test_wrong_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each field is checked, and the message names the file and the value."""
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError) as caught:
        load(str(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
