"""Small pipelines for the tests of the runner, also run as a process of their own.

``python fake_steps.py FOLDER [SEED]`` builds :data:`PIPELINE` in FOLDER. Steps
leave a line in the file named by the variable ``FAKE_LOG`` whenever they run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hwcompress.errors import CheckFailed
from hwcompress.flow.build import build
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.step import Context, Step

CODE = ("hwcompress.errors",)


@dataclass(frozen=True)
class Count:
    """What a fake step returns."""

    letters: int


def ran(step: str) -> None:
    """Notes that a step runs."""
    with Path(os.environ["FAKE_LOG"]).open("a") as log:
        log.write(f"{step}\n")


def first(context: Context) -> Count:
    ran("first")
    text = f"seed {context.settings.seed}"
    (context.out / "first.txt").write_text(text)
    return Count(len(text))


def second(context: Context) -> Count:
    ran("second")
    count = context.result("first", Count)
    folder = context.out / "second"
    folder.mkdir()
    (folder / "a").write_text((context.folder / "first.txt").read_text() * count.letters)
    (folder / "b").write_text(f"{context.settings.frames}")
    return count


def slow(context: Context) -> Count:
    """Writes half of its output, starts a child process, and waits if told to."""
    ran("slow")
    (context.out / "slow.txt").write_text("half")
    if wait := os.environ.get("FAKE_WAIT"):
        child = subprocess.Popen(["sleep", wait], start_new_session=True)
        Path(os.environ["FAKE_LOG"] + ".child").write_text(str(child.pid))
        child.wait()
        time.sleep(float(wait))
    (context.out / "slow.txt").write_text("whole")
    return Count(5)


def failing(context: Context) -> Count:
    ran("failing")
    raise CheckFailed("layer conv1, sample 3: 4, expected 5")


PIPELINE = (
    Step("first", "make a text", first, ("first.txt",), reads=("seed",), code=CODE),
    Step("second", "multiply it", second, ("second",), ("first",), ("frames",), code=CODE),
    Step("slow", "take time", slow, ("slow.txt",), ("first",), code=CODE),
)

FAILING = (*PIPELINE[:2], Step("failing", "fail", failing, ("never",), ("second",), code=CODE))


if __name__ == "__main__":
    build(
        Path(sys.argv[1]),
        BuildSettings("pynq-z2", seed=int(sys.argv[2]) if len(sys.argv) > 2 else 0),
        steps=PIPELINE,
    )
