"""The sweep: draws configurations and measures what the table lacks."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import islice
from pathlib import Path

from hwcompress.errors import CheckFailed, InputError
from hwcompress.hls.estimate.config import Configuration
from hwcompress.hls.estimate.configurations import WEIGHTS, configuration, numbered
from hwcompress.hls.estimate.measure import measure
from hwcompress.hls.estimate.part import parameter_names
from hwcompress.hls.estimate.rows import (
    FAMILIES,
    TABLES,
    Measured,
    Rows,
    load,
    parameters_of,
    save,
)
from hwcompress.tools import Tool, need

__all__ = ["stale", "sweep", "wanted"]

_BATCH = 12  # configurations in one run: some of a run's time does not depend on them


def stale(rows: Rows) -> tuple[tuple[str, str], ...]:
    """Modules, with the family, whose code has changed since they were measured."""
    return tuple(sorted({(row.module, row.family) for row in rows if not row.is_current}))


def sweep(
    *,
    family: str = "xc7",
    limit: int = 3000,
    jobs: int = 1,
    minutes: float | None = None,
    modules: frozenset[str] | None = None,
    path: Path | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Measure the first ``limit`` configurations, except those that the table has.

    The table is written after every run of Yosys: a sweep that is stopped goes on
    where it was.

    Args:
        family: a key of :data:`~hwcompress.hls.estimate.rows.FAMILIES`.
        limit: configurations, from the first one on (of ``modules`` alone, if given).
        jobs: runs of Yosys at a time.
        minutes: start no further run after that time.
        modules: measure only these.
        path: the table; default: that of the family in this package.
        say: gets a line after every run.

    Returns:
        Configurations that are still missing.

    Raises:
        InputError: no such family or module, or the table is damaged.
        MissingToolError: Yosys is not installed.
        CheckFailed: Yosys refuses a configuration.
    """
    if family not in FAMILIES:
        raise InputError(f"no family {family!r}", remedy=f"one of {', '.join(FAMILIES)}")
    if unknown := (modules or frozenset()) - set(WEIGHTS):
        raise InputError(
            f"the sweep does not draw {min(unknown)!r}", remedy=f"one of {', '.join(WEIGHTS)}"
        )
    if limit < 1 or jobs < 1:
        raise InputError("limit and jobs are at least 1")
    yosys = need("yosys", purpose="measuring the library")
    path = path or TABLES[family]
    rows = load(path)
    if _tidy(rows, family):
        save(rows, path)
    todo = wanted(rows, family, islice(numbered(modules), limit))
    batches = iter([todo[i : i + _BATCH] for i in range(0, len(todo), _BATCH)])
    left, stop = len(todo), time.monotonic() + 60 * (minutes if minutes is not None else 1e9)
    with (
        tempfile.TemporaryDirectory() as scratch,
        ThreadPoolExecutor(jobs) as pool,
    ):
        places = [Path(scratch) / str(job) for job in range(jobs)]
        for place in places:
            place.mkdir()
        running: dict[Future[list[Measured]], tuple[Path, int]] = {}
        while True:
            for place in places if time.monotonic() < stop else ():
                batch = next(batches, None)
                if batch is not None:
                    task = pool.submit(_run, batch, family, place, yosys, Rows(rows))
                    running[task] = place, len(batch)
            places = []
            if not running:
                return left
            for task in wait(running, return_when=FIRST_COMPLETED).done:
                place, count = running.pop(task)
                for row in task.result():
                    rows.put(row)
                save(rows, path)
                places.append(place)
                left -= count
                say(f"{family}: {len(rows)} modules, {left} configurations left")


def _tidy(rows: Rows, family: str) -> bool:
    """Remove what no design can contain any more, and numbers that stand for something else.

    A row whose module has other parameters now goes; one that is drawn under another
    number, or not at all, stays as a part.

    Returns:
        Whether there was any.
    """
    found = False
    for row in [row for row in rows if row.family == family]:
        if set(parameters_of(row.parameters)) != parameter_names(row.module):
            rows.drop([row.key])
            found = True
        elif row.number >= 0 and _drawn(row.module, row.number) != row.parameters:
            rows.put(replace(row, number=-1))
            found = True
    return found


def _drawn(module: str, number: int) -> str:
    return configuration(module, number).part.parameters


def wanted(
    rows: Rows, family: str, drawn: Iterable[tuple[str, int]]
) -> list[tuple[int, Configuration]]:
    """Configurations that the table lacks; of equal ones the first.

    Those that a family has no cells for are left out, see :func:`_suits`.
    """
    found: dict[str, tuple[int, Configuration]] = {}
    for module, number in drawn:
        item = configuration(module, number)
        if not _suits(family, item):
            continue
        key = Measured.key_of(family, module, item.part.parameters)
        if not rows.is_whole(key) or rows[key].number < 0:
            found.setdefault(key, (number, item))
    return list(found.values())


def _suits(family: str, item: Configuration) -> bool:
    """Whether a device can hold it: iCE40 has no distributed RAM for weights that are written."""
    return family != "ice40" or item.parameters.get("STYLE") != "distributed"


def _run(
    batch: list[tuple[int, Configuration]], family: str, work: Path, yosys: Tool, known: Rows
) -> list[Measured]:
    """A batch; if Yosys refuses it, one by one, to say which one it is."""
    try:
        return measure(batch, family, work, yosys, known)
    except CheckFailed:
        if len(batch) == 1:
            number, item = batch[0]
            raise CheckFailed(
                f"Yosys refuses configuration {number} of {item.module}",
                where=str(dict(item.parameters)),
            ) from None
    found = Rows()
    for single in _each(batch):
        both = Rows([*known, *found])
        for row in _run(single, family, work, yosys, both):
            found.put(row)
    return list(found)


def _each(
    batch: list[tuple[int, Configuration]],
) -> Iterator[list[tuple[int, Configuration]]]:
    for item in batch:
        yield [item]
