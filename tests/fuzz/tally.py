"""What came out of a run over many damaged files."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

__all__ = ["ENDS", "Tally"]

ENDS = ("exact", "float32", "large", "listed", "refused")
_LINE = re.compile(r"^(\d+) ([\d.]+) (\S+) (.*)$", re.MULTILINE)
_MEMORY = re.compile(r"^memory (\d+) (\d+)$", re.MULTILINE)
_SHOWN = 8


@dataclass
class Tally:
    """Counts of how files ended.

    Attributes:
        ends: files by how they ended.
        damage: the same by each kind of damage (a file may have several).
        slowest: the longest files: seconds of the processor, number, damage.
        grown: bytes that the processes took at most beyond their libraries.
        failures: what should not have happened, with the number of the file.
    """

    ends: Counter[str] = field(default_factory=Counter)
    damage: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    slowest: list[tuple[float, int, str]] = field(default_factory=list)
    grown: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, text: str) -> int:
        """Count what a worker printed; returns the number of its files."""
        lines = _LINE.findall(text)
        for number, seconds, damage, end in lines:
            first = end.split()[0]
            self.ends[first] += 1
            for kind in set(damage.split("+")):
                self.damage[kind][first] += 1
            self.slowest.append((float(seconds), int(number), damage))
            if first not in ENDS:
                self.failures.append(f"seed {number}: {end}")
        self.slowest = sorted(self.slowest, reverse=True)[:_SHOWN]
        for before, after in _MEMORY.findall(text):
            self.grown = max(self.grown, int(after) - int(before))
        return len(lines)

    def table(self) -> str:
        """Everything, as a page shows it."""
        width = max(map(len, self.damage), default=0)
        rows = [f"{'damage':{width}}  files " + " ".join(f"{end:>7}" for end in ENDS)]
        for kind, counts in sorted(self.damage.items()):
            numbers = " ".join(f"{counts[end]:7}" for end in ENDS)
            rows.append(f"{kind:{width}} {counts.total():6} {numbers}")
        numbers = " ".join(f"{self.ends[end]:7}" for end in ENDS)
        rows.append(f"{'all files':{width}} {self.ends.total():6} {numbers}")
        seconds, number, damage = self.slowest[0] if self.slowest else (0.0, 0, "")
        rows.append(f"failed {len(self.failures)}")
        rows.append(f"slowest {seconds:.1f} s of the processor (number {number}, {damage})")
        rows.append(f"memory beyond the libraries' own {self.grown / 1e6:,.0f} MB at most")
        return "\n".join(rows)
