"""Synthesis for the board's part."""

from __future__ import annotations

from hwcompress import boards
from hwcompress.flow.step import Context
from hwcompress.flow.steps.arrays import save_result
from hwcompress.hls.synth import Resources, synthesize, vendor_tools
from hwcompress.report.facts import MEASURED, ModuleFacts, SynthFacts, Utilization

__all__ = ["run_synthesize"]


def run_synthesize(context: Context) -> SynthFacts:
    """The whole design, its layers and modules, out of context."""
    board = boards.load(context.settings.board)
    seen = synthesize(context.folder / "rtl", context.work, board=board)
    notes = [
        "resources: netlist of the whole design after synthesis, not placed and not routed;"
        " modules are not optimised across their boundaries"
    ]
    if not seen.fits:
        over = [share.name for share in seen.shares if share.used > share.available]
        notes.append(
            f"the design does not fit {board.title}: {', '.join(over)};"
            " ask for more cycles (--target-cycles)"
        )
    notes += [str(tool) for tool in vendor_tools() if not tool.found]
    facts = SynthFacts(
        _utilization(seen.total),
        {layer.op: _utilization(layer.resources) for layer in seen.layers},
        _utilization(seen.top_only),
        tuple(
            ModuleFacts(module.module, module.instances, _utilization(module.resources))
            for module in seen.modules
        ),
        MEASURED,
        f"{seen.tool}, synthesis for {seen.part}",
        tuple(notes),
    )
    save_result(context.out / "synth" / "synth.json", facts)
    return facts


def _utilization(found: Resources) -> Utilization:
    return Utilization(found.lut, found.ff, float(found.bram), found.dsp)
