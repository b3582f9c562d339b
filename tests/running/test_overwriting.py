"""What a run reads is never overwritten by what it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwcompress.errors import InputError
from hwcompress.inspect.opening import ModelRequest
from hwcompress.running.effects import EffectOptions
from hwcompress.running.overwriting import spare
from hwcompress.running.requests import RunOptions, RunRequest
from hwcompress.sim.effects import save_flips


@pytest.mark.parametrize("given", ["d/x.npy", "d/x.npy,d/y.npy", "d", "d/*.npy", "d/../d/y.npy"])
@pytest.mark.parametrize("option", ["--out", "--trace"])
def test_every_way_to_name_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    for name in ("x.npy", "y.npy"):
        (tmp_path / "d" / name).write_bytes(b"")
    target = tmp_path / "d" / ("x.npy" if "x" in given or given == "d" else "y.npy")
    with pytest.raises(InputError, match=rf"{option} '.*' is a file that is read"):
        spare({option: target}, ["model.onnx", given])
    spare({option: tmp_path / "d" / "new.npy"}, [given])
    spare({option: None}, [given, None, ""])


def test_links_lead_to_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"")
    (tmp_path / "link.npz").symlink_to(tmp_path / "x.npz")
    with pytest.raises(InputError, match="is a file that is read"):
        spare({"--out": tmp_path / "link.npz"}, [tmp_path / "x.npz"])


def test_all_that_a_run_reads(tmp_path: Path) -> None:
    target = tmp_path / "one.npz"
    target.write_bytes(b"")
    one = str(target)
    flips = tmp_path / "flips.json"
    save_flips(flips, [])
    out = RunOptions(out=target)
    for model, labels in (
        (ModelRequest("m.onnx", data=one), ""),
        (ModelRequest("m.onnx", data="x.npy"), one),
        (ModelRequest("m.py:net", data="x.npy", weights=one), ""),
    ):
        with pytest.raises(InputError, match="--out .* is a file that is read"):
            RunRequest(model, labels, options=out)
    flipped = RunOptions(trace=target, effects=EffectOptions(fault_list=flips))
    RunRequest(ModelRequest("m.onnx", data="x.npy"), options=flipped)
