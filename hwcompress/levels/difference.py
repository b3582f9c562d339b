"""What a comparison of two levels finds out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["SCHEMA", "DiffReport", "Difference", "Follows", "TensorRow", "Window"]

SCHEMA = "hwcompress-diff-1"
"""Changes whenever a key is removed or means something else (docs/diff.md)."""


@dataclass(frozen=True)
class TensorRow:
    """One compared tensor, over all samples.

    Attributes:
        tensor: its name.
        operation: kind and name of what makes it; empty without a graph.
        source: the source model's tensor, if it is known.
        integers: integers compared.
        differing: how many of them differ.
        explained: how many of these rounding ties of the source in floating point can cause.
        first_sample: the first sample with a difference, or ``None``.
    """

    tensor: str
    operation: str
    source: str
    integers: int
    differing: int
    explained: int
    first_sample: int | None


@dataclass(frozen=True)
class Window:
    """Integers around a difference.

    Attributes:
        axis: what lies side by side: ``channel`` of a vector, ``position`` of a sequence,
            ``column`` of an image; the latter two in the difference's channel.
        rows: index of the first row that is shown, ``None`` where there is no such axis.
        columns: index of the first channel, position or column that is shown.
        a, b: the integers of both sides, row by row.
    """

    axis: Literal["channel", "position", "column"]
    rows: int | None
    columns: int
    a: tuple[tuple[int, ...], ...]
    b: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Difference:
    """The first integer that differs: first tensor in the order of the graph, first sample, first
    position, first channel. An unexplained one, if there is one.

    Attributes:
        tensor, operation, source: as in :class:`TensorRow`.
        sample: index of the sample.
        position: without the channel: ``()`` for a vector, (row, column) for an image.
        channel: index along the last axis.
        a, b: the integers.
        a_real, b_real: what they stand for, ``None`` without a graph.
        explained: whether rounding ties alone can cause it.
        window: what is around it.
        channels: those of this tensor in which something differs.
        in_sample: integers of this tensor that differ in this sample.
        in_tensor: integers of this tensor that differ.
        behind: integers that differ in the tensors behind it.
    """

    tensor: str
    operation: str
    source: str
    sample: int
    position: tuple[int, ...]
    channel: int
    a: int
    b: int
    a_real: float | None
    b_real: float | None
    explained: bool
    window: Window
    channels: tuple[int, ...]
    in_sample: int
    in_tensor: int
    behind: int


@dataclass(frozen=True)
class Follows:
    """Which operations a side computed right from its own operands, in the sample of the first
    difference: what an earlier operation passes on is no fault of a later one.

    Attributes:
        side: A or B, by its name.
        operations: how many could be looked at: the side has their operands and a result.
        wrong: names of those whose result does not follow by the definition.
    """

    side: str
    operations: int
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class DiffReport:
    """Two levels, integer by integer.

    Attributes:
        a, b: what was compared.
        samples: samples compared.
        rows: compared tensors, in the order of the graph.
        only_a, only_b: tensors that one side has and the other does not.
        first: the first difference, or ``None``.
        follows: for each side which operations are right, between integer levels that differ.
        failure: why a level stopped before all samples were done, or empty.
        notes: what else a reader should know.
    """

    a: str
    b: str
    samples: int
    rows: tuple[TensorRow, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    first: Difference | None
    follows: tuple[Follows, ...] = ()
    failure: str = ""
    notes: tuple[str, ...] = ()
    schema: str = field(default=SCHEMA)

    @property
    def differing(self) -> int:
        """Integers that differ."""
        return sum(row.differing for row in self.rows)

    @property
    def explained(self) -> int:
        """Integers that differ and that rounding ties explain."""
        return sum(row.explained for row in self.rows)

    @property
    def equal(self) -> bool:
        """Whether nothing differs but for explained rounding ties, and no level stopped."""
        return self.differing == self.explained and not self.failure

    def to_json(self) -> dict[str, Any]:
        """Every fact, for a JSON file."""
        return {"equal": self.equal, **asdict(self)}
