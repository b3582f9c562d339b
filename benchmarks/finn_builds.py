"""FINN's estimates beside FINN's own synthesis, from public build reports."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hwcompress.errors import InputError

__all__ = ["ESTIMATES", "TOP", "Matrix", "Node", "load"]

ESTIMATES = Path(__file__).with_name("finn_estimates.csv")
"""FINN's estimates of the nodes, and the parameters of its matrix units."""

TOP = "(top)"
"""The node that stands for a whole design."""

_PARTITION = re.compile(r"^StreamingDataflowPartition_\d+_")
_NUMBER = re.compile(r"_\d+$")


@dataclass(frozen=True, slots=True)
class Matrix:
    """Parameters of a matrix-vector unit: ``rows`` outputs of ``columns`` inputs.

    ``weights``, ``inputs`` and ``outputs`` are FINN's names of types; ``thresholds`` is
    whether they make its outputs.
    """

    columns: int
    rows: int
    pe: int
    simd: int
    weights: str
    inputs: str
    outputs: str
    thresholds: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a build, as synthesized, and as estimated before.

    Args:
        build: repository and folder.
        name: of the node, or :data:`TOP`.
        lut: after synthesis, those that are memory included.
        bram18: block RAMs of 18 kbit after synthesis.
        dsp: after synthesis.
        est_lut: FINN's estimate; None if it made none.
        est_bram18: likewise.
        est_dsp: likewise.
        hls_lut: estimate of the C synthesis; None if there was none.
        matrix: parameters, of matrix-vector units whose graph is public.
    """

    build: str
    name: str
    lut: int
    bram18: int
    dsp: int
    est_lut: int | None = None
    est_bram18: int | None = None
    est_dsp: int | None = None
    hls_lut: int | None = None
    matrix: Matrix | None = None

    @property
    def kind(self) -> str:
        """The class of the node, such as ``MVAU_hls``."""
        return _NUMBER.sub("", _PARTITION.sub("", self.name))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            yield from csv.DictReader(stream)
    except OSError as error:
        raise InputError(
            "cannot be read", where=str(path), why=error.strerror or str(error),
            remedy="give the table of FINN's builds with --builds",
        ) from None  # fmt: skip


def load(builds: Path, estimates: Path = ESTIMATES) -> list[Node]:
    """Every node of the builds, with the estimates of those that have one.

    A build whose figures are all those of an earlier one is left out.

    Args:
        builds: the table of what synthesis reported.
        estimates: the table of what FINN estimated.

    Raises:
        InputError: a table cannot be read or is no such table.
    """
    known = {(row["repo"], row["build"], row["node"]): row for row in _rows(estimates)}
    found: dict[str, list[Node]] = {}
    for number, row in enumerate(_rows(builds), 2):
        try:
            node = _node(row, known.get((row["repo"], row["build"], row["node"])))
        except (KeyError, ValueError) as error:
            raise InputError(
                "no row of a build", where=f"{builds}:{number}", why=f"{error!r}",
                remedy="columns repo, build, node, post_LUT, post_BRAM_36K, _18K and post_DSP",
            ) from None  # fmt: skip
        found.setdefault(node.build, []).append(node)
    seen = set()
    kept: list[Node] = []
    for nodes in found.values():
        figures = tuple((node.name, node.lut, node.bram18, node.est_lut) for node in nodes)
        if figures not in seen:
            kept += nodes
        seen.add(figures)
    return kept


def _node(row: Mapping[str, str], estimate: Mapping[str, str] | None) -> Node:
    build = f"{row['repo']}:{row['build'].removesuffix('/').removesuffix('/report')}"
    bram18 = 2 * int(row["post_BRAM_36K"]) + int(row["post_BRAM_18K"])
    lut, dsp = int(row["post_LUT"]), int(row["post_DSP"])
    if estimate is None:
        return Node(build, row["node"], lut, bram18, dsp)
    return Node(
        build, row["node"], lut, bram18, dsp,
        est_lut=int(estimate["est_lut"]), est_bram18=int(estimate["est_bram18"]),
        est_dsp=int(estimate["est_dsp"]),
        hls_lut=int(estimate["hls_lut"]) if estimate["hls_lut"] else None,
        matrix=_matrix(estimate),
    )  # fmt: skip


def _matrix(row: Mapping[str, str]) -> Matrix | None:
    if not row["mw"]:
        return None
    return Matrix(
        int(row["mw"]), int(row["mh"]), int(row["pe"]), int(row["simd"]), row["weights"],
        row["inputs"], row["outputs"], row["thresholds"] == "1",
    )  # fmt: skip
