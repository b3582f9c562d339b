"""What is handed to hls4ml, as plain records: a layer, and the context of a lowering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.hls.hls4ml.precision import Precision
from hwcompress.ir import Op, Realisation, TensorType

__all__ = ["REALISATION", "Attribute", "Choice", "Handler", "Layer", "Site", "refuse"]

Attribute = int | str | bool | list[int] | np.ndarray | None


@dataclass(frozen=True, slots=True)
class Site:
    """Where an operation stands: its types and the style of the project.

    ``stream`` is whether tensors travel as streams of pixels (io_stream) or
    as whole arrays (io_parallel). ``reuse`` is the user's wish for this
    operation, or None.
    """

    source: TensorType
    result: TensorType
    stream: bool
    reuse: int | None


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
    """

    class_name: str
    attributes: Mapping[str, Attribute]
    result: Precision
    types: Mapping[str, Precision] = field(default_factory=dict)
    reuse: int = 1
    strategy: str = "Latency"


@dataclass(frozen=True, eq=False)
class Layer:
    """A :class:`Choice` with a place in the graph.

    ``source`` is the layer it reads, None for an input; ``tensor`` the tensor
    of the integer graph that it makes.
    """

    name: str
    source: str | None
    tensor: str
    shape: tuple[int, ...]
    choice: Choice


Handler = Callable[[Op, Site], Choice]

REALISATION: Realisation[Handler] = Realisation("hls4ml", "hls4ml (Vitis) C++")


def refuse(op: Op, what: str, *, why: str, remedy: str) -> UnsupportedError:
    """An :class:`UnsupportedError` that names the operation (to be raised by the caller)."""
    return UnsupportedError(what, where=f"{op.kind} {op.name!r}", why=why, remedy=remedy)
