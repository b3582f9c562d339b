"""Synthesis for the board's part."""

from __future__ import annotations

from hwcompress import boards
from hwcompress.flow.step import Context
from hwcompress.report.facts import SynthFacts

__all__ = ["run_synthesize"]


def run_synthesize(context: Context) -> SynthFacts:
    """Whole design and modules out of context."""
    from hwcompress.hls.synth import synthesize

    board = boards.load(context.settings.board)
    seen = synthesize(context.folder / "rtl", context.work, board=board)
    raise NotImplementedError(seen)
