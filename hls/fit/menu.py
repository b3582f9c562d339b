"""How an engine may be made: its lanes, its multipliers, its memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from hwcompress.errors import InputError
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.folding.engines import Engine
from hwcompress.hls.folding.style import Memory, Multiplier
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph, Op

__all__ = ["DEFAULT_OFFER", "Offer", "Option", "options_of"]

Option = tuple[Lanes, Style]


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be chosen besides the lanes.

    Args:
        multipliers: kinds for products that are no mere sign or selection.
        memories: kinds for weights of more than one word.
        dsp: signed widths of a DSP block's two factors.
    """

    multipliers: tuple[Multiplier, ...] = ("lut", "dsp", "packed")
    memories: tuple[Memory, ...] = ("logic", "block")
    dsp: tuple[int, int] = Style().dsp

    def __post_init__(self) -> None:
        for given, known in ((self.multipliers, Multiplier), (self.memories, Memory)):
            if not given or not set(given) <= set(get_args(known)):
                raise InputError(
                    f"{given!r} is no choice",
                    remedy=f"give one or more of {', '.join(get_args(known))}",
                )


DEFAULT_OFFER = Offer()


def options_of(
    op: Op, graph: Graph, item: Engine, offer: Offer = DEFAULT_OFFER, fixed: Folding | None = None
) -> tuple[Option, ...]:
    """Everything that an engine can be.

    Args:
        op: the operation.
        graph: in which it stands.
        item: its engine.
        offer: kinds of multipliers and memories.
        fixed: engines that it names have these lanes; those with a style have that.

    Raises:
        InputError: lanes in ``fixed`` are not legal.
    """
    lanes = item.choices()
    if fixed is not None and op.name in fixed.lanes:
        if fixed.lanes[op.name] not in lanes:
            raise InputError(f"{fixed.lanes[op.name]} cannot fold {op.kind} {op.name!r}")
        lanes = (fixed.lanes[op.name],)
    if fixed is not None and op.name in fixed.styles:
        return tuple((some, fixed.styles[op.name]) for some in lanes)
    return tuple((some, style) for some in lanes for style in _styles(op, graph, some, offer))


def _styles(op: Op, graph: Graph, lanes: Lanes, offer: Offer) -> tuple[Style, ...]:
    if not isinstance(op, Conv | ConvTranspose | Dense):
        return (Style(),)
    source = graph.input_types(op)[0].dtype
    signs = any(kind.is_bipolar or kind.is_ternary for kind in (source, op.wtype))
    multipliers = ("auto",) if signs else offer.multipliers
    words = op.weight.size // (lanes.pe * lanes.simd)
    # A single word is a constant, wherever it is said to be kept.
    memories = ("logic",) if words == 1 and "logic" in offer.memories else offer.memories
    return tuple(
        Style(multiplier, memory, dsp=offer.dsp)
        for multiplier in multipliers
        for memory in memories
    )
