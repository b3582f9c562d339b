"""Files of weights and exported programs: no code of theirs runs, no size of theirs is believed."""

from __future__ import annotations

import functools
import io
import json
import os
import resource
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.errors import InputError
from hwcompress.frontend.to_torch.exported import read_exported
from hwcompress.limits import Limits, current_limits, set_limits
from hwcompress.models.weights import read_weights
from tests.fuzz.test_inputs import survive

Change = Callable[[str, bytes], bytes]


@pytest.fixture
def small() -> Iterator[None]:
    """Limits of a tenth of a gigabyte."""
    before = current_limits()
    set_limits(Limits(model_mb=50, memory_mb=100, data_mb=100))
    yield
    set_limits(before)


@pytest.fixture
def frugal() -> Iterator[None]:
    """A test that takes at most another 100 MB."""
    program()  # what it needs is loaded by now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def saved(**tensors: torch.Tensor) -> bytes:
    stream = io.BytesIO()
    torch.save(tensors, stream)
    return stream.getvalue()


def repacked(data: bytes, path: Path, change: Change) -> Path:
    """An archive again, packed, with some entries changed."""
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
    return path


def safetensors(path: Path, header: bytes, body: bytes = b"") -> Path:
    path.write_bytes(struct.pack("<Q", len(header)) + header + body)
    return path


@functools.cache
def program() -> bytes:
    stream = io.BytesIO()
    module = nn.Sequential(nn.Linear(3, 2), nn.ReLU()).eval()
    torch.export.save(torch.export.export(module, (torch.zeros(1, 3),)), stream)
    return stream.getvalue()


class TestWeights:
    def test_packed_tensors(self, tmp_path: Path, small: None, frugal: None) -> None:
        def change(name: str, data: bytes) -> bytes:
            return bytes(60_000_000) if name.endswith("data/0") else data

        path = repacked(saved(a=torch.zeros(3)), tmp_path / "w.pth", change)
        assert path.stat().st_size < 100_000
        with pytest.raises(InputError, match=r"take 60 MB .the limit is 50 MB.*model-mb"):
            read_weights(path)

    @pytest.mark.parametrize("old", [False, True])
    def test_a_pickle_of_many_objects(self, tmp_path: Path, old: bool, frugal: None) -> None:
        bomb = b"\x80\x02]" + b"]" * 2_000_000 + b"."
        path = tmp_path / "w.pth"
        if old:
            path.write_bytes(bomb)
        else:
            repacked(saved(a=torch.zeros(3)), path, lambda n, x: bomb if ".pkl" in n else x)
        with pytest.raises(InputError, match="more than 1,000,000 pickle operations"):
            read_weights(path)

    def test_the_old_format(self, tmp_path: Path) -> None:
        path = tmp_path / "w.pth"
        torch.save({"a": torch.arange(3)}, path, _use_new_zipfile_serialization=False)
        assert read_weights(path)["a"].tolist() == [0, 1, 2]

    @pytest.mark.parametrize("old", [False, True])
    def test_code(self, tmp_path: Path, old: bool) -> None:
        class Harm:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return (os.mkdir, (str(tmp_path / "harm"),))

        for index, content in enumerate((Harm(), {"a": Harm()}, {Harm(): 1})):
            path = tmp_path / f"w{index}.pth"
            torch.save(content, path, _use_new_zipfile_serialization=not old)
            with pytest.raises(InputError, match="Python objects besides tensors"):
                read_weights(path)
        assert not (tmp_path / "harm").exists()

    def test_tensors_that_share_bytes(self, tmp_path: Path, frugal: None) -> None:
        entry = {"dtype": "U8", "shape": [10**6], "data_offsets": [0, 10**6]}
        header = json.dumps({f"a{index}": entry for index in range(1000)}).encode()
        with pytest.raises(InputError, match="'a1' overlaps with others"):
            read_weights(safetensors(tmp_path / "w.safetensors", header, bytes(10**6)))

    def test_a_header_of_many_objects(self, tmp_path: Path, frugal: None) -> None:
        header = b'{"a":[' + b"[]," * 6_000_000 + b"[]]}"
        with pytest.raises(InputError, match="its header is longer"):
            read_weights(safetensors(tmp_path / "w.safetensors", header))

    def test_arrays(self, tmp_path: Path, small: None, frugal: None) -> None:
        np.savez_compressed(tmp_path / "w.npz", a=np.zeros((30, 10**6), np.uint8))
        with pytest.raises(InputError, match=r"240 MB .*the limit is 100 MB.*memory-mb"):
            read_weights(tmp_path / "w.npz")

    @pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
    def test_long_files_and_pipes(self, tmp_path: Path, name: str, frugal: None) -> None:
        path = tmp_path / name
        with path.open("wb") as stream:
            stream.truncate(2 * 10**9)
        with pytest.raises(InputError, match=r"has 2,000 MB .the limit is 1000 MB.*model-mb"):
            read_weights(path)
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(InputError, match="no file of weights"):
            read_weights(path)

    def test_damaged(self, tmp_path: Path) -> None:
        data = saved(a=torch.arange(6.0).reshape(2, 3), b=torch.zeros(2, dtype=torch.int8))
        assert min(survive(11, data, tmp_path / "w.pth", read_weights)) > 5
        header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
        path = safetensors(tmp_path / "w.safetensors", header, bytes(8))
        assert survive(12, path.read_bytes(), path, read_weights)[1] > 5


class TestPrograms:
    def test_tensors_that_share_an_entry(self, tmp_path: Path, small: None, frugal: None) -> None:
        def change(name: str, data: bytes) -> bytes:
            if name.endswith("model_weights_config.json"):
                document = json.loads(data)
                weight = next(iter(document["config"].values()))
                document["config"] |= {f"more{index}": weight for index in range(100)}
                return json.dumps(document).encode()
            return bytes(10_000_000) if "/weights/weight" in name else data

        with pytest.raises(InputError, match=r"more than 100 MB .*memory-mb"):
            read_exported(repacked(program(), tmp_path / "net.pt2", change))

    def test_a_tensor_of_one_element(self, tmp_path: Path, small: None, frugal: None) -> None:
        """A stride of nothing makes any shape of it."""

        def change(name: str, data: bytes) -> bytes:
            if name.endswith("model_weights_config.json"):
                document = json.loads(data)
                meta = next(iter(document["config"].values()))["tensor_meta"]
                meta["sizes"], meta["strides"] = [{"as_int": 2**40}], [{"as_int": 0}]
                return json.dumps(document).encode()
            return data

        with pytest.raises(InputError, match=r"more than 100 MB .*memory-mb"):
            read_exported(repacked(program(), tmp_path / "net.pt2", change))

    def test_a_graph_of_many_objects(self, tmp_path: Path, small: None, frugal: None) -> None:
        def change(name: str, data: bytes) -> bytes:
            many = b"[" + b"[]," * 2_000_000 + b"[]]"
            return many if name.endswith("models/model.json") else data

        with pytest.raises(InputError, match=r"more than 100 MB .*memory-mb"):
            read_exported(repacked(program(), tmp_path / "net.pt2", change))

    def test_long_files(self, tmp_path: Path, frugal: None) -> None:
        with (tmp_path / "net.pt2").open("wb") as stream:
            stream.truncate(2 * 10**9)
        with pytest.raises(InputError, match=r"has 2,000 MB .the limit is 1000 MB.*model-mb"):
            read_exported(tmp_path / "net.pt2")

    def test_damaged(self, tmp_path: Path) -> None:
        assert survive(13, program(), tmp_path / "net.pt2", read_exported)[1] > 5
