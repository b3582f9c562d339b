"""Finds an external program: explicit path, then the PATH, then a pip package."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from hwcompress.errors import MissingToolError
from hwcompress.tools.catalog import spec
from hwcompress.tools.record import Tool, ToolSpec, Version

__all__ = ["candidates", "find", "need", "package_version", "parse_version"]

# A version query that hangs must not hang `doctor`; vendor tools start slowly.
_VERSION_SECONDS = 60


def parse_version(text: str) -> Version:
    """The leading dotted numbers of ``text`` as integers, ``()`` if there are none.

    Verilator writes 5.006 for what is release 5.6, and 5.036 for 5.36: integer
    comparison of the fields is right for both spellings.
    """
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def package_version(distribution: str) -> str | None:
    """Version of an installed Python distribution, without importing it."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=256)
def _ask(argv: tuple[str, ...], entry: ToolSpec, env: tuple[tuple[str, str], ...]) -> str:
    """The tool's output for a version query, or an empty text if it cannot be started."""
    try:
        done = subprocess.run(
            [*argv, *entry.version_args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(env),
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def _with_version(tool: Tool, entry: ToolSpec) -> Tool:
    said = _ask(tool.argv, entry, tuple(sorted(tool.env().items())))
    for line in said.splitlines():
        match = re.search(entry.version_pattern, line)
        if match:
            version = parse_version(match.group(1))
            return replace(tool, version_text=match.group().strip(), version=version)
    return tool


def _explicit(entry: ToolSpec, path: str, origin: str) -> Tool:
    found = shutil.which(path)
    if found is None:
        raise MissingToolError(
            f"{entry.name} was given as {path!r}, which is not an executable file",
            where=origin,
            remedy=f"correct the path or leave it out; to install: {entry.install}",
        )
    # Absolute, because tools run with the build folder as working directory.
    return Tool(entry.name, (str(Path(found).absolute()),), origin)


def _packaged(entry: ToolSpec) -> Tool | None:
    source = entry.pip
    if source is None:
        return None
    version = package_version(source.distribution)
    module = importlib.util.find_spec(source.module) if version is not None else None
    if version is None or module is None or not module.submodule_search_locations:
        return None
    folder = Path(next(iter(module.submodule_search_locations)))
    argv = source.argv(folder)
    if not os.access(argv[0], os.X_OK):
        return None
    prefix = (str(Path(argv[0]).parent),) if Path(argv[0]).is_relative_to(folder) else ()
    tool = Tool(
        entry.name,
        argv,
        f"pip package {source.distribution}",
        environment=source.environment,
        path_prefix=prefix,
    )
    if source.asked(folder):
        tool = _with_version(tool, entry)
    if not tool.version:
        tool = replace(
            tool,
            version_text=version,
            version=parse_version(version),
            version_source="package metadata",
        )
    return tool


def candidates(name: str, path: str | None = None) -> Iterator[Tool]:
    """Every instance of a tool, most wanted first.

    An explicit choice (``path``, or the variable ``HWCOMPRESS_<TOOL>``) is the
    only candidate: falling back from it silently would run something else
    than what the user asked for.

    Raises:
        MissingToolError: if the explicit choice is not an executable file.
        InputError: if no tool has this name.
    """
    entry = spec(name)
    variable = os.environ.get(entry.variable)
    if path is not None:
        yield _with_version(_explicit(entry, path, "argument"), entry)
        return
    if variable:
        yield _with_version(_explicit(entry, variable, entry.variable), entry)
        return
    for command in entry.commands:
        found = shutil.which(command)
        if found is not None:
            tool = Tool(entry.name, (str(Path(found).absolute()),), "PATH")
            yield _with_version(tool, entry)
    packaged = _packaged(entry)
    if packaged is not None:
        yield packaged


def find(name: str, *, path: str | None = None, at_least: Version = ()) -> Tool | None:
    """The first candidate that is new enough, or None.

    A candidate whose version is unknown is taken only if ``at_least`` is empty.

    Raises:
        MissingToolError: if an explicitly chosen tool does not exist.
    """
    return next((tool for tool in candidates(name, path) if tool.version >= at_least), None)


def need(name: str, *, path: str | None = None, at_least: Version = (), purpose: str = "") -> Tool:
    """Like :func:`find`, but a missing tool is an error.

    Args:
        name: a name of :data:`hwcompress.tools.TOOLS`.
        path: explicit executable.
        at_least: smallest version that serves.
        purpose: what it is needed for, for the message.

    Raises:
        MissingToolError: names the tool, what was found instead, and how to get it.
    """
    entry = spec(name)
    seen: list[str] = []
    for tool in candidates(name, path):
        if tool.version >= at_least:
            return tool
        seen.append(f"{tool.label} from {tool.origin}")
    wanted = ".".join(map(str, at_least))
    if seen:
        what = f"{name} {wanted} or newer is needed"
        why = f"found only {'; '.join(seen)}"
    else:
        what = f"{name} was not found"
        why = f"looked for {' and '.join(entry.commands)} on the PATH"
        if entry.pip is not None:
            why += f" and for the package {entry.pip.distribution}"
    raise MissingToolError(
        what,
        where=purpose,
        why=why,
        remedy=f"{entry.install}; or set {entry.variable} to its path",
    )
