"""Synthesis of a generated design with Yosys."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from hwcompress.boards import Board
from hwcompress.errors import InputError
from hwcompress.hls.rtl.design import Design, write_file
from hwcompress.hls.synth.cells import Resources, resources_of
from hwcompress.hls.synth.hierarchy import Hierarchy, read_hierarchy, readable
from hwcompress.hls.synth.report import LayerUse, ModuleUse, SynthReport
from hwcompress.tools import Tool, need, run

__all__ = ["Plan", "prepare", "short_version", "synthesis_command", "synthesize"]

_SCRIPT, _LOG, _STAT, _INSTANCES = "synth.ys", "yosys.log", "stat.json", "instances.il"


@dataclass(frozen=True, slots=True)
class Plan:
    """A run of Yosys before it happens: a script and the folder to run it in.

    Run ``yosys -s <script>`` in ``cwd``; all names in the script are relative
    to it, because memories are found there by relative name and because the
    YoWASP build sees no absolute path below the temporary folder.
    """

    script: Path
    cwd: Path
    text: str


def prepare(design: Design, work_folder: Path, board: Board, *, flatten: bool = False) -> Plan:
    """Writes the script into ``work_folder`` and returns the plan; starts nothing.

    Raises:
        InputError: the work folder cannot be written.
    """
    try:
        work_folder.mkdir(parents=True, exist_ok=True)
        here = os.path.relpath(work_folder, design.folder)
        text = _script(design, here, board, flatten)
        script = work_folder / (f"flat_{_SCRIPT}" if flatten else _SCRIPT)
        write_file(script, text)
    except OSError as error:
        raise InputError(
            "the synthesis folder cannot be written", where=str(work_folder), why=str(error)
        ) from error
    return Plan(script, design.folder, text)


def _script(design: Design, here: str, board: Board, flatten: bool) -> str:
    prefix = "flat_" if flatten else ""
    lines = [
        f"# {design.graph} for {board.title} ({board.part}), out of context.",
        "# Run it in the folder of the design.",
        # Deferred: a library module has no memory file until it has parameters.
        *(f'read_verilog -defer "{name}"' for name in design.files),
        f"hierarchy -check -top {design.top}",
        # While the top is still a list of instances: which instance is which module.
        f'tee -q -o "{here}/{prefix}{_INSTANCES}" dump {design.top}/t:*',
        synthesis_command(board, design.top, flatten=flatten),
        "check",
        f'tee -q -o "{here}/{prefix}{_STAT}" stat -json',
    ]
    return "\n".join(lines) + "\n"


def synthesis_command(board: Board, top: str, *, flatten: bool = False) -> str:
    """The command of the board's family for a top module.

    Out of context: the design becomes part of a larger one, so that neither
    pads nor clock buffers are inserted.
    """
    match board.family:
        case "ice40":
            # The UltraPlus devices are those with DSPs.
            options = "-device u -dsp" if board.capacity.dsp else "-device hx"
            return f"synth_ice40 {options} -top {top}{'' if flatten else ' -noflatten'}"
        case "ecp5":
            return f"synth_ecp5 -top {top}{'' if flatten else ' -noflatten'}"
        case _:
            options = f"-family {board.family} -top {top} -noiopad -noclkbuf"
            return f"synth_xilinx {options}{' -flatten' if flatten else ''}"


def synthesize(
    design_folder: Path,
    work_folder: Path,
    *,
    board: Board,
    flatten: bool = False,
    yosys: Tool | None = None,
) -> SynthReport:
    """Resources of the whole design, of each layer and of each module.

    Args:
        design_folder: a generated design.
        work_folder: for script, log and statistics.
        board: its family selects the target, its capacity the shares.
        flatten: synthesize a second time with the hierarchy dissolved; takes
            more than as long again, and gives ``report.flattened``.
        yosys: the tool; default: the one of this machine.

    Raises:
        MissingToolError: Yosys is not installed.
        CheckFailed: Yosys refuses the design; its message is quoted.
    """
    tool = yosys or need("yosys", purpose="synthesis")
    design = Design.load(design_folder)
    hierarchy, seconds = _execute(tool, design, work_folder, board, flatten=False)
    flat: Resources | None = None
    if flatten:
        dissolved, more = _execute(tool, design, work_folder, board, flatten=True)
        flat, seconds = dissolved.resources(design.top), seconds + more
    layers = tuple(
        LayerUse(layer.op, layer.kind, _sum(hierarchy, layer.modules)) for layer in design.layers
    )
    claimed = {name for layer in design.layers for name in layer.modules}
    rest = [name for name in hierarchy.instances if name not in claimed]
    own = {k: n for k, n in hierarchy.cells[design.top].items() if k not in hierarchy.cells}
    return SynthReport(
        tool=short_version(hierarchy.creator),
        tool_origin=tool.origin,
        board=board.name,
        part=board.part,
        total=hierarchy.resources(design.top),
        top_only=resources_of(own) + _sum(hierarchy, rest),
        modules=tuple(
            ModuleUse(readable(module), count, hierarchy.resources(module))
            for module, count in sorted(hierarchy.occurrences().items())
        ),
        layers=layers,
        cells=dict(hierarchy.primitives(design.top)),
        seconds=round(seconds, 1),
        script=_SCRIPT,
        log=_LOG,
        capacity=SynthReport.capacity_of(board),
        flattened=flat,
        bram_name=board.kind.bram_name,
    )


def _execute(
    tool: Tool, design: Design, work: Path, board: Board, *, flatten: bool
) -> tuple[Hierarchy, float]:
    plan = prepare(design, work, board, flatten=flatten)
    prefix = "flat_" if flatten else ""
    stat, instances = work / f"{prefix}{_STAT}", work / f"{prefix}{_INSTANCES}"
    for old in (stat, instances):  # a stale file must not be taken for the result
        old.unlink(missing_ok=True)
    script = os.path.relpath(plan.script, plan.cwd)
    done = run(tool, ["-s", script], cwd=plan.cwd, log=work / f"{prefix}{_LOG}")
    return read_hierarchy(stat, instances, design.top), done.seconds


def short_version(creator: str) -> str:
    """Yosys's own name and version, without the compiler that built it."""
    return re.sub(r"(\(git sha1 \w+).*", r"\1)", creator)


def _sum(hierarchy: Hierarchy, instances: tuple[str, ...] | list[str]) -> Resources:
    total = Resources()
    for name in instances:
        total += hierarchy.resources(_module_of(hierarchy, name))
    return total


def _module_of(hierarchy: Hierarchy, instance: str) -> str:
    try:
        return hierarchy.instances[instance]
    except KeyError:
        raise InputError(
            f"design.json names an instance {instance!r} that the top does not have",
            remedy="generate the design again",
        ) from None
