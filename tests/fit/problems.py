"""Random problems, and their answers by trying everything."""

from __future__ import annotations

from itertools import product

import numpy as np

from hwcompress.hls.fit.problem import Cover, Edge, Node, Problem

RESOURCES = ("lut", "bram")


def random_problem(rng: np.random.Generator) -> Problem:
    """Two to five nodes with two to six options, edges that join them to a DAG."""
    count = int(rng.integers(2, 6))
    covered = count > 2 and rng.random() < 0.3
    options = [int(rng.integers(2, 7 if count < 5 else 5)) for _ in range(count)]
    nodes = []
    for number, size in enumerate(options):
        work = rng.integers(10, 400)
        lanes = np.sort(rng.integers(1, 20, size))
        nodes.append(
            Node(
                f"n{number}",
                work // lanes if rng.random() < 0.8 else rng.integers(1, 100, size),
                rng.integers(0, 12, (size, 2)) + np.outer(lanes, rng.integers(0, 8, 2)),
            )
        )
    edges = []
    for target in range(1, count):
        for source in {int(rng.integers(0, target)) for _ in range(int(rng.integers(1, 3)))}:
            groups = [int(rng.integers(1, options[end] + 1)) for end in (source, target)]
            edges.append(
                Edge(
                    source,
                    target,
                    rng.integers(0, groups[0], options[source]),
                    rng.integers(0, groups[1], options[target]),
                    rng.integers(1, 120, groups) * (rng.random(groups) < 0.4),
                    rng.integers(0, 30, (*groups, 2)) * (rng.random(groups) < 0.6)[..., None],
                )
            )
    covers = ()
    if covered:
        takers = rng.choice(np.arange(1, count), 2, replace=False)
        covers = (
            Cover(
                0,
                tuple((int(t), rng.integers(0, options[0], options[int(t)])) for t in takers),
            ),
        )
    return Problem(RESOURCES, tuple(nodes), tuple(edges), covers)


def every_choice(problem: Problem) -> list[tuple[int, np.ndarray]]:
    """Cycles and area of every choice that is allowed."""
    menus = [range(len(node.cycles)) for node in problem.nodes]
    return [
        (problem.cycles(choice), problem.area(choice))
        for choice in product(*menus)
        if problem.allows(choice)
    ]


def random_budget(rng: np.random.Generator, everything: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """Between what hardly any choice needs and what nearly all do."""
    areas = np.array([area for _cycles, area in everything])
    return np.array([int(np.quantile(column, rng.random() ** 2)) for column in areas.T])
