"""Running a tool: log, failure in its own words, time limit, no orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hwcompress.errors import CheckFailed, MissingToolError
from hwcompress.tools import Tool, run


def shell(script: str) -> tuple[Tool, list[str]]:
    return Tool("make", ("/bin/sh",), "PATH"), ["-c", script]


def test_log_and_folder(tmp_path: Path) -> None:
    tool, args = shell("echo to stdout; echo to stderr >&2; pwd")
    log = tmp_path / "logs" / "x.log"
    done = run(tool, args, cwd=tmp_path, log=log)
    lines = log.read_text().splitlines()
    assert lines[0].startswith("$ /bin/sh -c ")
    assert lines[1:] == ["to stdout", "to stderr", str(tmp_path)]
    assert done.log == log
    assert done.seconds < 10


def test_environment(tmp_path: Path) -> None:
    tool = Tool(
        "make", ("/bin/sh",), "PATH", environment=(("MAKEFLAGS", "A=b"),), path_prefix=("/x",)
    )
    log = tmp_path / "x.log"
    run(tool, ["-c", 'echo "$MAKEFLAGS|$PATH|$EXTRA"'], cwd=tmp_path, log=log, env={"EXTRA": "1"})
    flags, path, extra = log.read_text().splitlines()[1].split("|")
    assert flags.endswith("A=b")
    assert path.startswith("/x:")
    assert extra == "1"


def test_failure_quotes_the_error(tmp_path: Path) -> None:
    tool, args = shell("echo begin; echo 'top.v:3: ERROR: no such module'; echo bye; exit 3")
    log = tmp_path / "x.log"
    with pytest.raises(CheckFailed) as caught:
        run(tool, args, cwd=tmp_path, log=log)
    text = str(caught.value)
    assert "make failed with status 3" in text
    assert "top.v:3: ERROR: no such module" in text
    assert "begin" not in text
    assert str(log) in text
    assert caught.value.exit_code == 1


def test_failure_without_an_error_line(tmp_path: Path) -> None:
    tool, args = shell("for i in 1 2 3 4 5 6; do echo line $i; done; kill -9 $$")
    with pytest.raises(CheckFailed) as caught:
        run(tool, args, cwd=tmp_path, log=tmp_path / "x.log")
    assert "was ended by signal 9" in str(caught.value)
    assert "line 3\nline 4\nline 5\nline 6" in str(caught.value)


def test_time_limit_ends_the_children(tmp_path: Path) -> None:
    tool, args = shell("sleep 60 & echo $! > child; wait")
    started = time.monotonic()
    with pytest.raises(CheckFailed, match=r"did not end within 0\.5 s"):
        run(tool, args, cwd=tmp_path, log=tmp_path / "x.log", timeout=0.5)
    assert time.monotonic() - started < 20
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not _alive(child):
            break
        time.sleep(0.05)
    assert not _alive(child)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_children(tmp_path: Path, number: signal.Signals) -> None:
    """A killed Python process leaves nothing running, and keeps its exit status."""
    script = tmp_path / "parent.py"
    script.write_text(
        "from pathlib import Path\n"
        "from hwcompress.tools import Tool, run\n"
        "here = Path(__file__).parent\n"
        "args = ['-c', 'sleep 60 & echo $! > child.part; mv child.part child; wait']\n"
        "run(Tool('make', ('/bin/sh',), 'PATH'), args, cwd=here, log=here / 'x.log')\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    for _ in range(600):
        if (tmp_path / "child").is_file():
            break
        time.sleep(0.05)
    child = int((tmp_path / "child").read_text())
    assert _alive(child)
    parent.send_signal(number)
    assert parent.wait(20) == 128 + number
    for _ in range(100):
        if not _alive(child):
            break
        time.sleep(0.05)
    assert not _alive(child)


def test_handlers_are_left_as_they_were(tmp_path: Path) -> None:
    tool, args = shell("true")
    before = signal.getsignal(signal.SIGTERM)
    run(tool, args, cwd=tmp_path, log=tmp_path / "x.log")
    assert signal.getsignal(signal.SIGTERM) is before


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"  # ended, and its new parent has not looked yet


def test_cannot_start(tmp_path: Path) -> None:
    tool = Tool("make", (str(tmp_path / "gone"),), "argument")
    with pytest.raises(MissingToolError, match="make could not be started"):
        run(tool, [], cwd=tmp_path, log=tmp_path / "x.log")
