"""What Yosys makes of unrolled layers whose weights are known, before any mapping."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hwcompress.hls.folding import Folding, Lanes
from hwcompress.hls.rtl import generate
from hwcompress.ir import Dense, Graph, Input, IntType, Output, int_range
from hwcompress.tools import need, run

MERGED = ("opt -full",)
"""All that Yosys does to a netlist, equal cells made one."""

UNMERGED = ("opt_expr -full", "opt_dff", "opt_clean") * 6
"""Constants spread, and nothing shared."""


def dense_graph(
    weights: Sequence[np.ndarray], atype: IntType, wtype: IntType | None = None
) -> Graph:
    """Dense layers one behind the other, without anything between them.

    Args:
        weights: of each, (outputs, inputs).
        atype: of the first one's inputs.
        wtype: of the weights; by default what they take.
    """
    columns = weights[0].shape[1]
    ops: list[object] = [
        Input("input", (), ("x0",), (columns,), (0,), (columns,), atype, 1.0),
    ]
    for number, weight in enumerate(weights):
        names = (f"layer{number}", (f"x{number}",), (f"x{number + 1}",))
        ops.append(Dense(*names, weight, wtype or int_range(weight), None))
    ops.append(Output("output", (f"x{len(weights)}",), (), (), ()))
    return Graph.build("layers", ops)


def cells(graph: Graph, folder: Path, passes: Sequence[str] = MERGED) -> dict[str, int]:
    """Cells by type of the generated Verilog of a graph of dense layers, all unrolled."""
    layers = [op for op in graph.ops if isinstance(op, Dense)]
    lanes = {op.name: Lanes(*op.weight.shape) for op in layers}
    design = generate(graph, Folding(lanes), folder / "rtl")
    stat = folder / "stat.json"
    script = [
        *(f'read_verilog -defer "{name}"' for name in design.files),
        f"hierarchy -check -top {design.top}",
        "proc",
        "flatten",
        "opt_expr",
        "opt_clean",
        "memory_dff",
        "opt_mem",
        *passes,
        f'tee -q -o "{os.path.relpath(stat, design.folder)}" stat -json',
        "",
    ]
    (design.folder / "count.ys").write_text("\n".join(script), encoding="utf-8")
    yosys = need("yosys", purpose="counting cells")
    run(yosys, ["-s", "count.ys"], cwd=design.folder, log=folder / "yosys.log")
    modules = json.loads(stat.read_text(encoding="utf-8"))["modules"]
    found: dict[str, int] = modules[f"\\{design.top}"]["num_cells_by_type"]
    return found
