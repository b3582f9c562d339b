"""Bits for each layer under a budget: the choice with the least expected loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hwcompress.errors import InputError

__all__ = ["Choice", "Option", "choose_bits"]


@dataclass(frozen=True)
class Option:
    """One number of bits for one layer.

    Args:
        bits: of its weights and of what it reads.
        cost: what the layer then takes, in the units of the budgets.
        loss: how much the network's loss grows by it.
    """

    bits: int
    cost: tuple[float, ...]
    loss: float


@dataclass(frozen=True)
class Choice:
    """Bits of all layers.

    Args:
        bits: by layer.
        cost: the layers' sum.
        loss: likewise: what would be lost if layers did not act on each other.
    """

    bits: dict[str, int]
    cost: tuple[float, ...]
    loss: float


def choose_bits(options: Mapping[str, Sequence[Option]], budget: Sequence[float | None]) -> Choice:
    """The choice with the smallest sum of losses whose sums of costs keep to the budget.

    Exact: layer by layer all sums are kept but those that another one beats in every
    respect. Of equal ones that of smaller cost is taken.

    Args:
        options: by layer, at least one each.
        budget: for each of the costs; ``None`` where there is none.

    Raises:
        InputError: even the cheapest choice is above the budget.
    """
    fronts = [Choice({}, (0.0,) * len(budget), 0.0)]
    for layer, several in options.items():
        sums = [
            Choice(
                {**before.bits, layer: option.bits},
                tuple(a + b for a, b in zip(before.cost, option.cost, strict=True)),
                before.loss + option.loss,
            )
            for before in fronts
            for option in several
        ]
        within = [item for item in sums if _keeps(item, budget)]
        if not within:
            least = min(sums, key=lambda item: sum(item.cost))
            raise InputError(
                f"the layers do not fit the budget: up to {layer!r} they take at least"
                f" {', '.join(f'{cost:,.10g}' for cost in least.cost)}",
                remedy="allow more, offer fewer bits, or more clock cycles (--target-cycles)",
            )
        fronts = _front(within)
    return min(fronts, key=lambda item: (item.loss, item.cost))


def _keeps(item: Choice, budget: Sequence[float | None]) -> bool:
    return all(most is None or cost <= most for cost, most in zip(item.cost, budget, strict=True))


def _front(items: Sequence[Choice]) -> list[Choice]:
    """Those that no other one beats or equals in loss and in every cost."""
    kept: list[Choice] = []
    for item in sorted(items, key=lambda item: (item.loss, item.cost)):
        beaten = any(
            all(a <= b for a, b in zip(other.cost, item.cost, strict=True)) for other in kept
        )
        if not beaten:
            kept.append(item)
    return kept
