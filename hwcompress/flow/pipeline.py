"""The build, read from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.step import Step
from hwcompress.flow.steps.estimating import run_estimate
from hwcompress.flow.steps.hardware import (
    run_bench_step,
    run_fold,
    run_generate,
    run_verify,
)
from hwcompress.flow.steps.hls import run_hls4ml
from hwcompress.flow.steps.package import run_package
from hwcompress.flow.steps.prepare import (
    data_files,
    run_data,
    run_import,
    run_train,
    source_files,
)
from hwcompress.flow.steps.reporting import REPORTED, run_report
from hwcompress.flow.steps.simulate import run_simulate
from hwcompress.flow.steps.synthesize import run_synthesize

__all__ = ["PIPELINE"]


def _board_file(settings: BuildSettings) -> Mapping[str, Path]:
    """A board file of the user's own."""
    return {"board": Path(settings.board)} if settings.board.endswith(".toml") else {}


def _fold_files(settings: BuildSettings) -> Mapping[str, Path]:
    """The board file, and a folding of the user's own."""
    own = {"folding": Path(settings.folding)} if settings.folding else {}
    return {**_board_file(settings), **own}


PIPELINE = (
    Step(
        "data",
        "load and check the data",
        run_data,
        outputs=("data",),
        reads=("data", "labels", "model", "epochs", "input_scale", "seed"),
        files=data_files,
        code=("hwcompress.data", "hwcompress.flow.steps.prepare"),
        packages=("numpy", "scikit-learn"),
    ),
    Step(
        "train",
        "train and export the model, or take the QONNX file",
        run_train,
        outputs=("source",),
        needs=("data",),
        reads=("model", "weights", "data", "labels", "weight_bits", "act_bits", "epochs", "seed",
               "input_scale", "input_type"),
        files=source_files,
        code=("hwcompress.compress", "hwcompress.models", "hwcompress.flow.sources",
              "hwcompress.flow.plans", "hwcompress.flow.fitting", "hwcompress.frontend",
              "hwcompress.data", "hwcompress.flow.packed", "hwcompress.packing"),
        packages=("torch", "brevitas", "onnx", "onnxruntime", "qonnx", "numpy"),
    ),
    Step(
        "import",
        "express it as an integer graph",
        run_import,
        outputs=("graph",),
        needs=("data", "train"),
        reads=("input_type",),
        code=("hwcompress.frontend", "hwcompress.ir", "hwcompress.flow.steps.prepare",
              "hwcompress.flow.packed", "hwcompress.packing"),
        packages=("numpy", "onnx"),
    ),
    Step(
        "simulate",
        "simulate all test samples, compare with the model",
        run_simulate,
        outputs=("sim",),
        needs=("data", "train", "import"),
        reads=("input_type",),
        code=("hwcompress.frontend", "hwcompress.ir", "hwcompress.sim",
              "hwcompress.flow.steps"),
        packages=("numpy", "numba", "qonnx", "onnxruntime"),
    ),
    Step(
        "fold",
        "choose the parallelism of every layer",
        run_fold,
        outputs=("folding.json",),
        needs=("import",),
        reads=("board", "target_cycles", "target_fps", "target_latency", "fit", "max_lut", "share",
               "folding", "multiplier", "memory"),
        files=_fold_files,
        code=("hwcompress.flow.parallelism", "hwcompress.hls.folding", "hwcompress.hls.fit",
              "hwcompress.hls.estimate", "hwcompress.ir", "hwcompress.boards"),
    ),
    Step(
        "generate",
        "generate the Verilog",
        run_generate,
        outputs=("rtl",),
        needs=("import", "fold"),
        code=("hwcompress.hls.rtl", "hwcompress.hls.folding", "hwcompress.ir"),
    ),
    Step(
        "estimate",
        "estimate the resources",
        run_estimate,
        outputs=("estimate.json",),
        needs=("generate",),
        reads=("board",),
        files=_board_file,
        code=("hwcompress.hls.estimate", "hwcompress.flow.estimates", "hwcompress.boards"),
    ),
    # From here on, steps depend on earlier ones but not on each other, so two run at a time.
    # The longest goes first.
    Step(
        "synthesize",
        "synthesize for the board's part",
        run_synthesize,
        outputs=("synth",),
        needs=("import", "generate"),
        reads=("board",),
        files=_board_file,
        code=("hwcompress.hls.synth", "hwcompress.boards", "hwcompress.tools"),
        tools=("yosys", "vivado"),
    ),
    Step(
        "verify",
        "run the Verilog on all test samples",
        run_verify,
        outputs=("verify",),
        needs=("import", "simulate", "generate"),
        code=("hwcompress.hls.cosim", "hwcompress.tools", "hwcompress.flow.steps.hardware"),
        tools=("verilator", "g++"),
    ),
    Step(
        "bench",
        "cocotb bench with random stalls",
        run_bench_step,
        outputs=("bench",),
        # After verify, which names the layer where a wrong answer starts.
        needs=("import", "simulate", "generate", "verify"),
        reads=("frames", "simulator", "gate_level", "board"),
        files=_board_file,
        code=("hwcompress.hls.cosim", "hwcompress.hls.synth.netlist", "hwcompress.tools",
              "hwcompress.flow.steps.hardware"),
        tools=("verilator", "iverilog", "g++", "yosys"),
        packages=("cocotb",),
    ),
    Step(
        "hls4ml",
        "write and check the hls4ml project",
        run_hls4ml,
        outputs=("hls4ml",),
        needs=("import", "simulate"),
        reads=("board",),
        files=_board_file,
        code=("hwcompress.hls.hls4ml", "hwcompress.hls.estimate.hls4ml", "hwcompress.ir",
              "hwcompress.tools"),
        tools=("g++", "vitis"),
        packages=("hls4ml",),
    ),
    Step(
        "package",
        "put together what goes to the board",
        run_package,
        outputs=("deploy",),
        needs=("data", "import", "simulate", "generate", "verify"),
        reads=("board",),
        files=_board_file,
        code=("hwcompress.flow.steps.package", "hwcompress.boards"),
    ),
    Step(
        "report",
        "write the report",
        run_report,
        outputs=("report.json", "report.html"),
        needs=REPORTED,
        reads=tuple(item.name for item in fields(BuildSettings)),
        files=_board_file,
        code=("hwcompress.report", "hwcompress.flow.steps.reporting", "hwcompress.boards"),
        packages=("jinja2",),
    ),
)  # fmt: skip
"""Every step comes after those it needs."""
