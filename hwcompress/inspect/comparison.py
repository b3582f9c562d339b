"""The comparison that a user asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.flow.model_inputs import onnx_inputs
from hwcompress.flow.steps.accuracy import usable_labels
from hwcompress.frontend import Imported, import_model
from hwcompress.inspect.assume import attempt_import
from hwcompress.inspect.blocks import Blocks, block_size
from hwcompress.inspect.compare_facts import CompareFacts
from hwcompress.inspect.comparing import Comparing, Framework, default_reference
from hwcompress.inspect.draw import Drawn
from hwcompress.inspect.header import parse_onnx, source_format
from hwcompress.inspect.inputs import GivenData, read_data
from hwcompress.inspect.mismatches import first_differences, settle
from hwcompress.inspect.opening import ModelRequest, Opened, open_model

__all__ = ["CompareRequest", "compare_request"]

Say = Callable[[str, int, int], None]
"""Told what is done, and how many samples of how many are."""


@dataclass(frozen=True)
class CompareRequest:
    """What the user typed: either ``data`` of the model request, or ``random``.

    Attributes:
        model: the model and its data.
        random: number of random samples, or ``None``.
        samples: the first samples of the data only, or ``None``.
        reference: samples that also go through float64 and the definition;
            ``None``: as many as take about a minute.
    """

    model: ModelRequest
    random: int | None = None
    samples: int | None = None
    reference: int | None = None

    def __post_init__(self) -> None:
        if (self.random is None) == (not self.model.data):
            both = self.random is not None
            raise InputError(
                "both --data and --random are given" if both else "no samples to compare on",
                remedy="give one of --data FILE and --random N" if both
                else "give --data FILE, or --random N",
            )  # fmt: skip
        for option, value, least in (
            ("--random", self.random, 1),
            ("--samples", self.samples, 1),
            ("--reference", self.reference, 0),
        ):
            if value is not None and value < least:
                raise InputError(f"{option} is {value}", remedy=f"give {least} or more")


def compare_request(request: CompareRequest, say: Say) -> CompareFacts:
    """Import the model, run everything, and look into what differs.

    Raises:
        InputError: a file or option is wrong.
        UnsupportedError: the model cannot be expressed; every node is listed.
    """
    with tempfile.TemporaryDirectory(prefix="hwcompress-") as place:
        say("read the model", 0, 0)
        opened = open_model(
            request.model,
            Path(place),
            lambda text: say(text, 0, 0),
            random=request.random or 1,
        )
        return _compare(request, opened, say)


def _compare(request: CompareRequest, opened: Opened, say: Say) -> CompareFacts:
    source = source_format(parse_onnx(opened.path))
    imported, given, notes = _samples(request, opened)
    count = request.random if isinstance(given, Drawn) else given.count
    assert count is not None
    blocks = Blocks(given, count, block_size(imported.graph))
    labels = None if isinstance(given, Drawn) else given.labels
    if labels is not None:
        labels = usable_labels(labels, imported.graph, request.model.data)
    reference = request.reference
    if reference is None:
        reference = default_reference(imported, count)
    framework = None
    if opened.real and opened.framework:
        framework = Framework("PyTorch", opened.framework, opened.real)
    work = Comparing(imported, blocks, reference, labels, framework)
    work.run(lambda done: say("compare", done, count), lambda row: settle(work, row))
    say("look into differences", 0, 0)
    first = first_differences(work)
    if reference < count:
        notes = (
            *notes,
            f"float64 and the definition in NumPy ran on the first {reference:,} of {count:,}"
            " samples; --reference N sets how many",
        )
    runtime = f"{work.runtime.who}, {work.runtime.by}" if work.runtime else work.failure
    return CompareFacts(
        opened.label,
        opened.kind or source.kind,
        runtime,
        count,
        given.describe() if isinstance(given, Drawn) else (),
        tuple(row.row() for row in work.tallies),
        work.decisions.rows(),
        first,
        notes,
        all(row.unexplained == 0 for row in work.tallies),
    )


def _samples(
    request: CompareRequest, opened: Opened
) -> tuple[Imported, GivenData | Drawn, tuple[str, ...]]:
    """The imported model, and what it is fed: the user's samples, or drawn ones."""
    wanted = request.model
    stated = wanted.input_type or None
    if opened.samples is None and not wanted.data:
        return _drawn(wanted, opened)
    if opened.samples is not None:
        data = GivenData(wanted.data or "random", opened.samples, opened.labels, opened.notes)
    else:
        data = read_data(wanted.data, wanted.input_scale, onnx_inputs(opened.path))
    if request.samples is not None:
        data = data.first(request.samples)
    imported = import_model(opened.path, samples=data.samples, input_type=stated)
    return imported, data, (*data.notes, *imported.graph.notes)


def _drawn(wanted: ModelRequest, opened: Opened) -> tuple[Imported, Drawn, tuple[str, ...]]:
    """The model with inputs of its own or of an assumed type, and random samples of these."""
    ports = source_format(parse_onnx(opened.path)).inputs
    stated = wanted.input_type or None
    attempt = attempt_import(opened.path, ports, samples=None, input_type=stated)
    imported = attempt.imported
    integral = frozenset(port.name for port in ports if "int" in port.element)
    drawn = Drawn(imported, wanted.seed, normal=attempt.unknown, integral=integral)
    return imported, drawn, (*attempt.assumptions, *imported.graph.notes)
