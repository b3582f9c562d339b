"""Sums up what the random networks compared, at the end of a run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from .check import Facts

_KEY = pytest.StashKey[Facts]()


@pytest.fixture(scope="session")
def totals(request: pytest.FixtureRequest) -> Facts:
    """Facts of all networks so far."""
    return request.config.stash.setdefault(_KEY, Facts())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker process of pytest-xdist hands its sums to the process that prints them."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    facts = session.config.stash.get(_KEY, None)
    if output is not None and facts is not None:
        output["networks"] = {**vars(facts), "ops": dict(facts.ops)}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker found."""
    found = getattr(node, "workeroutput", {}).get("networks")
    if found is not None:
        facts = Facts(**{**found, "ops": Counter(found["ops"])})
        node.config.stash.setdefault(_KEY, Facts()).add(facts)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    facts = config.stash.get(_KEY, None)
    if facts is None:
        return
    write = terminalreporter.write_line
    write("")
    write(f"random networks equal in simulator, reference and RTL: {facts.networks}")
    write(f"  frames {facts.frames}, clock cycles {facts.cycles}")
    write(f"  integers compared {facts.integers}, cycles of beats compared {facts.beats}")
    write(f"  run through a period of the steady state: {facts.settled}")
    write(f"  buffers of three beats or more: {facts.buffers}")
    if facts.slower_shown + facts.deadlocks_shown:
        write(
            f"  buffers less deep: RTL slower {facts.slower_shown}, deadlock"
            f" {facts.deadlocks_shown}, only by proof {facts.proof_only},"
            f" not simulated {facts.buffers_left}"
        )
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(facts.ops.items()))
    write(f"  operations: {kinds}")
