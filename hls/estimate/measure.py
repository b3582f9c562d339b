"""Synthesizes configurations with Yosys: every module that occurs, on its own.

The hierarchy is kept, as in :mod:`hwcompress.hls.synth`, so that a module takes the
same wherever it stands. What has been measured before stays a black box, and so a
module with many parts costs little more than its own logic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hwcompress import boards
from hwcompress.errors import CheckFailed
from hwcompress.hls.catalogue.header import texts
from hwcompress.hls.estimate.config import Configuration
from hwcompress.hls.estimate.rows import FAMILIES, Measured, Rows, digest_of, parameters_text
from hwcompress.hls.synth.cells import resources_of, unmapped
from hwcompress.hls.synth.yosys import short_version, synthesis_command
from hwcompress.tools import Tool, run

__all__ = ["measure", "read_headers"]

_TOP = "sweep"
_MODULE = re.compile(r"^module (\S+)$", re.MULTILINE)
_PARAMETER = re.compile(r"^  parameter \\(\w+) (.*)$", re.MULTILINE)
_CELL = re.compile(r"^\s*cell (\S+) \\(s\d+)\s*$", re.MULTILINE)


def measure(
    batch: Sequence[tuple[int, Configuration]],
    family: str,
    work: Path,
    yosys: Tool,
    known: Rows,
) -> list[Measured]:
    """Rows of some numbered configurations and of everything in them.

    Args:
        batch: number and configuration.
        family: a key of :data:`~hwcompress.hls.estimate.rows.FAMILIES`.
        work: an existing folder, overwritten.
        yosys: the tool.
        known: rows that are not measured again.

    Raises:
        CheckFailed: Yosys refuses a module or leaves generic cells.
    """
    files = texts({item.module for _, item in batch})
    sources = [*files, f"{_TOP}.v"]
    lines = [item.instance(f"s{place}") for place, (_, item) in enumerate(batch)]
    files[f"{_TOP}.v"] = "\n".join([f"module {_TOP};", *lines, "endmodule", ""])
    for _, item in batch:
        files |= item.files()
    for old in work.iterdir():
        old.unlink()
    for name, text in files.items():
        (work / name).write_text(text, encoding="utf-8")
    read = [
        *(f"read_verilog -defer {source}" for source in sources),
        f"hierarchy -check -top {_TOP}",
    ]
    headers = _run(
        work, "headers", yosys, [*read, f"tee -q -o instances.il dump {_TOP}/t:*"], "dump -m"
    )
    modules = {
        name: (_library_name(name), text)
        for name, text in read_headers(headers).items()
        if name != _TOP
    }
    keys = {name: Measured.key_of(family, module, text) for name, (module, text) in modules.items()}
    closed = {name for name, key in keys.items() if known.is_whole(key)}
    command = synthesis_command(boards.load(FAMILIES[family]), _TOP)
    stat = _run(
        work, "stat", yosys, [*read, *(f"blackbox {_pattern(n)}" for n in sorted(closed)), command],
        "stat -json",
    )  # fmt: skip
    rows = _rows(stat, work, family, modules, keys, closed)
    tops = {place: name for name, place in _CELL.findall((work / "instances.il").read_text())}
    for place, (number, _) in enumerate(batch):
        name = tops[f"s{place}"]
        row = rows.get(keys[name]) or known[keys[name]]
        if row.number < 0:
            rows[row.key] = _numbered(row, number)
    return list(rows.values())


def read_headers(dump: str) -> dict[str, str]:
    """All parameters of every module in the text of ``dump -m``, as one text each."""
    starts = list(_MODULE.finditer(dump))
    ends = [found.start() for found in starts[1:]] + [len(dump)]
    return {
        start[1].removeprefix("\\"): parameters_text(
            {key: _value(key, text) for key, text in _PARAMETER.findall(dump[start.end() : end])}
        )
        for start, end in zip(starts, ends, strict=True)
    }


def _run(work: Path, name: str, yosys: Tool, lines: list[str], last: str) -> str:
    """The output of a script's last command."""
    out = work / f"{name}.out"
    script = "\n".join([*lines, f"tee -q -o {out.name} {last}", ""])
    (work / f"{name}.ys").write_text(script)
    run(yosys, ["-q", "-s", f"{name}.ys"], cwd=work, log=work / f"{name}.log")
    return out.read_text()


def _library_name(name: str) -> str:
    """``$paramod$<hash>\\name`` or ``$paramod\\name\\P=...`` or ``name``."""
    found = re.search(r"\\(hwc_\w+)", name)
    return found[1] if found else name


def _pattern(name: str) -> str:
    """A selection of one module: what has a meaning there is any one character."""
    return re.sub(r"[\\\[\]*?]", "?", name)


def _value(key: str, text: str) -> int | str:
    if text.startswith('"'):
        return text.strip('"')
    literal = re.fullmatch(r"(\d+)'(s?)([01x]+)", text)
    if literal is None:
        return int(text)
    value = int(literal[3].replace("x", "0"), 2)
    if key == "TABLE":  # a name put together in Verilog
        return value.to_bytes((value.bit_length() + 7) // 8, "big").decode("ascii")
    return value - (1 << int(literal[1])) if literal[2] and literal[3][0] == "1" else value


def _rows(
    stat: str,
    work: Path,
    family: str,
    modules: Mapping[str, tuple[str, str]],
    keys: Mapping[str, str],
    closed: set[str],
) -> dict[str, Measured]:
    try:
        record = json.loads(stat)
        creator = short_version(str(record["creator"]))
        cells = {
            name.removeprefix("\\"): {
                kind.removeprefix("\\"): int(count)
                for kind, count in item["num_cells_by_type"].items()
            }
            for name, item in record["modules"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckFailed(
            "yosys wrote no readable statistics", where=str(work), why=str(error)
        ) from error
    rows: dict[str, Measured] = {}
    for name, (module, parameters) in modules.items():
        if name in closed or name not in cells:
            continue
        own = {kind: count for kind, count in cells[name].items() if kind not in modules}
        if left := unmapped(own):
            raise CheckFailed(
                f"synthesis left cells without an equivalent on the device: {', '.join(left)}",
                where=f"{module} {parameters}",
            )
        children = tuple(
            sorted((count, keys[kind]) for kind, count in cells[name].items() if kind in modules)
        )
        row = Measured(
            module, family, parameters, resources_of(own), children, digest_of(module), creator
        )
        rows[row.key] = row
    return rows


def _numbered(row: Measured, number: int) -> Measured:
    return Measured(
        row.module, row.family, row.parameters, row.own, row.children, row.digest, row.yosys, number
    )
