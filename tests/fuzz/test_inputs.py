"""Everything else that is read: data, foldings, graphs, boards, manifests, options, modules."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwcompress import boards
from hwcompress.data import load_dataset
from hwcompress.errors import HwcompressError, InputError
from hwcompress.flow.manifest import Manifest
from hwcompress.frontend.input_types import parse_input_type
from hwcompress.hls.folding.complete import read_folding
from hwcompress.ir import load, save
from hwcompress.limits import Limits, parse_limits
from hwcompress.models.loader import load_module
from hwcompress.npz import read_npz
from tests.ir.test_serialize import _graph

RUNS = 150

Read = Callable[[Path], object]


def damaged(random: np.random.Generator, data: bytes) -> bytes:
    """Some bytes changed, left out or put in; or cut off."""
    raw = bytearray(data)
    for _ in range(int(random.integers(1, 6))):
        place = int(random.integers(len(raw)))
        match int(random.integers(4)):
            case 0:
                raw[place] = int(random.integers(256))
            case 1:
                raw[place : place + int(random.integers(1, 9))] = b""
            case 2:
                raw[place:place] = random.bytes(int(random.integers(1, 9)))
            case _:
                raw[place] = int(random.choice([0, 0x39, 0x2D, 0x7F, 0xFF]))
        raw = raw or bytearray(b"x")
    return bytes(raw[: int(random.integers(1, len(raw) + 1))]) if random.random() < 0.1 else raw


def survive(seed: int, data: bytes, path: Path, read: Read) -> tuple[int, int]:
    """How many damaged files were read, and refused with a message of ours in one line."""
    random = np.random.default_rng(seed)
    accepted = refused = 0
    for _ in range(RUNS):
        path.write_bytes(damaged(random, data))
        started = time.process_time()
        try:
            read(path)
            accepted += 1
        except HwcompressError as error:
            refused, message = refused + 1, str(error)
        else:
            message = ""
        assert "MemoryError" not in message
        assert time.process_time() - started < 10
    return accepted, refused


def npz_bytes() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, x=np.arange(60, dtype=np.uint8).reshape(5, 12), y=np.arange(5))
    return stream.getvalue()


def idx_bytes(*shape: int) -> bytes:
    head = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return head + bytes(range(60))


def test_npz(tmp_path: Path) -> None:
    assert survive(1, npz_bytes(), tmp_path / "a.npz", load_dataset)[1] > 5


def test_idx(tmp_path: Path) -> None:
    assert min(survive(2, idx_bytes(5, 12), tmp_path / "a.idx", load_dataset)) > 5
    packed = gzip.compress(idx_bytes(5, 12))
    assert survive(3, packed, tmp_path / "a.idx.gz", load_dataset)[1] > 5


def test_npy(tmp_path: Path) -> None:
    images, stream = tmp_path / "a.idx", io.BytesIO()
    images.write_bytes(idx_bytes(5, 12))
    np.save(stream, np.arange(5))
    read: Read = lambda path: load_dataset(images, labels=path)  # noqa: E731
    assert survive(4, stream.getvalue(), tmp_path / "l.npy", read)[1] > 5


def test_graph_files(tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    read: Read = lambda path: load(path.parent)  # noqa: E731
    for name in ("graph.json", "graph.npz"):
        whole = (tmp_path / name).read_bytes()
        assert survive(5, whole, tmp_path / name, read)[1] > 5
        (tmp_path / name).write_bytes(whole)


def test_folding(tmp_path: Path) -> None:
    engines = {"conv": {"pe": 4, "simd": 2, "multiplier": "lut"}, "fc": {"pe": 1, "simd": 1}}
    text = json.dumps({"format": "hwcompress-folding-1", "engines": engines})
    assert min(survive(6, text.encode(), tmp_path / "f.json", read_folding)) > 0


def test_board(tmp_path: Path) -> None:
    source = next(Path(boards.__file__).parent.rglob("*pynq*.toml"))
    read: Read = lambda path: boards.load(str(path))  # noqa: E731
    assert survive(7, source.read_bytes(), tmp_path / "b.toml", read)[1] > 5


def test_manifest(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "format": "hwcompress-build-1",
            "settings": {"board": "pynq-z2", "frames": 24},
            "steps": {},
        }
    )
    assert survive(8, text.encode(), tmp_path / "manifest.json", Manifest.load)[1] > 5


@pytest.mark.parametrize(
    ("name", "read"),
    [("f.json", read_folding), ("manifest.json", Manifest.load), ("graph.json", None)],
)
def test_deeply_nested_json(tmp_path: Path, name: str, read: Read | None) -> None:
    (tmp_path / name).write_text("[" * 200_000)
    with pytest.raises(InputError):
        load(tmp_path) if read is None else read(tmp_path / name)


def test_deeply_nested_board(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(InputError):
        boards.load(str(tmp_path / "b.toml"))


class TestBombs:
    """A few bytes that announce, or unpack to, a great many."""

    def test_header_of_an_array(self, tmp_path: Path) -> None:
        for shape in ((10**12,), (10**6, 10**6), (2**62, 4), (0, 2**70), (-1,), (10**30,)):
            head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n"
            raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + bytes(80)
            with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
                archive.writestr("x.npy", raw)
            with pytest.raises(InputError):
                read_npz(tmp_path / "a.npz")
            (tmp_path / "y.npy").write_bytes(raw)
            (tmp_path / "a.idx").write_bytes(idx_bytes(5, 12))
            with pytest.raises(InputError):
                load_dataset(tmp_path / "a.idx", labels=tmp_path / "y.npy")

    def test_archive(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npz"
        np.savez_compressed(path, x=np.zeros((100, 10**6), np.uint8))
        assert path.stat().st_size < 200_000
        with pytest.raises(
            InputError, match=r"take 800 MB and more in computations .the limit is 50 MB.*--limits"
        ):
            load_dataset(path, limit=50 * 10**6)

    def test_idx(self, tmp_path: Path) -> None:
        path = tmp_path / "a.idx"
        path.write_bytes(idx_bytes(2**32 - 1, 2**32 - 1, 2**32 - 1))
        with pytest.raises(InputError, match="the limit is 4,000 MB"):
            load_dataset(path)

    def test_gzip(self, tmp_path: Path) -> None:
        path = tmp_path / "a.idx.gz"
        path.write_bytes(gzip.compress(idx_bytes(5, 12) + bytes(10**8)))
        with pytest.raises(InputError, match="the file is longer than its header says"):
            load_dataset(path)

    def test_pickles(self, tmp_path: Path) -> None:
        class Harm:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return (Path.touch, (tmp_path / "harm",))  # type: ignore[return-value]

        np.savez(tmp_path / "a.npz", x=np.array([Harm()], object), allow_pickle=True)
        with pytest.raises(InputError, match="Python objects, which are not loaded"):
            load_dataset(tmp_path / "a.npz")
        assert not (tmp_path / "harm").exists()


def test_input_types() -> None:
    random = np.random.default_rng(9)
    pieces = ["int", "uint", "fixed<", "ufixed<", ">", ",", "*", "/", "bipolar", "8", "-1", "1e9"]
    pieces += ["0", "nan", "inf", "9" * 30, "9" * 6000, " ", "\0", "\u0663", "-", ".", "x" * 100]
    for _ in range(2000):
        text = "".join(random.choice(pieces, int(random.integers(1, 8))))
        try:
            spec = parse_input_type(text)
        except InputError:
            continue
        assert 0 < spec.scale < float("inf")
        assert 1 <= spec.dtype.bits <= 32
    for text in ("fixed<8,9999999>", "fixed<8,-9999999>", "uint8*1e308", "uint8*1/1e400"):
        with pytest.raises(InputError):
            parse_input_type(text) if "308" not in text else parse_input_type(text + "0")


def test_limits() -> None:
    assert parse_limits("") == Limits()
    assert parse_limits("model-mb=5, nodes=7") == Limits(model_mb=5, nodes=7)
    for text in ("model-mb", "model-mb=", "model-mb=-1", "model-mb=0", "nodes=1e3", "x=1",
                 "nodes=" + "9" * 5000, "nodes=\u0663", "__class__=1"):  # fmt: skip
        with pytest.raises(InputError, match="--limits has"):
            parse_limits(text)


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError('no')",
        "raise SystemExit(0)",
        "import sys; sys.exit('bye')",
        "return make()",
        "return 1 / 0",
        "return None",
        "import no_such_module_of_anybody",
        "assert False",
        "raise MemoryError",
        "return [",
    ],
)
def test_modules_that_fail(tmp_path: Path, body: str) -> None:
    (tmp_path / "net.py").write_text(f"def make():\n    {body}\n")
    with pytest.raises(InputError) as caught:
        load_module(f"{tmp_path / 'net.py'}:make")
    assert "net.py" in str(caught.value)


@pytest.mark.parametrize("labels", [False, True])
def test_pipes(tmp_path: Path, labels: bool) -> None:
    """Nobody writes into them."""
    os.mkfifo(tmp_path / "a.idx")
    (tmp_path / "b.idx").write_bytes(idx_bytes(5, 12))
    pipe = tmp_path / "a.idx"
    with pytest.raises(InputError, match="no regular file"):
        load_dataset(tmp_path / "b.idx" if labels else pipe, labels=pipe if labels else None)


def test_half_an_archive(tmp_path: Path) -> None:
    """The end of a zip file, which Python's own test of one stumbles over."""
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 2)
    (tmp_path / "a").write_bytes(locator + struct.pack("<4s4H2LH", b"PK\5\6", *[0] * 7))
    with pytest.raises(InputError, match="damaged or cut off"):
        load_dataset(tmp_path / "a")
