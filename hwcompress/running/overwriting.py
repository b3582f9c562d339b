"""Files that a command writes must not be those that it reads."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hwcompress.errors import InputError

__all__ = ["spare"]


def spare(written: Mapping[str, Path | None], read: Sequence[str | Path | None]) -> None:
    """Refuse to write over what is read.

    Args:
        written: files by the option that names them.
        read: files, folders, patterns, ``FILE,LABELS`` and ``FILE.py:FUNCTION``, as they were
            given; what is none of these (the name of a level, say) is passed over.

    Raises:
        InputError: an existing file is both.
    """
    for option, target in written.items():
        if target is None or not target.is_file():
            continue
        for given in read:
            if given and any(file.samefile(target) for file in _files(str(given))):
                raise InputError(
                    f"{option} {str(target)!r} is a file that is read",
                    why="it would be overwritten",
                    remedy="name another file",
                )


def _files(given: str) -> Iterator[Path]:
    """The files that exist of those that may be meant."""
    words = [given] if Path(given).exists() else [given, *given.split(","), given.partition(":")[0]]
    for word in filter(None, words):
        path = Path(word)
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from (item for item in path.iterdir() if item.is_file())
        else:
            matches = (Path(item) for item in glob.glob(word))  # noqa: PTH207 - absolute ones too
            yield from (item for item in matches if item.is_file())
