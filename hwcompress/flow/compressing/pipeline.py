"""The compression, read from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hwcompress.flow.compressing.floats import MAKING, MODEL, PACKAGES, float_step
from hwcompress.flow.compressing.settings import CompressSettings
from hwcompress.flow.compressing.steps import (
    RESULT,
    TABLE,
    recipe_files,
    run_after,
    run_before,
    run_result,
    run_train,
)
from hwcompress.flow.packed import PACKED_FILE
from hwcompress.flow.pipeline import PIPELINE
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.sources import MODEL_FILE
from hwcompress.flow.step import Step
from hwcompress.flow.steps.prepare import source_files

__all__ = ["COMPRESSION"]

_BUILD = {step.name: step for step in PIPELINE}
_MODEL = (*MODEL, "trains")
_HARDWARE = ("board", "target_cycles", "target_fps", "multiplier", "memory", "synthesize")
_DESIGNING = ("hwcompress.hls.folding", "hwcompress.hls.rtl", "hwcompress.hls.synth",
              "hwcompress.flow.compressing", "hwcompress.boards")  # fmt: skip


def _board_file(settings: BuildSettings) -> Mapping[str, Path]:
    """A board file of the user's own."""
    return {"board": Path(settings.board)} if settings.board.endswith(".toml") else {}


def _model_and_board(settings: BuildSettings) -> Mapping[str, Path]:
    return {**source_files(settings), **_board_file(settings)}


def _shared(name: str, **changes: object) -> Step:
    """A step of the build, on the settings of a compression."""
    return replace(_BUILD[name], settings=CompressSettings, **changes)  # type: ignore[arg-type]


COMPRESSION = (
    # Of the recipe only whether it trains: a training set is split off then.
    _shared("data", reads=(*_BUILD["data"].reads, "trains")),
    float_step(CompressSettings, "trains"),
    Step(
        "train",
        "run the recipe, export the result",
        run_train,
        outputs=("source",),
        needs=("data", "float"),
        reads=(*_MODEL, "recipe", "input_type"),
        files=recipe_files,
        code=MAKING,
        packages=PACKAGES,
        settings=CompressSettings,
    ),
    _shared("import"),
    _shared("simulate"),
    Step(
        "before",
        "the float model and its 8-bit twin",
        run_before,
        outputs=(),
        needs=("data", "float"),
        reads=(*_MODEL, "input_type", *_HARDWARE),
        files=_model_and_board,
        code=(*MAKING, *_DESIGNING, "hwcompress.sim"),
        tools=("yosys",),
        packages=(*PACKAGES, "numba"),
        settings=CompressSettings,
    ),
    Step(
        "after",
        "a design of the result at the same speed",
        run_after,
        outputs=(),
        needs=("import", "before"),
        reads=_HARDWARE,
        files=_board_file,
        code=_DESIGNING,
        tools=("yosys",),
        settings=CompressSettings,
    ),
    Step(
        "result",
        "write the files and the table",
        run_result,
        outputs=(MODEL_FILE, PACKED_FILE, RESULT, TABLE),
        needs=("float", "train", "import", "simulate", "before", "after"),
        reads=("recipe", "board"),
        files=recipe_files,
        code=("hwcompress.flow.compressing", "hwcompress.packing", "hwcompress.compress.recipe"),
        settings=CompressSettings,
    ),
)
"""Every step comes after those it needs."""
