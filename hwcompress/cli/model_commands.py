"""``inspect`` and ``compare``: what a model is, and whether its integer graph equals it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwcompress.cli.guard import guarded
from hwcompress.errors import InputError

if TYPE_CHECKING:
    from hwcompress.inspect.facts import Inspection
    from hwcompress.inspect.opening import ModelRequest

__all__ = [
    "ActBits",
    "Data",
    "InputScale",
    "InputType",
    "Json",
    "Shape",
    "WeightBits",
    "Weights",
    "model_request",
    "register",
]

Model = Annotated[
    str,
    typer.Argument(
        help="FILE.onnx (QONNX, QDQ, FINN-ONNX or float), FILE.pt2, FILE.py:FUNCTION returning"
        " an nn.Module, or zoo:NAME."
    ),
]
Data = Annotated[
    str,
    typer.Option(
        help=".npz with x and perhaps y; .npy or IDX images; or, for a model with several"
        " inputs, an .npz with an array named after each of them."
    ),
]
InputType = Annotated[
    str,
    typer.Option(help="Type of the model's input: uint8, fixed<16,6>, bipolar, uint8*1/255, ..."),
]
InputScale = Annotated[
    float | None,
    typer.Option(help="Real value of one step of integer data. Default: 1/255 for uint8."),
]
Shape = Annotated[
    list[str] | None,
    typer.Option(
        help="Shape of a sample, for a module without data: 1,28,28 for instance; of several"
        " inputs NAME=1,28,28, once for each."
    ),
]
WeightBits = Annotated[
    int | None, typer.Option(help="Of a float model, which is quantized first. Default: 8.")
]
ActBits = Annotated[int | None, typer.Option(help="Activation bits, likewise.")]
Weights = Annotated[str, typer.Option(help="State dict for the module of FILE.py:FUNCTION.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@guarded
def inspect(
    model: Model,
    data: Data = "",
    input_type: InputType = "",
    input_scale: InputScale = None,
    shape: Shape = None,
    weights: Weights = "",
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    nodes: Annotated[
        bool, typer.Option("--nodes", help="List the source's nodes, even if all are accepted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what a model consists of, and what would keep it from exactness or hardware.

    MODEL may also be a build folder. Exits with 2 if the model is refused.

    Examples:

    `hwcompress inspect model.onnx`

    `hwcompress inspect model.onnx --input-type "fixed<16,6>" --json`
    """
    from hwcompress.cli.console import make_console
    from hwcompress.cli.inspect_screen import show_inspection

    request = model_request(
        model,
        data=data,
        input_type=input_type,
        input_scale=input_scale,
        shape=shape,
        weights=weights,
        weight_bits=weight_bits,
        act_bits=act_bits,
    )
    facts = _inspection(request)
    if as_json:
        typer.echo(json.dumps(asdict(facts), indent=1))
    else:
        show_inspection(make_console(), facts, nodes=nodes)
    if not facts.accepted:
        count = len({item.node for item in facts.problems if item.node})
        what = f"{count} node(s) of the model" if count else "the model"
        sys.stdout.flush()
        raise InputError(f"{what} cannot be expressed exactly; the reasons are listed", where=model)


@guarded
def compare(
    model: Model,
    data: Data = "",
    random: Annotated[
        int | None, typer.Option("--random", help="Draw this many samples instead.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Take the first samples of the data only.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of random samples.")] = 0,
    reference: Annotated[
        int | None,
        typer.Option(
            help="Samples that also go through float64 and the definition in NumPy. Default:"
            " as many as take about a minute."
        ),
    ] = None,
    input_type: InputType = "",
    input_scale: InputScale = None,
    shape: Shape = None,
    weights: Weights = "",
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    as_json: Json = False,
) -> None:
    """Run the model, its integer graph and the simulator on the same samples.

    Where they differ, the first tensor that does is named, with both values. Exits
    with 1 if a difference is not explained by a rounding tie.

    Examples:

    `hwcompress compare model.onnx --random 1000`

    `hwcompress compare tfc.onnx --data t10k-images-idx3-ubyte.gz`
    """
    from hwcompress.inspect.comparison import CompareRequest, compare_request

    request = CompareRequest(
        model_request(
            model,
            data=data,
            input_type=input_type,
            input_scale=input_scale,
            shape=shape,
            weights=weights,
            weight_bits=weight_bits,
            act_bits=act_bits,
            seed=seed,
        ),
        random,
        samples,
        reference,
    )
    from hwcompress.cli.bar import progress_bar
    from hwcompress.cli.compare_screen import show_comparison
    from hwcompress.cli.console import make_console

    with progress_bar() as say:
        facts = compare_request(request, say)
    if as_json:
        typer.echo(json.dumps(asdict(facts), indent=1))
    else:
        show_comparison(make_console(), facts)
    if not facts.exact:
        raise typer.Exit(1)


def model_request(model: str, *, shape: list[str] | None = None, **parts: object) -> ModelRequest:
    """The model that the options name; ``parts`` are further fields."""
    from hwcompress.inspect.opening import ModelRequest

    shapes = dict(_shape(text) for text in shape or ())
    return ModelRequest(model, shapes=shapes, **parts)  # type: ignore[arg-type]


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Name of the input, or nothing, and lengths."""
    name, _, numbers = text.rpartition("=")
    try:
        lengths = tuple(int(part) for part in numbers.replace("x", ",").split(","))
    except ValueError:
        lengths = (0,)
    if min(lengths) < 1:
        raise InputError(
            f"--shape is {text!r}", remedy="give lengths such as 1,28,28, or NAME=1,28,28"
        )
    return name, lengths


def _inspection(request: ModelRequest) -> Inspection:
    from hwcompress.cli.bar import progress_bar
    from hwcompress.inspect.requests import inspect_request

    if Path(request.model).is_dir():
        from hwcompress.inspect.examine import inspect_graph

        return inspect_graph(Path(request.model))
    with progress_bar() as say:
        say("read the model", 0, 0)
        return inspect_request(request, lambda text: say(text, 0, 0))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("inspect")(inspect)
    app.command("compare")(compare)
