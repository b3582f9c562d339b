"""Runs the steps of a build: skips what is up to date, resumes what was killed."""

from __future__ import annotations

import json
import queue
import shutil
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwcompress import __version__
from hwcompress.errors import InputError
from hwcompress.flow.folder import TEMPORARY
from hwcompress.flow.hashing import ABSENT, hash_code, hash_path, hash_text
from hwcompress.flow.manifest import Manifest, Record
from hwcompress.flow.processes import end_descendants
from hwcompress.flow.step import Context, Progress, Silent, Step
from hwcompress.flow.versions import step_versions
from hwcompress.report.convert import to_json

__all__ = ["WORK", "fresh_records", "run_steps", "select"]

WORK = "work"
"""Scratch folders of the steps: logs and tool projects, no outputs, part of no hash."""


def select(steps: Sequence[Step], targets: Collection[str]) -> tuple[Step, ...]:
    """The target steps and all that they need, in the order of the list."""
    wanted = set(targets)
    for step in reversed(steps):
        if step.name in wanted:
            wanted.update(step.needs)
    unknown = wanted - {step.name for step in steps}
    if unknown:
        raise ValueError(f"no step is called {sorted(unknown)}")
    return tuple(step for step in steps if step.name in wanted)


@dataclass(frozen=True)
class _Done:
    """What a worker thread hands back."""

    step: Step
    result: object = None
    error: BaseException | None = None
    seconds: float = 0.0


class _Run:
    """One run over the steps; every change of the folder's state is made by one thread."""

    def __init__(self, manifest: Manifest, progress: Progress, force: Collection[str]) -> None:
        self.manifest = manifest
        self.folder = manifest.path.parent
        self.progress = progress
        self.force = frozenset(force)
        self.done: queue.Queue[_Done] = queue.Queue()

    def facts(self, step: Step) -> tuple[str, dict[str, str], dict[str, str]]:
        """Hash of all inputs of a step whose needs are done; user's files; tool versions."""
        settings, old = self.manifest.settings, self.manifest.records.get(step.name)
        files = {}
        for role, path in step.files(settings).items():
            files[role] = hash_path(path)
            if files[role] == ABSENT:
                # The build folder is whole without the user's files: a step that
                # ran on them stays valid when they are gone or out of sight.
                if old is None or role not in old.files:
                    raise InputError(f"there is no file {str(path)!r}")
                files[role] = old.files[role]
        tools = step_versions(step)
        needed = [self.manifest.records[name] for name in step.needs]
        text = json.dumps(
            {
                "step": step.name,
                "hwcompress": __version__,
                "code": hash_code(step.code),
                "settings": {name: getattr(settings, name) for name in step.reads},
                "files": files,
                "tools": tools,
                "needs": [[record.outputs, record.result, record.tools] for record in needed],
            },
            sort_keys=True,
        )
        return hash_text(text), files, tools

    def up_to_date(self, step: Step, inputs: str) -> bool:
        """Whether the step ran on just these inputs and its outputs are untouched."""
        record = self.manifest.records.get(step.name)
        return (
            step.name not in self.force
            and record is not None
            and record.inputs == inputs
            and set(record.outputs) == set(step.outputs)
            and all(hash_path(self.folder / name) == record.outputs[name] for name in step.outputs)
        )

    def temporary(self, step: Step) -> Path:
        return self.folder / f"{TEMPORARY}{step.name}"

    def start(self, step: Step, tools: dict[str, str]) -> None:
        """Begin a step in a thread of its own."""
        self.progress.started(step)
        context = Context(
            self.manifest.settings,
            self.folder,
            _fresh(self.temporary(step)),
            _kept(self.folder / WORK / step.name),
            {name: self.manifest.records[name] for name in step.needs},
            tools,
            lambda text: self.progress.detail(step, text),
        )
        # A daemon: an interrupt must not wait for native code that cannot be stopped.
        thread = threading.Thread(target=self._work, args=(step, context), daemon=True)
        thread.start()

    def _work(self, step: Step, context: Context) -> None:
        started = time.monotonic()
        try:
            result = step.run(context)
        except BaseException as error:
            self.done.put(_Done(step, error=error))
        else:
            self.done.put(_Done(step, result, seconds=time.monotonic() - started))

    def commit(
        self, done: _Done, inputs: str, files: dict[str, str], tools: dict[str, str]
    ) -> None:
        """Move the outputs into place, then record them.

        The old record goes first: a build killed in between finds no record
        and runs the step again.
        """
        step, source = done.step, self.temporary(done.step)
        missing = [name for name in step.outputs if not (source / name).exists()]
        if missing:
            raise RuntimeError(f"step {step.name!r} did not make {missing[0]!r}")
        self.manifest.forget(step.name)
        for name in step.outputs:
            target = self.folder / name
            _remove(target)
            (source / name).rename(target)
        shutil.rmtree(source)
        hashes = {name: hash_path(self.folder / name) for name in step.outputs}
        record = Record(inputs, files, hashes, round(done.seconds, 2), tools, to_json(done.result))
        self.manifest.record(step.name, record)
        self.progress.finished(step, done.seconds)


def run_steps(
    steps: Sequence[Step],
    manifest: Manifest,
    progress: Progress,
    *,
    jobs: int = 1,
    force: Collection[str] = (),
) -> None:
    """Bring every step up to date, in order; independent ones may overlap.

    Args:
        steps: in an order in which every step comes after those it needs.
        manifest: of a folder that is held by this process.
        progress: told of everything.
        jobs: how many steps may run at the same time.
        force: names of steps that run again although nothing has changed.

    Raises:
        HwcompressError: from a step, or a user's file that is not there.
        KeyboardInterrupt, Terminated: programs started by steps are ended,
            what is finished is recorded, and the folder can be resumed.
    """
    run = _Run(manifest, progress, force)
    progress.plan(tuple(steps))
    waiting = list(steps)
    running: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {}
    try:
        while waiting or running:
            _advance(run, waiting, running, jobs)
            if running:
                done = _next(run.done)
                facts = running.pop(done.step.name)
                if done.error is not None:
                    progress.failed(done.step)
                    raise done.error
                run.commit(done, *facts)
    except BaseException:
        # What still runs is abandoned: its programs end, its thread has nothing to commit to.
        if running:
            end_descendants()
        raise


def fresh_records(steps: Sequence[Step], manifest: Manifest) -> dict[str, Record]:
    """Records of the steps that are up to date, by name; nothing is run."""
    run = _Run(manifest, Silent(), ())
    fresh: dict[str, Record] = {}
    for step in steps:
        if set(step.needs) <= set(fresh) and step.name in manifest.records:
            inputs, _, _ = run.facts(step)
            if run.up_to_date(step, inputs):
                fresh[step.name] = manifest.records[step.name]
    return fresh


def _advance(
    run: _Run,
    waiting: list[Step],
    running: dict[str, tuple[str, dict[str, str], dict[str, str]]],
    jobs: int,
) -> None:
    """Start every step that can start now."""
    progressed = True
    while progressed:
        progressed = False
        blocked = {step.name for step in waiting} | set(running)
        for step in list(waiting):
            if len(running) >= jobs or blocked & set(step.needs):
                continue
            inputs, files, tools = run.facts(step)
            waiting.remove(step)
            if run.up_to_date(step, inputs):
                run.progress.unchanged(step)
                progressed = True
                break
            running[step.name] = (inputs, files, tools)
            run.start(step, tools)


def _next(done: queue.Queue[_Done]) -> _Done:
    """Wait in slices, so that a signal is handled at once on every platform."""
    while True:
        try:
            return done.get(timeout=0.2)
        except queue.Empty:
            continue


def _fresh(folder: Path) -> Path:
    _remove(folder)
    folder.mkdir(parents=True)
    return folder


def _kept(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
