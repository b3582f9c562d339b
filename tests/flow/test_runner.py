"""The runner: what runs, what is skipped, what a killed build leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hwcompress.errors import CheckFailed, InputError
from hwcompress.flow.build import build
from hwcompress.flow.hashing import hash_code, hash_path
from hwcompress.flow.manifest import Manifest
from hwcompress.flow.runner import fresh_records, select
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.step import Context, Step
from tests.flow.fake_steps import CODE, FAILING, PIPELINE, Count

SETTINGS = BuildSettings("pynq-z2")
SCRIPT = Path(__file__).parent / "fake_steps.py"


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ran.log"
    monkeypatch.setenv("FAKE_LOG", str(path))
    monkeypatch.delenv("FAKE_WAIT", raising=False)
    return path


def ran(log: Path) -> list[str]:
    """Steps that ran since the last call."""
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return names


def start(folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder)],
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
        # A shell that runs us in the background makes its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(path: Path) -> str:
    for _ in range(600):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


@pytest.mark.parametrize("jobs", [1, 2])
def test_everything_runs_once(tmp_path: Path, log: Path, jobs: int) -> None:
    folder = tmp_path / "build"
    manifest = build(folder, SETTINGS, steps=PIPELINE, jobs=jobs)
    assert sorted(ran(log)) == ["first", "second", "slow"]
    assert (folder / "second" / "a").read_text() == "seed 0" * 6
    assert (folder / "slow.txt").read_text() == "whole"
    assert manifest.records["second"].result == {"letters": 6}
    assert not list(folder.glob(".tmp-*"))
    build(folder, SETTINGS, steps=PIPELINE, jobs=jobs)
    assert ran(log) == []


def test_two_folders_hold_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        build(tmp_path / name, SETTINGS, steps=PIPELINE, jobs=2)
    for output in ("first.txt", "second", "slow.txt"):
        assert hash_path(tmp_path / "a" / output) == hash_path(tmp_path / "b" / output)


def test_a_changed_setting_runs_only_its_dependents(tmp_path: Path, log: Path) -> None:
    build(tmp_path / "b", SETTINGS, steps=PIPELINE)
    ran(log)
    build(tmp_path / "b", replace(SETTINGS, frames=30), steps=PIPELINE)
    assert ran(log) == ["second"]
    build(tmp_path / "b", replace(SETTINGS, frames=30, seed=1), steps=PIPELINE)
    assert sorted(ran(log)) == ["first", "second", "slow"]
    # No step reads the epochs.
    build(tmp_path / "b", replace(SETTINGS, frames=30, seed=1, epochs=3), steps=PIPELINE)
    assert ran(log) == []


@pytest.mark.parametrize("damage", ["edit", "remove", "add"])
def test_a_tampered_output_is_made_again(tmp_path: Path, log: Path, damage: str) -> None:
    folder = tmp_path / "b"
    build(folder, SETTINGS, steps=PIPELINE)
    ran(log)
    if damage == "edit":
        (folder / "second" / "b").write_text("25")
    elif damage == "remove":
        (folder / "second" / "a").unlink()
    else:
        (folder / "second" / "c").write_text("")
    build(folder, steps=PIPELINE)
    assert ran(log) == ["second"]
    assert sorted(path.name for path in (folder / "second").iterdir()) == ["a", "b"]
    assert (folder / "second" / "b").read_text() == "24"


def test_the_same_outputs_leave_dependents_alone(tmp_path: Path, log: Path) -> None:
    build(tmp_path / "b", SETTINGS, steps=PIPELINE)
    ran(log)
    build(tmp_path / "b", steps=PIPELINE, force=["first"])
    assert ran(log) == ["first"]


def test_force_and_targets(tmp_path: Path, log: Path) -> None:
    build(tmp_path / "b", SETTINGS, steps=PIPELINE, targets=["second"])
    assert ran(log) == ["first", "second"]
    build(tmp_path / "b", SETTINGS, steps=PIPELINE, targets=["second"], force=["second"])
    assert ran(log) == ["second"]
    build(tmp_path / "b", SETTINGS, steps=PIPELINE, force=None)
    assert sorted(ran(log)) == ["first", "second", "slow"]
    with pytest.raises(ValueError, match="no step is called"):
        select(PIPELINE, ["third"])


def test_other_code_runs_the_step_again(tmp_path: Path, log: Path) -> None:
    build(tmp_path / "b", SETTINGS, steps=PIPELINE)
    ran(log)
    changed = (PIPELINE[0], replace(PIPELINE[1], code=("hwcompress.flow.settings",)), PIPELINE[2])
    build(tmp_path / "b", SETTINGS, steps=changed)
    assert ran(log) == ["second"]


def test_user_files_count_by_content(tmp_path: Path, log: Path) -> None:
    data = tmp_path / "data.bin"
    data.write_text("one")
    steps = (replace(PIPELINE[0], files=lambda settings: {"data": data}), *PIPELINE[1:])
    build(tmp_path / "b", SETTINGS, steps=steps)
    ran(log)
    data.touch()
    build(tmp_path / "b", SETTINGS, steps=steps)
    assert ran(log) == []
    data.write_text("two")
    build(tmp_path / "b", SETTINGS, steps=steps)
    assert ran(log) == ["first"]
    # The folder stays whole without the user's file.
    data.unlink()
    build(tmp_path / "b", SETTINGS, steps=steps)
    assert ran(log) == []
    with pytest.raises(InputError, match=r"there is no file .*data\.bin"):
        build(tmp_path / "c", SETTINGS, steps=steps)


def test_killed_build_resumes(tmp_path: Path, log: Path) -> None:
    folder = tmp_path / "b"
    process = start(folder, FAKE_WAIT="30")
    child = int(wait_for(Path(f"{log}.child")))
    process.kill()
    process.wait()
    os.kill(child, signal.SIGKILL)
    assert not (folder / "slow.txt").exists(), "a half-written output has its name"
    assert (folder / ".tmp-slow" / "slow.txt").read_text() == "half"
    before = ran(log)
    build(folder, SETTINGS, steps=PIPELINE)
    again = ran(log)
    assert "slow" in again
    assert "first" in before
    assert "first" not in again
    assert (folder / "slow.txt").read_text() == "whole"
    assert not list(folder.glob(".tmp-*"))


def test_two_builds_in_one_folder(tmp_path: Path, log: Path) -> None:
    folder = tmp_path / "b"
    process = start(folder, FAKE_WAIT="30")
    child = int(wait_for(Path(f"{log}.child")))
    with pytest.raises(InputError) as caught:
        build(folder, SETTINGS, steps=PIPELINE)
    assert f"process {process.pid} holds build.lock" in str(caught.value)
    assert "another build is working in" in str(caught.value)
    process.kill()
    process.wait()
    os.kill(child, signal.SIGKILL)
    # The lock file is still there, with the number of a dead process.
    assert (folder / "build.lock").read_text().strip() == str(process.pid)
    build(folder, SETTINGS, steps=PIPELINE)


def test_interrupt_ends_the_programs_of_a_step(tmp_path: Path, log: Path) -> None:
    process = start(tmp_path / "b", FAKE_WAIT="30")
    child = int(wait_for(Path(f"{log}.child")))
    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)
    assert process.returncode != 0
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("jobs", [1, 2])
def test_failed_check_stops_and_keeps_what_is_done(tmp_path: Path, log: Path, jobs: int) -> None:
    folder = tmp_path / "b"
    with pytest.raises(CheckFailed, match="layer conv1, sample 3: 4, expected 5"):
        build(folder, SETTINGS, steps=FAILING, jobs=jobs)
    assert set(Manifest.load(folder / "manifest.json").records) == {"first", "second"}
    ran(log)
    with pytest.raises(CheckFailed):
        build(folder, SETTINGS, steps=FAILING, jobs=jobs)
    assert ran(log) == ["failing"]


def test_a_step_must_make_its_outputs(tmp_path: Path) -> None:
    lazy = Step("lazy", "do nothing", lambda context: Count(0), ("file",), code=CODE)
    with pytest.raises(RuntimeError, match="did not make 'file'"):
        build(tmp_path / "b", SETTINGS, steps=(lazy,))


def test_a_step_must_return_plain_values(tmp_path: Path) -> None:
    def run(context: Context) -> Count:
        import numpy as np

        (context.out / "file").write_text("")
        return Count(np.int64(3))  # type: ignore[arg-type]

    step = Step("numpy", "return an int64", run, ("file",), code=CODE)
    with pytest.raises(TypeError, match="is no plain value"):
        build(tmp_path / "b", SETTINGS, steps=(step,))
    assert "numpy" not in Manifest.load(tmp_path / "b" / "manifest.json").records


def test_fresh_records_leave_out_what_is_stale(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    manifest = build(folder, SETTINGS, steps=PIPELINE)
    assert set(fresh_records(PIPELINE, manifest)) == {"first", "second", "slow"}
    (folder / "first.txt").write_text("tampered")
    assert set(fresh_records(PIPELINE, Manifest.load(folder / "manifest.json"))) == set()


def test_unknown_setting_in_a_step() -> None:
    with pytest.raises(ValueError, match="reads unknown settings"):
        replace(PIPELINE[0], reads=("sead",))


def test_unknown_module_in_a_step() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"hwcompress\.nothing"):
        hash_code(("hwcompress.nothing",))


def test_links_are_no_outputs(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path)
    with pytest.raises(CheckFailed, match="not a plain file"):
        hash_path(tmp_path / "folder")


def test_manifest_tells_versions_and_seconds(tmp_path: Path) -> None:
    build(tmp_path / "b", SETTINGS, steps=PIPELINE)
    record = json.loads((tmp_path / "b" / "manifest.json").read_text())["steps"]["slow"]
    assert record["seconds"] >= 0
    assert set(record["tools"]) == {"python"}
    assert set(record["outputs"]) == {"slow.txt"}
