"""From an integer graph and a folding to a folder with a complete design."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl.design import Design, write_file
from hwcompress.hls.rtl.plan import Plan, plan
from hwcompress.ir import Graph

__all__ = ["generate"]


def generate(
    graph: Graph,
    folding: Folding,
    folder: str | Path,
    *,
    top: str = "hwcompress_top",
    fifo_depths: Mapping[str, int] | None = None,
) -> Design:
    """Write ``<top>.v``, the library files it needs, hex files and ``design.json``.

    The same graph and folding give the same bytes. Files of an earlier design
    that are not written again stay; ``design.json`` is written last.

    Args:
        graph: what the design computes.
        folding: lanes of every engine.
        folder: where the files go.
        top: name of the top module.
        fifo_depths: beats, by the names in ``Design.fifos``, in place of the
            computed depths. A design with too small ones may stand still.

    Raises:
        InputError: the folding does not fit the graph, ``top`` is no
            identifier, a depth is wrong, or the folder cannot be written.
        UnsupportedError: an operation has no engine.
    """
    made = plan(graph, folding, top=top)
    depths = _depths(made, fifo_depths or {})
    design = made.design(folder, depths)
    _write(design, made.texts(depths))
    return design


def _depths(made: Plan, given: Mapping[str, int]) -> dict[str, int]:
    """Depths that leave the design its full rate and cannot lock up, but for those given."""
    if set(made.builder.fifos) <= set(given):
        return dict(given)
    # Compiled by Numba, which takes its time; a chain has nothing to size.
    from hwcompress.hls.rtl.timing.sizing import fifo_depths as computed

    return {**computed(made.design()).depths, **given}


def _write(design: Design, texts: Mapping[str, str]) -> None:
    try:
        design.folder.mkdir(parents=True, exist_ok=True)
        (design.folder / "design.json").unlink(missing_ok=True)  # not valid while files change
        for name, text in texts.items():
            write_file(design.folder / name, text)
        design.save()
    except OSError as error:
        raise InputError(
            "cannot be written",
            where=str(design.folder),
            why=error.strerror or str(error),
            remedy="choose another output folder",
        ) from None
