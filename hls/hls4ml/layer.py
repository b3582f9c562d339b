"""What is handed to hls4ml, as plain records: a layer, and the context of a lowering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.hls.hls4ml.precision import DOUBLE_EXACT, Precision
from hwcompress.ir import Op, Realisation, TensorType

__all__ = [
    "REALISATION",
    "Attribute",
    "Choice",
    "Handler",
    "Layer",
    "Site",
    "check_file_values",
    "refuse",
]

Attribute = int | str | bool | list[int] | np.ndarray | None


@dataclass(frozen=True, slots=True)
class Site:
    """Where an operation stands: its types and the style of the project.

    ``sources`` are the types of its inputs (of an Input: of its result),
    ``results`` of its outputs (of an Output: of its input). An operation with
    several outputs becomes a layer for each; ``part`` is the output's number.
    ``stream`` is whether tensors travel as streams of pixels (io_stream) or
    as whole arrays (io_parallel). ``reuse`` is the user's wish for this
    operation, or None.
    """

    sources: tuple[TensorType, ...]
    results: tuple[TensorType, ...]
    stream: bool
    reuse: int | None
    part: int = 0

    @property
    def source(self) -> TensorType:
        """Type of the first input."""
        return self.sources[0]

    @property
    def result(self) -> TensorType:
        """Type of the output that the layer makes."""
        return self.results[self.part]


@dataclass(frozen=True, eq=False)
class Choice:
    """How one operation becomes an hls4ml layer.

    Attributes:
        class_name: hls4ml's name of the layer class, ours start with ``Hwc``.
        attributes: entries of hls4ml's layer dictionary.
        result: type of the output.
        types: exact type of everything else, by hls4ml's names
            (``weight``, ``bias``, ``accum``, ...).
        reuse: reuse factor, multiplications that share one multiplier.
        strategy: hls4ml's strategy, ``Latency`` or ``Resource``.
        whole_pixels: whether a streamed input must come in packs of its
            channels, as it does not after a Reshape.
    """

    class_name: str
    attributes: Mapping[str, Attribute]
    result: Precision
    types: Mapping[str, Precision] = field(default_factory=dict)
    reuse: int = 1
    strategy: str = "Latency"
    whole_pixels: bool = False


@dataclass(frozen=True, eq=False)
class Layer:
    """A :class:`Choice` with a place in the graph.

    ``sources`` are the layers it reads, none for an input; ``tensor`` the
    tensor of the integer graph that it makes.
    """

    name: str
    sources: tuple[str, ...]
    tensor: str
    shape: tuple[int, ...]
    choice: Choice


Handler = Callable[[Op, Site], Choice]

REALISATION: Realisation[Handler] = Realisation("hls4ml", "hls4ml (Vitis) C++")


def refuse(op: Op, what: str, *, why: str, remedy: str) -> UnsupportedError:
    """An :class:`UnsupportedError` that names the operation (to be raised by the caller)."""
    return UnsupportedError(what, where=f"{op.kind} {op.name!r}", why=why, remedy=remedy)


def check_file_values(op: Op, values: np.ndarray) -> None:
    """Raise :class:`UnsupportedError` unless hls4ml's weight files hold the integers exactly."""
    largest = max(abs(int(values.min())), abs(int(values.max())))
    if largest > DOUBLE_EXACT:
        raise refuse(
            op,
            f"the constant {largest} cannot be written to an hls4ml weight file",
            why="the files carry integers as double, exact up to 2^53",
            remedy="use smaller constants",
        )
