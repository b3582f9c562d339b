"""From what the user typed to settings and a folder, with the cheap checks up front."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hwcompress import boards
from hwcompress.errors import HwcompressError, InputError
from hwcompress.flow.settings import WEIGHT_FILES, BuildSettings

if TYPE_CHECKING:
    from hwcompress.models.zoo import Entry

__all__ = [
    "checked_goals",
    "checked_settings",
    "make_settings",
    "named_model",
    "output_folder",
    "zoo_entry",
]

DEFAULT_ROOT = "hwc-build"
DEFAULT_MODEL = "digits"
_ZOO = "zoo:"


Settings = TypeVar("Settings", bound=BuildSettings)


def make_settings(**options: Any) -> BuildSettings:
    """:func:`checked_settings` of a build."""
    return checked_settings(BuildSettings, **options)


def checked_settings(kind: type[Settings], **options: Any) -> Settings:
    """Checked settings: existing files with absolute paths, a known board by its own name.

    Raises:
        InputError: no such board or file, or a value out of range.
    """
    settings = kind(**{**options, "model": named_model(str(options.get("model", "")))})
    board, name = _board(settings)
    _check_rate(settings, board)
    _check_input_type(settings.input_type)
    # First of the files: without the model, what it needs is beside the point.
    model = _absolute_model(settings)
    if settings.model_kind in ("onnx", "packed") and not settings.data:
        raise InputError(
            f"model {settings.model!r} needs data to be verified on",
            remedy=_wanted_data(Path(model)),
        )
    if settings.model_kind in ("python", "export") and not settings.data:
        raise InputError(
            f"model {settings.model!r} needs data to be trained or calibrated, and verified on",
            remedy="give --data FILE (.npz with x and y, or IDX files; for several inputs an"
            " .npz with an array named after each argument of forward)",
        )
    if settings.model_kind == "default" and settings.data:
        raise InputError(
            "--data without a model",
            why="the embedded model is made for the embedded data",
            remedy="name a model, or leave --data out",
        )
    data, labels = _absolute_data(settings.data)
    return replace(
        settings,
        board=name,
        model=model,
        weights=_absolute_weights(settings.weights),
        data=data,
        labels=labels,
        folding=_absolute_folding(settings.folding),
    )


def checked_goals(**options: Any) -> BuildSettings:
    """Settings of the hardware alone: a known board by its own name, goals, a folding file.

    Raises:
        InputError: no such board or file, or a value out of range.
    """
    settings = BuildSettings(**options)
    board, name = _board(settings)
    _check_rate(settings, board)
    return replace(settings, board=name, folding=_absolute_folding(settings.folding))


def _board(settings: BuildSettings) -> tuple[boards.Board, str]:
    """The board, and its own name, or the absolute path of the user's file."""
    board = boards.load(settings.board)
    own = settings.board.lower().endswith(".toml")
    return board, str(Path(settings.board).resolve()) if own else board.name


def _wanted_data(file: Path) -> str:
    """What data an ONNX file wants; the file is read for this message only."""
    from hwcompress.data import wanted_arrays
    from hwcompress.flow.model_inputs import onnx_inputs

    # What is wrong with a file is said once there are data.
    with contextlib.suppress(HwcompressError):
        inputs = onnx_inputs(file)
        if inputs.several:
            return f"with --data, {wanted_arrays(inputs.shapes)}"
    return "give --data FILE (.npz with x and perhaps y, or an IDX file)"


def named_model(model: str) -> str:
    """A network of the zoo as the file and function that it is; any other name as it stands."""
    entry = zoo_entry(model)
    return model if entry is None else entry.reference


def zoo_entry(model: str) -> Entry | None:
    """The network of the zoo that a model's name is, or ``None``."""
    if not model.startswith(_ZOO):
        return None
    from hwcompress.models.zoo import Entry

    return Entry.named(model.removeprefix(_ZOO))


def _absolute_weights(text: str) -> str:
    if not text:
        return ""
    path = Path(text)
    if not path.is_file():
        raise InputError(f"there is no file of weights {text!r}")
    if path.suffix.lower() not in WEIGHT_FILES:
        raise InputError(f"--weights is {text!r}", remedy=f"give a file {', '.join(WEIGHT_FILES)}")
    return str(path.resolve())


def _check_rate(settings: BuildSettings, board: boards.Board) -> None:
    """A design takes at most one frame a cycle."""
    most = board.clock_mhz * 1e6
    if settings.target_fps is not None and settings.target_fps > most:
        raise InputError(
            f"--target-fps is {settings.target_fps:,.10g}",
            why=f"a frame takes a clock cycle or more, {board.name} runs at"
            f" {board.clock_mhz:g} MHz",
            remedy=f"give at most {most:,.0f} frames/s at {board.clock_mhz:g} MHz",
        )


def _check_input_type(text: str) -> None:
    if not text:
        return
    # Here, as it loads NumPy and ONNX, which few commands need.
    from hwcompress.frontend.input_types import parse_input_type

    try:
        parse_input_type(text)
    except InputError as error:
        raise InputError(
            f"--input-type is {text!r}", why=str(error), remedy="see `hwcompress build --help`"
        ) from error


def _absolute_model(settings: BuildSettings) -> str:
    file = settings.model_file
    if file is None:
        return ""
    if not file.is_file():
        raise InputError(f"there is no model file {str(file)!r}")
    end = f":{settings.model_function}" if settings.model_function else ""
    return f"{file.resolve()}{end}"


def _absolute_data(data: str) -> tuple[str, str]:
    """Data and labels."""
    if not data:
        return "", ""
    # A comma may also be part of one file's name.
    parts = [data] if Path(data).exists() else data.split(",")
    for part in parts:
        if not Path(part).exists():
            raise InputError(f"there is no data file {part!r}")
    if len(parts) > 2:
        raise InputError(f"--data names {len(parts)} files", remedy="give IMAGES or IMAGES,LABELS")
    first, *second = (str(Path(part).resolve()) for part in parts)
    return first, second[0] if second else ""


def _absolute_folding(text: str) -> str:
    """The folding file, read once so that a wrong one is refused before any work."""
    if not text:
        return ""
    from hwcompress.hls.folding.complete import read_folding

    path = Path(text).resolve()
    read_folding(path)
    return str(path)


def output_folder(settings: BuildSettings, out: Path | None) -> Path:
    """The build folder, absolute: ``out``, or ``./hwc-build/<model>-<board>``."""
    if out is not None:
        return out.absolute()
    board = Path(settings.board).stem if settings.board.endswith(".toml") else settings.board
    return Path.cwd() / DEFAULT_ROOT / file_name(f"{model_name(settings)}-{board}")


def file_name(text: str) -> str:
    """A text as a file may be called."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)


def model_name(settings: BuildSettings) -> str:
    """What a folder of a model's results is called after."""
    file = settings.model_file
    model = settings.model_function or (DEFAULT_MODEL if file is None else file.stem)
    if settings.model_function and file is not None:
        model = f"{file.stem}-{settings.model_function}"
    return model
