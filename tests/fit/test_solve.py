"""The search against trying everything."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hwcompress.hls.fit.reduce import reduced
from hwcompress.hls.fit.solve import fastest, smallest

from .problems import every_choice, random_budget, random_problem


@pytest.mark.parametrize("first", range(0, 100, 10))
def test_the_fastest_choice_is_an_optimum(first: int) -> None:
    for seed in range(first, first + 10):
        rng = np.random.default_rng(seed)
        problem = random_problem(rng)
        everything = every_choice(problem)
        if not everything:
            continue
        budget = random_budget(rng, everything)
        inside = [cycles for cycles, area in everything if (area <= budget).all()]
        best = fastest(problem, budget, gap=0)
        if not inside:
            assert best is None, f"seed {seed}"
            continue
        assert best is not None, f"seed {seed}"
        assert best.found.cycles == best.least_cycles == min(inside), f"seed {seed}"
        assert best.is_proven
        choice = best.found.choice
        assert problem.allows(choice)
        assert problem.cycles(choice) == min(inside)
        assert (problem.area(choice) <= budget).all()
        assert np.array_equal(problem.area(choice), best.found.area)


@pytest.mark.parametrize("first", range(1000, 1100, 10))
def test_the_smallest_choice_is_an_optimum(first: int) -> None:
    for seed in range(first, first + 10):
        rng = np.random.default_rng(seed)
        problem = random_problem(rng)
        everything = every_choice(problem)
        if not everything:
            continue
        budget = random_budget(rng, everything)
        cycles = int(rng.choice([cycles for cycles, _area in everything]))
        fast = np.array(
            [area for slow, area in everything if slow <= cycles and (area <= budget).all()]
        ).reshape(-1, 2)
        found = smallest(problem, budget, cycles, gap=0)
        if not len(fast):
            assert found is None, f"seed {seed}"
            continue
        assert found is not None, f"seed {seed}"
        assert problem.allows(found.choice)
        assert problem.cycles(found.choice) <= cycles
        shares = fast / np.maximum(budget, 1)
        widest = shares.max(axis=1)
        least = shares[widest <= widest.min() + 1e-9].sum(axis=1).min()
        assert found.share == pytest.approx(widest.min(), abs=1e-9), f"seed {seed}"
        assert found.least_share == pytest.approx(found.share, abs=1e-8), f"seed {seed}"
        assert found.total == pytest.approx(least, abs=1e-6), f"seed {seed}"
        assert found.least_total == pytest.approx(least, abs=1e-6), f"seed {seed}"


@pytest.mark.parametrize("first", range(2000, 2100, 25))
def test_bounds_hold_where_a_gap_is_allowed(first: int) -> None:
    for seed in range(first, first + 25):
        rng = np.random.default_rng(seed)
        problem = random_problem(rng)
        everything = every_choice(problem)
        if not everything:
            continue
        budget = random_budget(rng, everything)
        best = fastest(problem, budget)
        inside = [(c, area) for c, area in everything if (area <= budget).all()]
        assert (best is not None) == bool(inside), f"seed {seed}"
        if best is None:
            continue
        least = min(cycles for cycles, _area in inside)
        assert best.least_cycles <= least <= best.found.cycles
        same = [a / np.maximum(budget, 1) for c, a in inside if c <= best.found.cycles]
        assert best.found.least_share <= min(a.max() for a in same) + 1e-12
        narrow = [a.sum() for a in same if a.max() <= best.found.share]
        assert best.found.least_total <= min(narrow) + 1e-12


@pytest.mark.parametrize("first", range(3000, 3100, 25))
def test_what_is_left_out_is_never_needed(first: int) -> None:
    """For every choice that is fast and small enough there is one as small among what is left."""
    for seed in range(first, first + 25):
        rng = np.random.default_rng(seed)
        problem = random_problem(rng)
        everything = every_choice(problem)
        if not everything:
            continue
        budget = random_budget(rng, everything)
        cycles = int(rng.choice([cycles for cycles, _area in everything]))
        before = [area for c, area in everything if c <= cycles and (area <= budget).all()]
        left = reduced(problem, cycles, budget)
        choices = product(*left.kept) if left is not None else ()
        after = np.array(
            [problem.area(c) for c in choices if problem.allows(c) and problem.cycles(c) <= cycles]
        ).reshape(-1, 2)
        for area in before:
            assert (after <= area).all(axis=1).any(), f"seed {seed}"
