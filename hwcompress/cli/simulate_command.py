"""``hwcompress simulate``: a step of a build again, or the simulator alone over any data."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwcompress.cli.guard import guarded
from hwcompress.cli.model_commands import (
    ActBits,
    InputScale,
    InputType,
    Json,
    Shape,
    WeightBits,
    Weights,
    model_request,
)
from hwcompress.errors import InputError

if TYPE_CHECKING:
    from hwcompress.running.requests import RunRequest

__all__ = ["register"]

_DATA, _RUN, _KEEP, _EFFECTS = "Data", "Run", "What is kept", "Effects of hardware"
_MODELS = (".hwc", ".onnx", ".pt2")


@guarded
def _again(folder: Path, force: bool) -> None:
    """The step of a build folder."""
    from hwcompress.cli.session import run_targets

    run_targets(folder, ["simulate"], force=force, sections=["accuracy", "checks"])


@guarded
def simulate_data(request: Callable[[], RunRequest], as_json: bool) -> None:
    """The simulator over data, and what was found."""
    from hwcompress.cli.bar import progress_bar
    from hwcompress.cli.console import make_console
    from hwcompress.cli.simulate_screen import show_run
    from hwcompress.running.requests import run_request

    wanted = request()
    with progress_bar(rate="samples/s") as say:
        facts = run_request(wanted, say)
    if as_json:
        typer.echo(json.dumps(asdict(facts), indent=1))
    else:
        show_run(make_console(), facts)


def simulate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|MODEL",
            help="Build folder, made by `hwcompress build`. With --data or --random also"
            " FILE.onnx, FILE.pt2, FILE.py:FUNCTION, zoo:NAME or FILE.hwc.",
        ),
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Of a build folder: run again although nothing changed.")
    ] = False,
    data: Annotated[
        str,
        typer.Option(
            help=".npz with x and perhaps y (or x_test, y_test), for several inputs an array"
            " named after each; .npy or IDX samples; a folder or 'part-*.npz' of such files."
            " Read piece by piece: it need not fit the memory.",
            rich_help_panel=_DATA,
        ),
    ] = "",
    labels: Annotated[
        str,
        typer.Option(
            help="Labels of .npy or IDX samples, if they are not beside them; may also follow"
            " --data after a comma.",
            rich_help_panel=_DATA,
        ),
    ] = "",
    random: Annotated[
        int | None,
        typer.Option("--random", help="Draw this many samples instead.", rich_help_panel=_DATA),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all that is random.", rich_help_panel=_DATA)] = 0,
    input_type: InputType = "",
    input_scale: InputScale = None,
    shape: Shape = None,
    weights: Weights = "",
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    memory: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="Memory of samples, results and the simulator's blocks together: 500M, 2G, ..."
            " The program and the model come on top. Default: about 64M and the blocks.",
            rich_help_panel=_RUN,
        ),
    ] = "",
    threads: Annotated[
        int | None, typer.Option(help="Default: every processor.", rich_help_panel=_RUN)
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            help="Samples that go through the network at once. Default: as many as fit a cache.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help=".npy or .npz for the outputs of all samples, as the model gives them (float64).",
            rich_help_panel=_KEEP,
        ),
    ] = None,
    integers: Annotated[
        bool,
        typer.Option(
            "--integers", help="Write the integers of the graph to --out.", rich_help_panel=_KEEP
        ),
    ] = False,
    trace: Annotated[
        Path | None,
        typer.Option(
            help=".npz for the integers of tensors inside the network.", rich_help_panel=_KEEP
        ),
    ] = None,
    tensors: Annotated[
        str, typer.Option(help="Which, such as a,b. Default: all.", rich_help_panel=_KEEP)
    ] = "",
    samples: Annotated[
        str,
        typer.Option(
            help="Of which samples, such as 0,5,10-20. Default: all.", rich_help_panel=_KEEP
        ),
    ] = "",
    ranges: Annotated[
        bool,
        typer.Option(
            "--ranges",
            help="Values that every tensor can reach and did reach, unused bits, channels that"
            " never change.",
            rich_help_panel=_KEEP,
        ),
    ] = False,
    accumulator_bits: Annotated[
        str,
        typer.Option(
            metavar="BITS|LAYER=BITS,...",
            help="Run again with sums in registers of this width: what overflows, what it costs.",
            rich_help_panel=_EFFECTS,
        ),
    ] = "",
    overflow: Annotated[
        str,
        typer.Option(
            help="What such a register does: wrap (the default) or saturate.",
            rich_help_panel=_EFFECTS,
        ),
    ] = "",
    faults: Annotated[
        str,
        typer.Option(
            metavar="PART=RATE,...",
            help="Run again with bits flipped at random, such as weights=1e-4,activations=0;"
            " also thresholds. --seed decides which.",
            rich_help_panel=_EFFECTS,
        ),
    ] = "",
    fault_list: Annotated[
        Path | None,
        typer.Option(
            help="Run again with the bits flipped that this file lists (docs/effects.md).",
            rich_help_panel=_EFFECTS,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the bit-exact simulator: on data, or as a step of a build.

    With --data or --random, only the simulator runs: samples a second, and with labels the
    accuracy and the confusion matrix. A build folder alone runs its test samples again and
    compares them with the model; with any other option the simulator runs on them, as it does
    for a folder of `hwcompress compress`.

    Examples:

    `hwcompress simulate hwc-build/digits-pynq-z2`

    `hwcompress simulate hwc-compress/digits-a2q-12 --accumulator-bits 12`

    `hwcompress simulate model.onnx --data test.npz --memory 500M`

    `hwcompress simulate model.onnx --data 'part-*.npz' --ranges --trace t.npz --samples 0-9`
    """
    own, given = not data and random is None and _is_folder(model), []
    if own:
        options = {
            "--labels": labels,
            "--seed": seed,
            "--input-type": input_type,
            "--input-scale": input_scale is not None,
            "--shape": shape,
            "--weights": weights,
            "--weight-bits": weight_bits is not None,
            "--act-bits": act_bits is not None,
            "--memory": memory,
            "--threads": threads is not None,
            "--batch": batch is not None,
            "--out": out,
            "--integers": integers,
            "--trace": trace,
            "--tensors": tensors,
            "--samples": samples,
            "--ranges": ranges,
            "--accumulator-bits": accumulator_bits,
            "--overflow": overflow,
            "--faults": faults,
            "--fault-list": fault_list,
            "--json": as_json,
        }
        given = [option for option, value in options.items() if value]
        if not given and not _is_compressed(Path(model)):
            _again(Path(model), force)
            return

    def request() -> RunRequest:
        from hwcompress.running.effects import EffectOptions
        from hwcompress.running.requests import RunOptions, RunRequest
        from hwcompress.running.sizes import parse_size

        if force:
            raise InputError("--force where only the simulator runs", remedy="leave it out")
        opened = model_request(
            model,
            data=_own_samples(Path(model), given) if own else data,
            input_type=input_type,
            input_scale=input_scale,
            shape=shape,
            weights=weights,
            weight_bits=weight_bits,
            act_bits=act_bits,
            seed=seed,
        )
        options = RunOptions(
            memory=parse_size(memory) if memory else None,
            threads=threads,
            batch=batch,
            out=out,
            integers=integers,
            trace=trace,
            tensors=tensors,
            samples=samples,
            ranges=ranges,
            effects=EffectOptions(accumulator_bits, overflow, faults, fault_list, seed),
        )
        return RunRequest(opened, labels, random, options)

    simulate_data(request, as_json)


def _own_samples(folder: Path, given: Sequence[str]) -> str:
    """The test samples of a folder, for a run of the simulator alone."""
    from hwcompress.running.models import own_samples

    found = own_samples(folder)
    if not found:
        what = next(iter(given), "a simulation")
        raise InputError(f"{what} without data", remedy="give --data FILE, or --random N")
    return found


def _is_folder(model: str) -> bool:
    """Whether a build folder is meant, perhaps one that is not there."""
    return not (Path(model).is_file() or ":" in model or Path(model).suffix in _MODELS)


def _is_compressed(folder: Path) -> bool:
    """Whether `hwcompress compress` made a folder, which has no step to be run again alone."""
    from hwcompress.flow.packed import PACKED_FILE

    return (folder / PACKED_FILE).is_file()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)
