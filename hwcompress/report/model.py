"""The report as one tree of plain values: the content of ``report.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.report.convert import from_json, to_json
from hwcompress.report.facts import (
    Accuracy,
    BenchFacts,
    Check,
    Confusion,
    DataFacts,
    DesignFacts,
    EstimatedUse,
    EstimateFacts,
    Figure,
    GraphFacts,
    PackageFacts,
    SourceFacts,
    Utilization,
)

__all__ = ["REPORT", "SCHEMA", "BoardFacts", "LayerRow", "Report", "Share", "StepState", "read"]

SCHEMA = "hwcompress-report-1"
REPORT = "report.json"


@dataclass(frozen=True)
class BoardFacts:
    """The board that was asked for.

    ``bram36`` counts its block RAMs, whose name and size ``bram_name`` tells
    (BRAM36 on the 7 series, EBR on the Lattice families).
    """

    name: str
    title: str
    part: str
    clock_mhz: float
    lut: int
    ff: int
    bram36: int
    dsp: int
    bram_name: str = "BRAM36"


@dataclass(frozen=True)
class Share:
    """One resource: what the design takes, what the board has."""

    name: str
    used: float
    available: int
    basis: str
    by: str

    @property
    def fraction(self) -> float:
        """Used over available; 0 if the board has none and none is used."""
        return self.used / self.available if self.available else float(self.used > 0)


@dataclass(frozen=True)
class LayerRow:
    """One operation from the graph to the netlist; ``None`` where nothing is known.

    ``cycles`` are those of the cycle model; ``resources_basis`` is that of the synthesis.
    """

    name: str
    kind: str
    out_shape: tuple[int, ...]
    in_type: str
    out_type: str
    weights: int
    weight_type: str
    macs: int
    pe: int | None
    simd: int | None
    cycles: int | None
    resources: Utilization | None
    cycles_basis: str | None = None
    resources_basis: str | None = None
    pixels: int | None = None
    first: int | None = None
    last: int | None = None
    estimate: EstimatedUse | None = None


@dataclass(frozen=True)
class StepState:
    """Whether a step's result is in this report, and what took part in it."""

    name: str
    done: bool
    tools: dict[str, str]


@dataclass(frozen=True)
class Report:
    """Everything that is known about a build.

    It holds no date, duration, host name or absolute path: the same build
    gives the same bytes. Durations are in ``manifest.json``.
    """

    schema: str
    hwcompress: str
    model: str
    board: BoardFacts
    command: str
    settings: dict[str, str]
    steps: tuple[StepState, ...]
    accuracy: tuple[Accuracy, ...]
    confusion: Confusion | None
    checks: tuple[Check, ...]
    performance: tuple[Figure, ...]
    resources: tuple[Share, ...]
    layers: tuple[LayerRow, ...]
    rest: Utilization | None
    data: DataFacts | None
    source: SourceFacts | None
    graph: GraphFacts | None
    design: DesignFacts | None
    bench: BenchFacts | None
    package: PackageFacts | None
    notes: tuple[str, ...]
    estimate: EstimateFacts | None = None

    @property
    def mismatches(self) -> int:
        """Unexplained differences over all checks."""
        return sum(check.mismatches for check in self.checks)

    def to_json(self) -> str:
        """The text of ``report.json``."""
        return json.dumps(to_json(self), indent=1, allow_nan=False) + "\n"


def read(folder: Path) -> Report:
    """The report in a build folder.

    Raises:
        InputError: there is none, or it is damaged or of another version.
    """
    path = folder / REPORT
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}, expected {SCHEMA!r}")
        return from_json(Report, document)
    except FileNotFoundError as error:
        raise InputError(
            "there is no report", where=str(path), remedy="run `hwcompress report` on the folder"
        ) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            "the report cannot be read",
            where=str(path),
            why=str(error),
            remedy="run `hwcompress report` on the folder",
        ) from error
