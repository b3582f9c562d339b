"""A library module as its file declares it: contract, parameters, ports."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from hwcompress.errors import InputError

__all__ = ["Module", "Parameter", "Port", "closure", "code_of", "module", "names", "read", "texts"]

_PARAMETER = re.compile(
    r"^    parameter (?P<type>signed )?(?P<range>\[.*\])?\s*(?P<name>\w+)\s*="
    r"\s*(?P<default>.*?),?\s*//\s*(?P<meaning>.*\S)\s*$"
)
_PORT = re.compile(r"^\s+(input|output)\s+wire\s+(\[[^;]*?\])?\s*(\w+),?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; ``width`` is the range of one that is wider than an integer, or empty."""

    name: str
    default: str
    width: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Port:
    """A port; ``width`` is its range, empty for one wire."""

    name: str
    output: bool
    width: str


@dataclass(frozen=True)
class Module:
    """What stands above the body of a module.

    Args:
        name: of the module.
        summary: first sentence of its header.
        text: all paragraphs of the header, lines joined, lists of parameters
            kept a line each.
        parameters: in order.
        ports: in order.
    """

    name: str
    summary: str
    text: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    ports: tuple[Port, ...]

    @property
    def is_stream(self) -> bool:
        """Whether it stands in a stream (and so has a timing model, if it has a register)."""
        ports = {port.name for port in self.ports}
        # A source has no input side at all.
        return {"m_valid", "m_ready"} <= ports and ("s_valid" in ports) == ("s_ready" in ports)

    @property
    def defaults(self) -> dict[str, int]:
        """Defaults of the parameters that are plain numbers."""
        return {p.name: int(p.default) for p in self.parameters if p.default.isdecimal()}


def names() -> tuple[str, ...]:
    """Every module of the library."""
    folder = resources.files("hwcompress.hls.rtl") / "library"
    return tuple(sorted(item.name[:-2] for item in folder.iterdir() if item.name.endswith(".v")))


@cache
def _source(name: str) -> str:
    return (resources.files("hwcompress.hls.rtl") / "library" / f"{name}.v").read_text()


def module(name: str) -> Module:
    """A module of the library.

    Raises:
        InputError: its head does not follow the form of the library.
    """
    return read(name, _source(name))


def read(name: str, source: str) -> Module:
    """The head of a module: comment, parameters with a comment each, ports.

    Raises:
        InputError: something in it is not as expected.
    """
    lines = source.splitlines()
    comment = []
    for line in lines:
        if not line.startswith("//"):
            break
        comment.append(line[2:].removeprefix(" "))
    text = _paragraphs(comment)
    if not text:
        raise InputError("a module without a header", where=f"{name}.v")
    parameters, ports = [], []
    for line in lines[len(comment) : _end(name, lines)]:
        if re.match(r"\s*parameter\b", line):
            found = _PARAMETER.match(line)
            if found is None:
                raise InputError(
                    f"a parameter without a meaning: {line.strip()}",
                    where=f"{name}.v",
                    remedy="add a comment at the end of its line",
                )
            width = f"{found['type'] or ''}{found['range'] or ''}"
            parameters.append(Parameter(found["name"], found["default"], width, found["meaning"]))
    for way, width, port in _ports("\n".join(lines[len(comment) : _end(name, lines)])):
        ports.append(Port(port, way == "output", re.sub(r"\s+", " ", width)))
    summary = re.split(r"(?<=\.)\s", text[0], maxsplit=1)[0]
    return Module(name, summary, text, tuple(parameters), tuple(ports))


def _end(name: str, lines: list[str]) -> int:
    for number, line in enumerate(lines):
        if line.startswith(");"):
            return number
    raise InputError("the head of a module does not end in ');'", where=f"{name}.v")


def _ports(head: str) -> list[tuple[str, str, str]]:
    """Direction, range and name; a range may go over several lines."""
    found: list[tuple[str, str, str]] = _PORT.findall(head)
    return found


def _paragraphs(lines: list[str]) -> tuple[str, ...]:
    """Joined lines. Empty lines part them, and so do sections such as ``Timing:``."""
    found: list[str] = []
    fresh = True
    for line in lines:
        stripped = line.strip()
        if not stripped:
            fresh = True
        elif fresh or re.match(r"[A-Z][A-Za-z_, ]*: ", line):
            found.append(stripped)
            fresh = False
        else:
            found[-1] += f" {stripped}"
    return tuple(found)


def texts(wanted: set[str]) -> dict[str, str]:
    """The files of some modules and of all that they instantiate, by name."""
    found = {part for name in wanted for part in closure(name)}
    return {f"{name}.v": _source(name) for name in sorted(found)}


@cache
def code_of(name: str) -> str:
    """The source without comments and blank space, which no tool sees."""
    return re.sub(r"\s+", " ", re.sub(r"//.*", "", _source(name))).strip()


@cache
def closure(name: str) -> tuple[str, ...]:
    """The module and all that it instantiates, sorted."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        item = waiting.pop()
        if item not in found:
            found.add(item)
            waiting += re.findall(r"\b(hwc_\w+) (?=#\()", code_of(item))
    return tuple(sorted(found))
