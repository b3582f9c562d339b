"""The layers of the project, its packages and its files."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MOUNTED = {"sim": "hwcompress.sim", "hls": "hwcompress.hls", "boards": "hwcompress.boards"}

# What a part may import, besides itself. Parts that are not named import nothing of ours.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "limits": {"errors"},
    "files": {"errors", "limits"},
    "foreign": set(),
    "edge_files": set(),
    "npz": {"errors", "limits"},
    "samples": set(),
    "ir": {"errors", "npz"},
    "packing": {"errors", "limits", "files", "ir"},
    "requantize": {"errors", "ir"},
    "tools": {"errors"},
    "data": {"errors", "limits", "npz", "samples"},
    "models": {"errors", "limits", "files", "npz"},
    "boards": {"errors"},
    "sim": {"errors", "ir"},
    "compress": {"errors", "samples", "edge_files"},
    "frontend": {"errors", "edge_files", "limits", "files", "foreign", "samples", "ir", "sim"},
    "hls": {"errors", "ir", "sim", "tools", "boards"},
    "report": {"errors", "ir", "sim", "hls", "boards"},
    "flow": {
        "edge_files",
        "errors",
        "limits",
        "foreign",
        "npz",
        "samples",
        "ir",
        "sim",
        "tools",
        "data",
        "models",
        "boards",
        "compress",
        "frontend",
        "hls",
        "packing",
        "report",
    },
    "inspect": {
        "errors",
        "limits",
        "npz",
        "samples",
        "ir",
        "sim",
        "data",
        "frontend",
        "hls",
        "flow",
    },
    "levels": {
        "errors",
        "limits",
        "npz",
        "samples",
        "data",
        "ir",
        "sim",
        "tools",
        "frontend",
        "hls",
        "report",
        "flow",
        "inspect",
        "running",
    },
    "running": {
        "errors",
        "samples",
        "ir",
        "npz",
        "packing",
        "requantize",
        "boards",
        "sim",
        "data",
        "models",
        "compress",
        "frontend",
        "flow",
        "hls",
        "report",
        "inspect",
    },
    "cli": {
        "errors",
        "limits",
        "ir",
        "packing",
        "requantize",
        "tools",
        "boards",
        "hls",
        "report",
        "flow",
        "data",
        "inspect",
        "running",
        "levels",
    },
}


def sources() -> Iterator[tuple[str, Path]]:
    """Every module of the package as (dotted name, file)."""
    for folder, name in (("hwcompress", "hwcompress"), *MOUNTED.items()):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            yield ".".join((name, *parts)), path


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of ours, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            names = [f"{node.module}.{item.name}" for item in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "hwcompress":
                yield node.lineno, name


def part_of(dotted: str) -> str:
    pieces = dotted.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def test_imports_point_downwards() -> None:
    wrong = []
    for name, path in sources():
        part = part_of(name)
        if not part:
            continue
        for line, target in imports_of(path):
            other = part_of(target)
            if other not in ({part, "__version__", ""} | ALLOWED.get(part, set())):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {part} imports {target}")
    assert not wrong, "\n".join(wrong)


def test_no_cycle_in_what_is_allowed() -> None:
    """The table itself points downwards."""
    placed: set[str] = set()
    while len(placed) < len(ALLOWED):
        ready = {part for part, below in ALLOWED.items() if part not in placed and below <= placed}
        assert ready, f"a cycle among {set(ALLOWED) - placed}"
        placed |= ready


def test_every_package_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(project["tool"]["setuptools"]["packages"])
    found = {name for name, path in sources() if path.name == "__init__.py"}
    assert found == listed


def test_files_that_are_no_python_are_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    data = project["tool"]["setuptools"]["package-data"]
    for folder, name in (("hwcompress", "hwcompress"), *MOUNTED.items()):
        for path in (ROOT / folder).rglob("*"):
            if path.is_dir() or path.suffix in (".py", ".pyc", ".md", ".nbi", ".nbc"):
                continue
            relative = path.relative_to(ROOT / folder)
            matches = [
                package
                for package, patterns in data.items()
                for pattern in patterns
                if Path(name.replace(".", "/"), relative).match(
                    f"{package.replace('.', '/')}/{pattern}"
                )
            ]
            assert matches, f"{path.relative_to(ROOT)} would be missing from a wheel"


@pytest.mark.parametrize("folder", ["hwcompress", "sim", "hls", "boards", "tests", "scripts"])
def test_files_can_be_read_in_one_sitting(folder: str) -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 450
    }
    assert not long


def test_nothing_is_loaded_with_pickle() -> None:
    for name, path in sources():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"import pickle\b", text), name  # pickletools only reads
        assert "allow_pickle=True" not in text, name
        assert "weights_only=False" not in text, name


def test_models_are_read_in_one_place() -> None:
    """``onnx.load`` and onnxruntime open whatever file a model names as its external data."""
    for name, path in sources():
        text = path.read_text(encoding="utf-8")
        assert "onnx.load" not in text or name == "hwcompress.frontend.reading", name
        for call in ("InferenceSession", "ModelWrapper"):
            for start in re.findall(rf"{call}\(\s*([^,)]*)", text):
                assert "path" not in start, f"{name}: {call}({start}"
