"""What a user may type, or be made to type: names of files that are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import HwcompressError
from hwcompress.inspect.comparison import CompareRequest, compare_request
from hwcompress.inspect.opening import ModelRequest
from hwcompress.inspect.requests import inspect_request
from tests.fuzz.net import Net

NAMES = (
    "missing", "folder", "pipe", "loop", "empty", "dangling", "deep/er/than/it/is",
    "a\0b", "../" * 20 + "etc/passwd", "",
)  # fmt: skip
KINDS = (".onnx", ".pt2", ".py:make", ".npz", ".safetensors", ".pth", "")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and with things that are no files."""
    folder = tmp_path_factory.mktemp("paths")
    net = Net(np.random.default_rng(3), x=(1, 6))
    last = net.op("MatMul", net.quant("x", 4), net.weight(6, 4))
    (folder / "model.onnx").write_bytes(net.proto(last).SerializeToString())
    (folder / "net.py").write_text(
        "from torch import nn\n\ndef make():\n    return nn.Linear(6, 4)\n"
    )
    for kind in (item.split(":")[0] for item in KINDS):
        (folder / f"folder{kind}").mkdir()
        os.mkfifo(folder / f"pipe{kind}")
        (folder / f"loop{kind}").symlink_to(f"loop{kind}")
        (folder / f"dangling{kind}").symlink_to("nowhere")
        (folder / f"empty{kind}").touch()
    return folder


def refused(request: ModelRequest) -> str:
    with pytest.raises(HwcompressError) as caught:
        inspect_request(request, lambda said: None)
    with pytest.raises(HwcompressError):
        compare_request(CompareRequest(request, None if request.data else 2), lambda *said: None)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_models(home: Path, kind: str) -> None:
    for name in NAMES:
        head, _, function = kind.partition(":")
        text = f"{home}/{name}{head}" + (f":{function}" if function else "")
        assert "\0" not in refused(ModelRequest(text)) or "\0" in name


@pytest.mark.parametrize("kind", [".npz", ".idx", ""])
def test_data(home: Path, kind: str) -> None:
    for name in NAMES:
        refused(ModelRequest(f"{home}/model.onnx", data=f"{home}/{name}{kind}"))


@pytest.mark.parametrize("kind", [".npz", ".safetensors", ".pth"])
def test_weights(home: Path, kind: str) -> None:
    for name in NAMES:
        weights = f"{home}/{name}{kind}"
        refused(ModelRequest(f"{home}/net.py:make", weights=weights, shapes={"": (6,)}))


@pytest.mark.parametrize("name", ["pipe", "folder", "loop", "x" * 300])
def test_at_the_command_line(home: Path, name: str) -> None:
    words = ["build", f"{name}.onnx", "--data", f"{name}.npz", "--out", "made"]
    command = [sys.executable, "-m", "hwcompress.cli.main", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=home, timeout=120
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not (home / "made").exists()
