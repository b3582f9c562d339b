"""Registers that sums are formed in, and what happened in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from hwcompress.errors import InputError
from hwcompress.ir import Add, Conv, ConvTranspose, Dense, Graph, Op, SumPool

__all__ = ["MOST_BITS", "SUMS", "Accumulators", "Overflow", "SumCounter", "Tally"]

Overflow = Literal["wrap", "saturate"]

SUMS = (Dense, Conv, ConvTranspose, SumPool, Add)
"""Operations that add up."""

MOST_BITS = 62
"""No integer of a graph reaches 2**62, so no wider register is of use."""


@dataclass(frozen=True)
class Accumulators:
    """Width of the registers in which layers add up, and what an overflow does.

    Args:
        bits: of a signed register: one number for every layer that adds up (Dense, Conv,
            ConvTranspose, SumPool, Add), or one by layer name. A layer without a number has
            the width of its own result, as the generated hardware.
        overflow: ``wrap``: two's complement, modulo 2**bits. ``saturate``: clamped after
            every addition (docs/effects.md says in which order they happen).

    Raises:
        InputError: bits below 1 or above 62, or another kind of overflow.
    """

    bits: int | Mapping[str, int] | None = None
    overflow: Overflow = "wrap"

    def __post_init__(self) -> None:
        if self.overflow not in ("wrap", "saturate"):
            raise InputError(
                f"overflow {self.overflow!r}",
                where="accumulators",
                remedy="choose 'wrap' or 'saturate'",
            )
        if isinstance(self.bits, Mapping):
            for layer, bits in self.bits.items():
                _check(bits, f"accumulator of layer {layer!r}")
        elif self.bits is not None:
            _check(self.bits, "accumulators")

    def by_layer(self, graph: Graph) -> dict[str, int]:
        """Bits of every layer that has a number.

        Raises:
            InputError: a name is no layer of the graph, or of one that does not add up.
        """
        summing = {op.name: op for op in graph.layers if isinstance(op, SUMS)}
        if self.bits is None:
            return {}
        if not isinstance(self.bits, Mapping):
            return dict.fromkeys(summing, self.bits)
        for name in self.bits:
            if name not in summing:
                raise _no_sum(graph, name, list(summing))
        return dict(self.bits)


@dataclass(slots=True)
class Tally:
    """What one thread counts of one layer, as in :class:`SumCounter`."""

    sums: int = 0
    overflowed: int = 0
    changed: int = 0
    samples: int = 0
    touched: int = 0
    wrong: int = 0


@dataclass(frozen=True)
class SumCounter:
    """What happened in the registers of one layer, over all samples so far.

    Attributes:
        layer: its name.
        bits: width of the register.
        overflow: what an overflow does.
        sums: sums that were formed.
        overflowed: those in which at least one addition left the register's range.
        changed: those whose result is not the exact sum. With ``wrap`` an overflow on the
            way does no harm where the exact sum fits; with ``saturate`` most do.
        samples: samples that were seen.
        samples_overflowed: those with at least one sum that overflowed.
        samples_changed: those with at least one sum that is not exact.
    """

    layer: str
    bits: int
    overflow: Overflow
    sums: int = 0
    overflowed: int = 0
    changed: int = 0
    samples: int = 0
    samples_overflowed: int = 0
    samples_changed: int = 0

    def plus(self, tally: Tally) -> SumCounter:
        """With what further samples showed."""
        return replace(
            self,
            sums=self.sums + tally.sums,
            overflowed=self.overflowed + tally.overflowed,
            changed=self.changed + tally.changed,
            samples=self.samples + tally.samples,
            samples_overflowed=self.samples_overflowed + tally.touched,
            samples_changed=self.samples_changed + tally.wrong,
        )


def _check(bits: object, where: str) -> None:
    if not isinstance(bits, int) or isinstance(bits, bool) or not 1 <= bits <= MOST_BITS:
        raise InputError(
            f"{bits!r} bits",
            where=where,
            remedy=f"give a whole number from 1 to {MOST_BITS}",
        )


def _no_sum(graph: Graph, name: str, summing: list[str]) -> InputError:
    found: Op | None = next((op for op in graph.ops if op.name == name), None)
    what = f"{found.kind} {name!r} adds nothing up" if found else f"no layer {name!r}"
    return InputError(
        f"{what}, so it has no accumulator",
        where=graph.name,
        remedy=f"layers that add up: {', '.join(summing) or 'none'}",
    )
