"""Bits under a budget: the choice equals that of trying everything."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hwcompress.compress.mixed import Option, choose_bits
from hwcompress.errors import InputError

BITS = (2, 3, 4, 6, 8)


def drawn(seed: int, layers: int = 5) -> dict[str, list[Option]]:
    random = np.random.default_rng(seed)
    found = {}
    for index in range(layers):
        luts = np.sort(random.integers(10, 300, len(BITS)))
        brams = np.sort(random.integers(0, 5, len(BITS))) / 2
        losses = np.sort(random.random(len(BITS)))[::-1] - 0.1
        random.shuffle(losses[:2])  # more bits are not always better
        found[f"layer{index}"] = [
            Option(bits, (float(lut), float(bram)), float(loss))
            for bits, lut, bram, loss in zip(BITS, luts, brams, losses, strict=True)
        ]
    return found


def everything(options: dict[str, list[Option]], budget: tuple[float | None, ...]) -> float:
    """The smallest loss of all choices that keep to the budget."""
    best = np.inf
    for several in itertools.product(*options.values()):
        cost = [sum(item.cost[index] for item in several) for index in range(2)]
        if all(most is None or used <= most for used, most in zip(cost, budget, strict=True)):
            best = min(best, sum(item.loss for item in several))
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("budget", [(600.0, None), (None, 4.0), (700.0, 5.0), (None, None)])
def test_as_good_as_trying_everything(seed, budget) -> None:
    options = drawn(seed)
    best = everything(options, budget)
    if best == np.inf:
        with pytest.raises(InputError, match="do not fit the budget"):
            choose_bits(options, budget)
        return
    choice = choose_bits(options, budget)
    assert choice.loss == pytest.approx(best)
    assert list(choice.bits) == list(options)
    chosen = [
        next(item for item in several if item.bits == choice.bits[layer])
        for layer, several in options.items()
    ]
    assert choice.cost == tuple(sum(item.cost[index] for item in chosen) for index in range(2))
    assert all(most is None or cost <= most for cost, most in zip(choice.cost, budget, strict=True))


def test_greedy_would_be_wrong() -> None:
    """The layer with the best loss for its cost does not belong to the best choice."""
    options = {
        "a": [Option(2, (1.0,), 10.0), Option(4, (2.0,), 5.0), Option(8, (9.0,), 0.0)],
        "b": [Option(2, (1.0,), 10.0), Option(8, (9.0,), 0.0)],
    }
    assert choose_bits(options, (10.0,)).bits == {"a": 8, "b": 2}
    assert choose_bits(options, (11.0,)).bits == {"a": 4, "b": 8}


def test_cheaper_of_equal_ones() -> None:
    options = {"a": [Option(8, (5.0,), 1.0), Option(4, (2.0,), 1.0)]}
    assert choose_bits(options, (None,)).bits == {"a": 4}


def test_nothing_fits() -> None:
    options = {"a": [Option(2, (5.0,), 0.0)], "b": [Option(2, (6.0,), 0.0)]}
    with pytest.raises(InputError, match="up to 'b' they take at least 11"):
        choose_bits(options, (10.0,))
