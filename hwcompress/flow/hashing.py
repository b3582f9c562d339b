"""Content hashes: of files, of folders, of our own source code."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from hwcompress.errors import CheckFailed

__all__ = ["ABSENT", "hash_code", "hash_path", "hash_text"]

ABSENT = "absent"
"""Hash of a path where nothing is."""

_CODE = (".py", ".v", ".vh", ".cpp", ".h", ".toml", ".jinja", ".css")


def hash_text(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_path(path: Path) -> str:
    """SHA-256 of a file's content, or of a folder's relative names and contents.

    Neither times nor permissions count. A path that does not exist has the
    hash :data:`ABSENT`.

    Raises:
        CheckFailed: the folder holds a link or a special file, whose content
            is not part of it.
    """
    if path.is_file():
        return _hash_file(path)
    if not path.is_dir():
        return ABSENT
    total = hashlib.sha256()
    for entry in sorted(path.rglob("*"), key=lambda item: item.relative_to(path).as_posix()):
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            raise CheckFailed("not a plain file", where=str(entry))
        if entry.is_file():
            total.update(f"{entry.relative_to(path).as_posix()}\0{_hash_file(entry)}\n".encode())
    return total.hexdigest()


def _hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_code(packages: Iterable[str]) -> str:
    """SHA-256 of the source files of some packages or modules, subpackages included.

    A step that is run by other code than last time has to run again, and a
    version number that somebody has to remember to raise would not tell.
    """
    return hash_text("\n".join(_hash_package(name) for name in sorted(set(packages))))


@lru_cache(maxsize=64)
def _hash_package(name: str) -> str:
    found = importlib.util.find_spec(name)
    if found is None:
        raise ModuleNotFoundError(f"a step names the module {name!r}, which does not exist")
    if not found.submodule_search_locations:
        return _hash_file(Path(str(found.origin)))
    folder = Path(next(iter(found.submodule_search_locations)))
    files = sorted(path for path in folder.rglob("*") if path.suffix in _CODE)
    return hash_text(
        "\n".join(f"{path.relative_to(folder).as_posix()} {_hash_file(path)}" for path in files)
    )
