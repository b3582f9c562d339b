"""Resources of the generated design before synthesis."""

from __future__ import annotations

from hwcompress import boards
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.flow.estimates import estimate_facts
from hwcompress.flow.step import Context
from hwcompress.flow.steps.arrays import save_result
from hwcompress.hls.estimate import estimate_design
from hwcompress.hls.rtl import Design
from hwcompress.report.facts import ExpectedFacts

__all__ = ["run_estimate"]


def run_estimate(context: Context) -> ExpectedFacts:
    """The whole design and its layers, with the interval in which nine of ten lie.

    A module without an estimate is no reason to stop: synthesis counts it.
    """
    board = boards.load(context.settings.board)
    design = Design.load(context.folder / "rtl")
    try:
        found = estimate_facts(estimate_design(design, family=board.family))
        facts = ExpectedFacts(found, found.notes)
    except (InputError, UnsupportedError) as error:
        facts = ExpectedFacts(None, (f"resources are not estimated: {error.what}",))
    save_result(context.out / "estimate.json", facts)
    return facts
