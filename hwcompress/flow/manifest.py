"""``manifest.json``: what each step of a build read and made."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.flow.settings import BuildSettings

__all__ = ["MANIFEST", "Json", "Manifest", "Record", "write_text"]

MANIFEST = "manifest.json"

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class Record:
    """One finished step.

    Args:
        inputs: hash of everything the step depends on.
        files: hashes of the user's files that it read, by their role.
        outputs: content hash of each output, by its name in the build folder.
        seconds: wall time of the step.
        tools: version of each tool and library that took part.
        result: the step's figures, for the report.
    """

    inputs: str
    files: dict[str, str]
    outputs: dict[str, str]
    seconds: float
    tools: dict[str, str]
    result: Json


@dataclass
class Manifest:
    """Settings and records of a build folder; each change is saved at once."""

    path: Path
    settings: BuildSettings
    records: dict[str, Record] = field(default_factory=dict)

    @classmethod
    def of_any(cls, path: Path, kinds: Sequence[type[BuildSettings]]) -> Manifest:
        """As :meth:`load`, of a folder that one of several commands made, the first of which
        messages name."""
        try:
            stated = json.loads(path.read_text(encoding="utf-8")).get("format")
        except (OSError, ValueError, AttributeError):
            stated = None  # load says what is wrong
        return cls.load(path, next((kind for kind in kinds if stated == kind.FORMAT), kinds[0]))

    @classmethod
    def load(cls, path: Path, kind: type[BuildSettings] = BuildSettings) -> Manifest:
        """Read a manifest.

        Args:
            path: the file.
            kind: of its settings; a folder that another command made is refused.

        Raises:
            InputError: no manifest, a damaged one, or one of another format.
        """
        made = f"`hwcompress {kind.COMMAND}`"
        remedy = f"run {made} into another folder, or remove this one first"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["format"] != kind.FORMAT:
                raise InputError(
                    f"folder of format {document['format']!r}, this version reads {kind.FORMAT!r}",
                    where=str(path),
                    remedy=remedy,
                )
            settings = kind(**document["settings"])
            records = {name: Record(**facts) for name, facts in document["steps"].items()}
        except FileNotFoundError as error:
            raise InputError(
                f"{str(path.parent)!r} is not a build folder",
                why=f"it has no {path.name}",
                remedy=f"give a folder that {made} made",
            ) from error
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            raise InputError(
                "damaged manifest", where=str(path), why=repr(error), remedy=remedy
            ) from error
        return cls(path, settings, records)

    def save(self) -> None:
        """Write the file anew; a reader sees the old or the new one, never a part."""
        document = {
            "format": self.settings.FORMAT,
            "settings": asdict(self.settings),
            "steps": {name: asdict(record) for name, record in self.records.items()},
        }
        write_text(self.path, json.dumps(document, indent=1, sort_keys=True) + "\n")

    def record(self, name: str, record: Record) -> None:
        """Enter a finished step."""
        self.records[name] = record
        self.save()

    def forget(self, name: str) -> None:
        """Remove a step, before its outputs are touched."""
        if self.records.pop(name, None) is not None:
            self.save()


def write_text(path: Path, text: str) -> None:
    """Write a text file by way of a temporary sibling, so that it is whole or absent."""
    sibling = path.with_name(f".{path.name}.{os.getpid()}")
    with sibling.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    sibling.replace(path)
