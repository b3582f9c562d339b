"""``hwcompress build``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwcompress.cli.guard import guarded
from hwcompress.cli.options import (
    HARDWARE,
    MODEL,
    RUN,
    TRAINING,
    BoardName,
    Fit,
    FoldingFile,
    Force,
    InputScale,
    Jobs,
    MaxLut,
    Seed,
    Share,
    TargetCycles,
    TargetFps,
    TargetLatency,
    Weights,
)

__all__ = ["register"]


@guarded
def build(
    model: Annotated[
        str | None,
        typer.Argument(
            help="FILE.onnx (quantized, or float), FILE.py:FUNCTION returning an nn.Module,"
            " FILE.pt2 of torch.export, FILE.hwc, or zoo:NAME. Default: the embedded 4-bit"
            " digits network.",
        ),
    ] = None,
    board: BoardName = "pynq",
    data: Annotated[
        str | None,
        typer.Option(
            help=".npz with x, y (or x_train, y_train, x_test, y_test), for several inputs with an"
            " array named after each instead of x; .npy or IDX images, labels beside these or as"
            " IMAGES,LABELS; or a folder with the MNIST files.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Build folder. Default: ./hwc-build/MODEL-BOARD.", rich_help_panel=RUN),
    ] = None,
    weights: Weights = "",
    weight_bits: Annotated[
        int | None,
        typer.Option(
            help="Weight bits of float models and the default one, 1 to 8."
            " Default: 4 where the model is trained, 8 where it is only calibrated.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    act_bits: Annotated[
        int | None, typer.Option(help="Activation bits, likewise.", rich_help_panel=TRAINING)
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Training epochs; 0 calibrates only. Default: 10 for a float module with labelled"
            " training samples and no --weights, 30 for the embedded network, else 0.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    seed: Seed = 0,
    input_type: Annotated[
        str,
        typer.Option(
            help="Type of the model's input: uint8, fixed<16,6>, bipolar, uint8*1/255, ..."
            " Default: derived from the model and the data.",
            rich_help_panel=MODEL,
        ),
    ] = "",
    input_scale: InputScale = None,
    fit: Fit = False,
    target_fps: TargetFps = None,
    target_cycles: TargetCycles = None,
    target_latency: TargetLatency = "",
    max_lut: MaxLut = None,
    share: Share = None,
    folding: FoldingFile = "",
    multiplier: Annotated[
        str,
        typer.Option(
            help="Of engines that the folding does not decide: auto (the synthesis tool"
            " chooses), lut, dsp, or packed (several low-bit products a DSP block).",
            rich_help_panel=HARDWARE,
        ),
    ] = "auto",
    memory: Annotated[
        str,
        typer.Option(
            help="Of weights, likewise: auto, logic, distributed or block.",
            rich_help_panel=HARDWARE,
        ),
    ] = "auto",
    gate_level: Annotated[
        bool,
        typer.Option(
            "--gate-level",
            help="Also simulate the netlist that synthesis makes (small designs).",
            rich_help_panel=RUN,
        ),
    ] = False,
    frames: Annotated[
        int, typer.Option(help="Frames of the cocotb bench, at least 20.", rich_help_panel=RUN)
    ] = 24,
    simulator: Annotated[
        str, typer.Option(help="Of the cocotb bench: verilator or icarus.", rich_help_panel=RUN)
    ] = "verilator",
    jobs: Jobs = None,
    force: Force = False,
) -> None:
    """Take a model to a verified FPGA design.

    Steps that are up to date are not run again; a stopped build goes on where it stopped.

    Examples:

    `hwcompress build --board pynq`

    `hwcompress build tfc.onnx --data t10k-images-idx3-ubyte.gz --board pynq --out tfc-build`

    `hwcompress build tfc.onnx --data t10k-images-idx3-ubyte.gz --board pynq --fit`

    `hwcompress build net.py:make --data train.npz --board pynq --weight-bits 4 --epochs 5`

    `hwcompress build net.py:make --weights net.safetensors --data calib.npz --board pynq`
    """
    from hwcompress.flow.request import make_settings, output_folder

    settings = make_settings(
        board=board,
        model=model or "",
        data=data or "",
        weights=weights,
        weight_bits=weight_bits,
        act_bits=act_bits,
        epochs=epochs,
        seed=seed,
        input_type=input_type,
        input_scale=input_scale,
        target_cycles=target_cycles,
        target_fps=target_fps,
        target_latency=target_latency,
        fit=fit,
        max_lut=max_lut,
        share=share,
        folding=folding,
        multiplier=multiplier,
        memory=memory,
        gate_level=gate_level,
        frames=frames,
        simulator=simulator,
    )
    # After the cheap checks: this one loads the simulator and the frontend.
    from hwcompress.cli.session import run_build

    run_build(output_folder(settings, out), settings, jobs=jobs, force=force)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("build")(build)
