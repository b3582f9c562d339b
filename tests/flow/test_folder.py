"""Output folders that cannot be used, and damaged manifests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hwcompress.errors import InputError
from hwcompress.flow import folder as folders
from hwcompress.flow.build import build, open_build, refresh_report
from hwcompress.flow.settings import BuildSettings
from tests.flow.fake_steps import PIPELINE

SETTINGS = BuildSettings("pynq-z2")


@pytest.fixture(autouse=True)
def _log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "ran.log"))


def fails(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        build(folder, SETTINGS, steps=PIPELINE)
    return str(caught.value)


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("")
    assert "is a file. Remedy: give the name of a folder with --out" in fails(path)


def test_a_file_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    assert "cannot be written (Not a directory)" in fails(tmp_path / "out" / "below")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter1.tex").write_text("")
    message = fails(folder)
    assert "is not empty and is not a build folder" in message
    assert "it holds 'chapter1.tex' and no manifest.json" in message
    assert [path.name for path in folder.iterdir()] == ["chapter1.tex"]


def test_an_empty_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    build(tmp_path / "out", SETTINGS, steps=PIPELINE)


def test_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    if os.geteuid() == 0:  # root may write anywhere: the refusal has to be played
        real = Path.mkdir

        def refuse(self: Path, *args: object, **options: object) -> None:
            if self.parent == folder:
                raise PermissionError(13, "Permission denied", str(self))
            real(self, *args, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(Path, "mkdir", refuse)
    else:
        folder.chmod(0o500)
    message = fails(folder)
    assert "cannot be written (Permission denied)" in message
    assert "choose a folder you may write with --out" in message


def test_lock_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folders.os, "open", refuse)
    with (
        pytest.raises(InputError, match=r"cannot be written \(Permission denied\)"),
        folders.held(tmp_path),
    ):
        pass


def test_no_build_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a build folder"):
        open_build(tmp_path)
    with pytest.raises(InputError, match="is not a build folder"):
        refresh_report(tmp_path / "nothing")
    with pytest.raises(InputError, match="is not a build folder"):
        build(tmp_path, steps=PIPELINE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged manifest"),
        ("[]", "damaged manifest"),
        ('{"format": "hwcompress-build-1", "settings": {"bord": ""}, "steps": {}}', "damaged"),
        ('{"format": "hwcompress-build-9"}', "of format 'hwcompress-build-9', this version reads"),
    ],
)
def test_damaged_manifest(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        build(tmp_path, SETTINGS, steps=PIPELINE)
    assert "Remedy: run `hwcompress build` into another folder" in str(caught.value)
