"""The command line. Heavy modules are imported by the commands that need them."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Annotated

import typer

from hwcompress import __version__
from hwcompress.cli import (
    build_command,
    compress_command,
    diff_command,
    edge_command,
    estimate_command,
    folder_commands,
    machine_commands,
    model_commands,
    pack_command,
    requantize_command,
    sensitivity_command,
    simulate_command,
)
from hwcompress.errors import InputError
from hwcompress.limits import parse_limits, set_limits

__all__ = ["app", "main"]

app = typer.Typer(
    name="hwcompress",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hwcompress {__version__}")
        raise typer.Exit


def _limits(text: str) -> str:
    try:
        set_limits(parse_limits(text))
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    return text


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    limits: Annotated[
        str,
        typer.Option(
            callback=_limits,
            metavar="NAME=NUMBER,...",
            help="How large files may be that are read: model-mb, elements (of a tensor),"
            " memory-mb (of a model's constants), nodes, data-mb. See docs/security.md.",
        ),
    ] = "",
) -> None:
    """From a PyTorch or QONNX model to a verified FPGA design, bit-exact at every stage.

    Example: `hwcompress build --board pynq`
    """


for module in (
    build_command,
    estimate_command,
    compress_command,
    sensitivity_command,
    requantize_command,
    edge_command,
    model_commands,
    diff_command,
    simulate_command,
    pack_command,
    folder_commands,
    machine_commands,
):
    module.register(app)


def main() -> None:
    """Entry point of the ``hwcompress`` command."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no "µ" shows "?" instead of ending the command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # Brevitas says at every import that it has no CUDA kernels for something that is not used.
    warnings.filterwarnings("ignore", "fast_hadamard_transform")
    app()


if __name__ == "__main__":
    main()
