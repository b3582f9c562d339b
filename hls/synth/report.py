"""What synthesis found, as values and as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hwcompress.boards import Board
from hwcompress.errors import InputError
from hwcompress.hls.synth.cells import Resources

__all__ = ["FORMAT", "LayerUse", "ModuleUse", "Share", "SynthReport"]

FORMAT = "hwcompress-synth-1"


@dataclass(frozen=True, slots=True)
class ModuleUse:
    """One module as synthesized out of context.

    ``resources`` are those of one instance, with everything inside it.
    ``instances`` counts its occurrences in the whole design.
    """

    module: str
    instances: int
    resources: Resources


@dataclass(frozen=True, slots=True)
class LayerUse:
    """The summed resources of one layer's instances in the top module."""

    op: str
    kind: str
    resources: Resources


@dataclass(frozen=True, slots=True)
class Share:
    """Used and available of one resource, and their ratio in percent."""

    name: str
    used: float
    available: int

    @property
    def percent(self) -> float:
        """100 * used / available; infinite if the board has none and some are used."""
        if self.available == 0:
            return 0.0 if self.used == 0 else float("inf")
        return 100.0 * self.used / self.available


@dataclass(frozen=True)
class SynthReport:
    """Resources of a design, measured by synthesis.

    The modules are synthesized separately and summed (the hierarchy is kept),
    so that every figure belongs to a module and layers add up to the whole.
    Logic is not optimised across a module's boundary. That is no bound on what
    the flattened design takes: on a small convolutional network Yosys 0.70
    found 6417 LUTs this way and 6959 with the hierarchy dissolved, at the same
    number of flip-flops. Out of context: no pads and no clock buffers.
    Nothing is placed or routed, so that there is no clock frequency.

    Args:
        tool: name and version in the tool's own words.
        tool_origin: where the tool was found.
        board: name of the board; ``part``, its device.
        total: resources of the whole design.
        top_only: resources in the top module outside any layer (glue).
        modules: each module.
        layers: each layer, in graph order.
        cells: primitive cells of the whole design by type.
        seconds: wall time of the run.
        script: the Yosys script, relative to the work folder; ``log`` likewise.
        capacity: what the board holds: lut, ff, bram, dsp.
        bram_name: name of the block RAMs.
        flattened: resources with the hierarchy dissolved, when that was asked for.
    """

    tool: str
    tool_origin: str
    board: str
    part: str
    total: Resources
    top_only: Resources
    modules: tuple[ModuleUse, ...]
    layers: tuple[LayerUse, ...]
    cells: Mapping[str, int]
    seconds: float
    script: str
    log: str
    capacity: Mapping[str, int]
    flattened: Resources | None = None
    bram_name: str = "BRAM36"

    @property
    def shares(self) -> tuple[Share, ...]:
        """LUT, FF, block RAM and DSP against the board."""
        used = self.total
        pairs: tuple[tuple[str, float, str], ...] = (
            ("LUT", used.lut, "lut"),
            ("FF", used.ff, "ff"),
            (self.bram_name, used.bram, "bram"),
            ("DSP", used.dsp, "dsp"),
        )
        return tuple(Share(name, value, self.capacity[key]) for name, value, key in pairs)

    @property
    def fits(self) -> bool:
        """Whether no resource exceeds the board's."""
        return all(share.used <= share.available for share in self.shares)

    def save(self, path: Path) -> None:
        """Writes the report as JSON; a half-written file never has its name."""
        record = {"format": FORMAT, **asdict(self), "cells": dict(sorted(self.cells.items()))}
        scratch = path.with_name(f".{path.name}.part")
        scratch.write_text(json.dumps(record, indent=1) + "\n")
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> SynthReport:
        """Reads what :meth:`save` wrote.

        Raises:
            InputError: there is none, or it is damaged.
        """
        try:
            record = json.loads(path.read_text())
            if record.pop("format") != FORMAT:
                raise ValueError(f"not {FORMAT}")
            flattened = record.pop("flattened")
            return cls(
                total=Resources(**record.pop("total")),
                top_only=Resources(**record.pop("top_only")),
                modules=tuple(
                    ModuleUse(item["module"], item["instances"], Resources(**item["resources"]))
                    for item in record.pop("modules")
                ),
                layers=tuple(
                    LayerUse(item["op"], item["kind"], Resources(**item["resources"]))
                    for item in record.pop("layers")
                ),
                flattened=Resources(**flattened) if flattened else None,
                **record,
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                "no readable synthesis report",
                where=str(path),
                why=str(error),
                remedy="run hwcompress synth",
            ) from error

    @staticmethod
    def capacity_of(board: Board) -> dict[str, int]:
        """The ``capacity`` field for a board."""
        return asdict(board.capacity)
