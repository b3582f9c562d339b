"""What a comparison of a model with its integer graph finds out."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "SCHEMA",
    "Agreement",
    "CompareFacts",
    "Decisions",
    "FirstDifference",
    "OutputAgreement",
    "TensorDifference",
]

SCHEMA = "hwcompress-compare-1"
"""Changes whenever a key is removed or means something else (docs/inspect.md)."""


@dataclass(frozen=True)
class OutputAgreement:
    """One tensor of two levels, integer by integer.

    ``mismatches`` counts all that differ; ``explained`` those of them that
    rounding ties alone can cause (docs/architecture.md).
    """

    tensor: str
    values: int
    mismatches: int
    explained: int


@dataclass(frozen=True)
class Agreement:
    """Two levels side by side.

    Attributes:
        level, against: who is compared with whom.
        scope: ``outputs``, ``every quantized tensor`` or ``every tensor``.
        samples: samples compared.
        exact_samples: samples without any difference.
        values, mismatches, explained: integers, as in :class:`OutputAgreement`, over all tensors.
        by: what ran the level, with its version.
        tensors: the same for each tensor; of the outputs only.
    """

    level: str
    against: str
    scope: str
    samples: int
    exact_samples: int
    values: int
    mismatches: int
    explained: int
    by: str
    tensors: tuple[OutputAgreement, ...] = ()

    @property
    def unexplained(self) -> int:
        """Differences that fail the comparison."""
        return self.mismatches - self.explained

    @property
    def exact_rate(self) -> float:
        """Share of integers that are equal, 0 to 1."""
        return 1 - self.mismatches / self.values if self.values else 1.0


@dataclass(frozen=True)
class Decisions:
    """Class numbers of one level: how often those of the simulator, and how often right.

    ``correct`` is ``None`` without labels.
    """

    level: str
    samples: int
    agree: int
    correct: int | None


@dataclass(frozen=True)
class TensorDifference:
    """How many integers of one tensor differ in the sample that is looked into."""

    tensor: str
    operation: str
    source: str
    values: int
    differing: int


@dataclass(frozen=True)
class FirstDifference:
    """The first tensor, in the order of the graph, in which two levels differ.

    Attributes:
        level, against: the two levels; ``theirs`` belongs to the first, ``ours`` to the second.
        sample: index in all samples.
        tensor, operation: of the integer graph.
        source: the source's tensor, empty between two integer levels.
        position: without the channel: ``()`` for a vector, (row, column) for an image.
        channel: index along the last axis.
        theirs, ours: the integers.
        theirs_real, ours_real: what they stand for.
        explained: whether rounding ties alone can cause it.
        tensors: every tensor of this sample that could be compared, in the order of the graph.
    """

    level: str
    against: str
    sample: int
    tensor: str
    operation: str
    source: str
    position: tuple[int, ...]
    channel: int
    theirs: int
    ours: int
    theirs_real: float
    ours_real: float
    explained: bool
    tensors: tuple[TensorDifference, ...]


@dataclass(frozen=True)
class CompareFacts:
    """A whole comparison.

    ``runtime`` says what ran the source, or why nothing could; ``exact`` is
    whether every difference is explained.
    """

    model: str
    kind: str
    runtime: str
    samples: int
    drawn: tuple[str, ...]
    agreements: tuple[Agreement, ...]
    decisions: tuple[Decisions, ...]
    first: tuple[FirstDifference, ...]
    notes: tuple[str, ...]
    exact: bool
    schema: str = field(default=SCHEMA)
