"""Reads ``stat -json`` and the instances of the top module."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hwcompress.errors import CheckFailed
from hwcompress.hls.synth.cells import Resources, resources_of, unmapped

__all__ = ["Hierarchy", "read_hierarchy", "readable"]

_CELL = re.compile(r"^\s*cell (\S+) (\S+)\s*$", re.MULTILINE)


def readable(module: str) -> str:
    """A module's name without the marks of Yosys.

    ``$paramod$<hash>\\name`` and ``$paramod\\name\\P=...`` are ``name`` with
    parameters; what tells two of them apart is kept as a short suffix.
    """
    hashed = re.fullmatch(r"\$paramod\$([0-9a-f]+)\\(\w+)", module)
    if hashed:
        return f"{hashed.group(2)}#{hashed.group(1)[:6]}"
    listed = re.fullmatch(r"\$paramod\\(\w+)\\(.*)", module)
    if listed:
        values = re.findall(r"(\w+)=\w*'([01]+)", listed.group(2))
        return f"{listed.group(1)}#{','.join(f'{k}={int(v, 2)}' for k, v in values)}"
    return module.removeprefix("\\")


@dataclass(frozen=True)
class Hierarchy:
    """Cells of every module, and the instances of the top module.

    Module names are as Yosys gives them, without a leading backslash.
    """

    creator: str
    top: str
    cells: Mapping[str, Mapping[str, int]]
    instances: Mapping[str, str]

    def primitives(self, module: str) -> Counter[str]:
        """Primitive cells in one instance of a module, by type, with all inside."""
        total: Counter[str] = Counter()
        for kind, count in self.cells[module].items():
            inner = self.primitives(kind) if kind in self.cells else Counter({kind: 1})
            for name, number in inner.items():
                total[name] += number * count
        return total

    def occurrences(self) -> Counter[str]:
        """How often each module occurs in the whole design."""
        found: Counter[str] = Counter()

        def visit(module: str, times: int) -> None:
            found[module] += times
            for kind, count in self.cells[module].items():
                if kind in self.cells:
                    visit(kind, times * count)

        visit(self.top, 1)
        return found

    def resources(self, module: str) -> Resources:
        """Resources of one instance of a module, with everything inside."""
        return resources_of(self.primitives(module))


def read_hierarchy(stat: Path, instances: Path, top: str) -> Hierarchy:
    """Reads what the script of :mod:`hwcompress.hls.synth.yosys` writes.

    Raises:
        CheckFailed: the file is damaged, or synthesis left generic cells.
    """
    try:
        record = json.loads(stat.read_text())
        cells = {
            name.removeprefix("\\"): {
                kind.removeprefix("\\"): int(count)
                for kind, count in module["num_cells_by_type"].items()
            }
            for name, module in record["modules"].items()
        }
        creator = str(record["creator"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckFailed(
            "yosys wrote no readable statistics", where=str(stat), why=str(error)
        ) from error
    found = {
        name.removeprefix("\\"): kind.removeprefix("\\")
        for kind, name in _CELL.findall(instances.read_text())
    }
    users = {name: kind for name, kind in found.items() if kind in cells}
    result = Hierarchy(creator, top, cells, users)
    if top not in cells:
        raise CheckFailed(f"the statistics lack the top module {top!r}", where=str(stat))
    left = unmapped(result.primitives(top))
    if left:
        raise CheckFailed(
            f"synthesis left cells without an equivalent on the device: {', '.join(left)}",
            where=str(stat),
        )
    return result
