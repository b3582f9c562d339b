"""What `hwcompress sensitivity` was asked for, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hwcompress.errors import InputError
from hwcompress.flow.request import checked_settings, file_name, model_name
from hwcompress.flow.settings import BuildSettings

__all__ = [
    "LayerCost",
    "MixedFacts",
    "SensitivityFacts",
    "SensitivityRow",
    "SensitivitySettings",
    "sensitivity_folder",
    "sensitivity_settings",
]

_ROOT = "hwc-sensitivity"


@dataclass(frozen=True)
class SensitivitySettings(BuildSettings):
    """Settings of a build, ``epochs`` being those of the float model, and these:

    Args:
        bits: what is tried, as text: ``2,3,4,6,8``.
        lut_budget: LUTs that the layers may take, or ``None``.
        bram_budget: BRAMs of 36 kbit likewise.
        mixed_epochs: training epochs in the recipe that is written.
    """

    FORMAT: ClassVar[str] = "hwcompress-sensitivity-1"
    COMMAND: ClassVar[str] = "sensitivity"

    bits: str = "2,3,4,6,8"
    lut_budget: int | None = None
    bram_budget: float | None = None
    mixed_epochs: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.tried
        for option, value in (
            ("--lut-budget", self.lut_budget),
            ("--bram-budget", self.bram_budget),
        ):
            if value is not None and not 0 <= value < float("inf"):
                raise InputError(f"{option} is {value}", remedy="give a number from 0")
        if not 0 <= self.mixed_epochs <= 100_000:
            raise InputError(
                f"--mixed-epochs is {self.mixed_epochs}", remedy="give a number from 0 to 100000"
            )

    @property
    def tried(self) -> tuple[int, ...]:
        """The numbers of bits, ascending."""
        try:
            found = sorted({int(part) for part in self.bits.split(",")})
        except ValueError:
            found = []
        if not found or not 1 <= found[0] <= found[-1] <= 8:
            raise InputError(
                f"--bits is {self.bits!r}", remedy="give numbers from 1 to 8, such as 2,3,4,6,8"
            )
        return tuple(found)

    @property
    def budgeted(self) -> bool:
        """Whether bits are to be chosen."""
        return self.lut_budget is not None or self.bram_budget is not None

    @property
    def trains(self) -> bool:
        """Labelled samples that are no test samples are needed."""
        return True


def sensitivity_settings(**options: object) -> SensitivitySettings:
    """Checked settings.

    Raises:
        InputError: no such board or file, or a value out of range.
    """
    return checked_settings(SensitivitySettings, **options)


def sensitivity_folder(settings: SensitivitySettings, out: Path | None) -> Path:
    """The result folder, absolute: ``out``, or ``./hwc-sensitivity/<model>``."""
    if out is not None:
        return out.absolute()
    return Path.cwd() / _ROOT / file_name(model_name(settings))


@dataclass(frozen=True)
class SensitivityRow:
    """As :class:`hwcompress.compress.sensitivity.Sensitivity`."""

    layer: str
    part: str
    bits: int
    accuracy: float
    loss: float


@dataclass(frozen=True)
class SensitivityFacts:
    """All rows; the first one is the reference.

    Args:
        model: name of the network.
        layers: in the order of their calls.
        rows: what was asked.
        samples: how many training samples were asked.
        notes: for the report.
    """

    model: str
    layers: tuple[str, ...]
    rows: tuple[SensitivityRow, ...]
    samples: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class LayerCost:
    """What one layer takes at a number of bits, with what stands before it since the last
    layer with weights: measured in a design whose layers all have that many bits."""

    layer: str
    bits: int
    lut: int
    bram36: float


@dataclass(frozen=True)
class MixedFacts:
    """The bits that were chosen.

    Args:
        bits: by layer.
        costs: what the choice was made from.
        rest: LUTs and BRAMs besides the layers, the most of all designs.
        predicted: LUTs and BRAMs of the choice by ``costs`` and ``rest``.
        measured: LUTs and BRAMs of its own design.
        tried: designs until one kept to the budget.
        by: what counted.
        interval: of all designs, in cycles.
    """

    bits: dict[str, int]
    costs: tuple[LayerCost, ...]
    rest: tuple[float, ...]
    predicted: tuple[float, ...]
    measured: tuple[float, ...]
    tried: int
    by: str
    interval: int
