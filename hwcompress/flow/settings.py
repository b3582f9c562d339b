"""What a build was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from hwcompress.errors import InputError
from hwcompress.flow.goals import FIT_SHARE, check_share, parse_latency
from hwcompress.foreign import foreign_name

__all__ = ["WEIGHT_FILES", "BuildSettings", "ModelKind"]

ModelKind = Literal["default", "onnx", "python", "export", "packed"]

WEIGHT_FILES = (".npz", ".safetensors", ".pth", ".pt", ".ckpt")
"""What files of weights end in."""

MIN_FRAMES = 20
"""Fewest frames of the cocotb bench: what the project promises to have compared."""


@dataclass(frozen=True)
class BuildSettings:
    """Every choice of the user, checked; what a step reads is part of its hash.

    Args:
        model: empty for the embedded default, else ``FILE.onnx``, ``FILE.pt2``,
            ``FILE.py:FUNCTION`` or ``FILE.hwc``, with an absolute path.
        weights: file of the parameters of the module that ``FILE.py:FUNCTION`` returns, with
            an absolute path, or empty.
        data: empty for the embedded digits, else the file or folder that
            :func:`hwcompress.data.load_dataset` takes, with an absolute path.
        labels: file of the labels if it was named, likewise.
        board: canonical board name, or absolute path of a board file.
        weight_bits: bits of a weight, for float models and the default, 1 to 8; ``None`` for
            4 if the model is trained, 8 if it is only calibrated.
        act_bits: bits of an activation, likewise.
        epochs: training epochs; ``None`` for the recipe's own number, 0 to
            calibrate without training.
        seed: of every random choice.
        input_type: type of the model's input such as ``uint8*1/255``, or empty
            to derive it from the data.
        input_scale: real value of one stored step of integer data, or ``None``.
        target_cycles: wanted interval between frames in clock cycles, or ``None``.
        target_fps: wanted frames per second, or ``None``; excludes ``target_cycles``.
        target_latency: wanted time from the first input beat to the last output beat, such
            as ``10us`` or ``1200cycles``, or empty.
        fit: look for the design of the highest frame rate; excludes the targets.
        max_lut: LUTs that the design may take, or ``None``; without a target it is fitted.
        share: of the board's resources that a searched design may take, above 0 to 1, or
            ``None`` for 0.8 where the rate is to be the highest, else all.
        folding: empty to choose the parallelism, else a folding file
            (:mod:`hwcompress.hls.folding`) with an absolute path. Where a design is searched
            for, the engines that it names stay, and the others are chosen.
        multiplier: how multiplications are made, ``auto``, ``lut``, ``dsp`` or ``packed``, in
            engines for which the folding says nothing.
        memory: where weights are kept, ``auto``, ``logic``, ``distributed`` or ``block``, likewise.
        gate_level: simulate the synthesized netlist as well.
        frames: frames of the cocotb bench, at least 20.
        simulator: ``verilator`` or ``icarus``, for the cocotb bench.

    Raises:
        InputError: a value is outside its range.
    """

    FORMAT: ClassVar[str] = "hwcompress-build-1"
    """Of a folder whose manifest holds such settings."""
    COMMAND: ClassVar[str] = "build"
    """Which command makes such folders."""

    board: str
    model: str = ""
    data: str = ""
    labels: str = ""
    weights: str = ""
    weight_bits: int | None = None
    act_bits: int | None = None
    epochs: int | None = None
    seed: int = 0
    input_type: str = ""
    input_scale: float | None = None
    target_cycles: int | None = None
    target_fps: float | None = None
    target_latency: str = ""
    fit: bool = False
    max_lut: int | None = None
    share: float | None = None
    folding: str = ""
    multiplier: str = "auto"
    memory: str = "auto"
    gate_level: bool = False
    frames: int = 24
    simulator: str = "verilator"

    def __post_init__(self) -> None:
        for option, bits in (("--weight-bits", self.weight_bits), ("--act-bits", self.act_bits)):
            if bits is not None:
                _between(option, bits, 1, 8)
        if self.epochs is not None:
            _between("--epochs", self.epochs, 0, 100_000)
        _between("--seed", self.seed, 0, 2**32 - 1)
        _between("--frames", self.frames, MIN_FRAMES, 100_000)
        _positive("--target-cycles", self.target_cycles)
        _positive("--target-fps", self.target_fps)
        _positive("--input-scale", self.input_scale)
        if self.target_cycles is not None and self.target_fps is not None:
            raise InputError(
                "both --target-cycles and --target-fps are given",
                remedy="give one; frames per second are clock / cycles",
            )
        _positive("--max-lut", self.max_lut)
        if self.target_latency:
            parse_latency(self.target_latency)
        if self.fit and self.targets:
            raise InputError(
                f"both --fit and {self.targets[0]} are given",
                why="--fit is the highest frame rate, a target the least area",
                remedy="give one",
            )
        check_share(self.share, used=self.searches)
        for option, value, choices in (
            ("--multiplier", self.multiplier, ("auto", "lut", "dsp", "packed")),
            ("--memory", self.memory, ("auto", "logic", "distributed", "block")),
        ):
            if value not in choices:
                raise InputError(f"{option} is {value!r}", remedy=f"give {', '.join(choices)}")
        if self.simulator not in ("verilator", "icarus"):
            raise InputError(
                f"--simulator is {self.simulator!r}", remedy="give verilator or icarus"
            )
        if self.weights and self.model_kind != "python":
            raise InputError(
                "--weights without FILE.py:FUNCTION",
                why="weights alone do not say what the network is, and other models hold their own",
                remedy="give the function that builds the network as the model",
            )
        _ = self.model_kind

    @property
    def targets(self) -> tuple[str, ...]:
        """The options by which the user says how fast the design has to be."""
        given = {
            "--target-cycles": self.target_cycles,
            "--target-fps": self.target_fps,
            "--target-latency": self.target_latency or None,
        }
        return tuple(option for option, value in given.items() if value is not None)

    @property
    def searches(self) -> bool:
        """Whether the best design is looked for, not just a usual one taken."""
        return self.fit or self.max_lut is not None or bool(self.targets)

    @property
    def board_share(self) -> float:
        """The share of the board that a searched design may take."""
        if self.share is not None:
            return self.share
        return 1.0 if self.targets else FIT_SHARE

    @property
    def model_kind(self) -> ModelKind:
        """Which kind of source ``model`` names.

        Raises:
            InputError: neither an ONNX file nor ``file.py:function``.
        """
        if not self.model:
            return "default"
        file, _, function = self.model.rpartition(":")
        if file.endswith(".py") and function.isidentifier():
            return "python"
        if self.model.lower().endswith((".onnx", ".qonnx")):
            return "onnx"
        if self.model.lower().endswith(".pt2"):
            return "export"
        if self.model.lower().endswith(".hwc"):
            return "packed"
        why, remedy = "", ""
        if self.model.lower().endswith(".py"):
            why = "the function that returns the model is missing"
        elif self.model.lower().endswith(WEIGHT_FILES):
            why = "weights alone do not say what the network is"
            remedy = "give FILE.py:FUNCTION with a function that builds the network, and --weights"
        else:
            why, remedy = foreign_name(self.model)
        raise InputError(
            f"cannot tell what model {self.model!r} is",
            why=why,
            remedy=remedy
            or "give FILE.onnx, FILE.pt2, FILE.hwc, or FILE.py:FUNCTION with a function that"
            " returns an nn.Module",
        )

    @property
    def model_file(self) -> Path | None:
        """The file that ``model`` names."""
        if not self.model:
            return None
        return Path(self.model.rpartition(":")[0] if self.model_kind == "python" else self.model)

    @property
    def model_function(self) -> str:
        """The function that ``model`` names, or empty."""
        return self.model.rpartition(":")[2] if self.model_kind == "python" else ""

    @property
    def trains(self) -> bool:
        """Whether a training set is used, cut off the test set if need be."""
        return self.model_kind in ("default", "python") or bool(self.epochs)

    @property
    def data_files(self) -> tuple[Path, ...]:
        """Every file or folder that ``data`` names."""
        return tuple(Path(part) for part in (self.data, self.labels) if part)

    def dumps(self) -> str:
        """As JSON text."""
        return json.dumps(self.__dict__, sort_keys=True)


def _between(option: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(f"{option} is {value}", remedy=f"give a number from {low} to {high}")


def _positive(option: str, value: float | None) -> None:
    # Not `value <= 0`: nan must be refused, too.
    if value is not None and not 0 < value < float("inf"):
        raise InputError(f"{option} is {value}", remedy="give a positive number")
