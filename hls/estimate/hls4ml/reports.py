"""Figures of public reports of hls4ml designs: two tables beside this module."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from hwcompress.errors import InputError
from hwcompress.hls.estimate.hls4ml.product import Multiplier, Product, Strategy, Weights

__all__ = ["DESIGNS", "LAYERS", "Counts", "DesignReport", "LayerReport", "designs", "layers"]

LAYERS = Path(__file__).with_name("layers.csv")
"""Layers, as C synthesis reported them."""

DESIGNS = Path(__file__).with_name("designs.csv")
"""Whole designs, as C synthesis and then logic synthesis reported them."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Resources. Block RAMs of 18 kbit."""

    lut: float = 0.0
    ff: float = 0.0
    dsp: float = 0.0
    bram18: float = 0.0

    def plus(self, other: Counts) -> Counts:
        """With another one's."""
        return Counts(
            self.lut + other.lut, self.ff + other.ff, self.dsp + other.dsp,
            self.bram18 + other.bram18,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer.

    Args:
        network: that it is part of.
        source: repository and folder of the project that the report is in.
        layer: hls4ml's number of it.
        product: what was built.
        known: whether the constants were read from the project, else assumed.
        clock_ns: clock period asked for.
        family: of devices.
        tool: version of Vivado HLS or Vitis HLS.
        counts: resources.
        latency: cycles.
        interval: cycles.
    """

    network: str
    source: str
    layer: str
    product: Product
    known: bool
    clock_ns: float
    family: str
    tool: str
    counts: Counts
    latency: int
    interval: int

    @property
    def author(self) -> str:
        """Owner of the repository."""
        return self.source.split("/")[0]


@dataclass(frozen=True, slots=True)
class DesignReport:
    """One design.

    Args:
        source: repository and folder.
        author: owner of the repository.
        family: of devices.
        tool: version.
        estimated: by C synthesis.
        synthesized: after logic synthesis (Vivado).
    """

    source: str
    author: str
    family: str
    tool: str
    estimated: Counts
    synthesized: Counts


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            yield from csv.DictReader(stream)
    except OSError as error:
        raise InputError(
            "a table of the estimates is missing",
            where=str(path),
            why=error.strerror or str(error),
            remedy="install hwcompress again",
        ) from None


@lru_cache
def layers(path: Path = LAYERS) -> tuple[LayerReport, ...]:
    """All layers of the table.

    Raises:
        InputError: the table is missing, or a row is wrong.
    """
    found = []
    for number, row in enumerate(_rows(path), 2):
        try:
            found.append(_layer(row))
        except (KeyError, ValueError, TypeError, InputError) as error:
            raise InputError(
                "no row of a layer", where=f"{path}:{number}", why=str(error),
                remedy="columns and numbers as in the other rows",
            ) from None  # fmt: skip
    return tuple(found)


def _layer(row: dict[str, str]) -> LayerReport:
    weights = Weights(*(int(row[name]) for name in ("nonzero", "two", "hard", "hard_bits")))
    product = Product(
        inputs=int(row["inputs"]),
        outputs=int(row["outputs"]),
        weights=weights,
        weight_bits=int(row["weight_bits"]),
        input_bits=int(row["input_bits"]),
        sum_bits=int(row["sum_bits"]),
        reuse=int(row["reuse"]),
        strategy=cast(Strategy, row["strategy"]),
        stream=row["stream"] == "1",
        pixels=int(row["pixels"]),
        window=row["window"] == "1",
        copies=int(row["copies"]),
        multiplier=cast(Multiplier, row["multiplier"]),
    )
    return LayerReport(
        row["network"], row["source"], row["layer"], product, row["weights"] == "read",
        float(row["clock_ns"]), row["family"], row["tool"], _counts(row, ""),
        int(row["latency"]), int(row["interval"]),
    )  # fmt: skip


def _counts(row: dict[str, str], prefix: str) -> Counts:
    return Counts(*(float(row[prefix + name]) for name in ("lut", "ff", "dsp", "bram18")))


@lru_cache
def designs(path: Path = DESIGNS) -> tuple[DesignReport, ...]:
    """All designs of the table; errors as of :func:`layers`."""
    found = []
    for number, row in enumerate(_rows(path), 2):
        try:
            found.append(
                DesignReport(
                    row["source"], row["author"], row["family"], row["tool"], _counts(row, ""),
                    _counts(row, "synthesized_"),
                )
            )  # fmt: skip
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(
                "no row of a design", where=f"{path}:{number}", why=str(error),
                remedy="columns and numbers as in the other rows",
            ) from None  # fmt: skip
    return tuple(found)
