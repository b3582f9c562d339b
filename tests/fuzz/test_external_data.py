"""Weights beside the model: read inside its folder, refused everywhere else."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from hwcompress.errors import InputError
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_qonnx
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.frontend.reading import copy_model, read_proto
from hwcompress.ir import Graph, trace
from hwcompress.ir.text import format_graph
from hwcompress.limits import Limits
from tests.frontend.onnx_builder import ModelBuilder

RNG = np.random.default_rng(11)


def model() -> onnx.ModelProto:
    net = ModelBuilder((1, 6))
    net.act(0.5, 4)
    net.dense(RNG.normal(0, 1, (3, 6)), 0.25, 4)
    return net.proto()


def weights(proto: onnx.ModelProto) -> onnx.TensorProto:
    return max(proto.graph.initializer, key=lambda item: len(item.raw_data))


def outside(folder: Path, location: str, **facts: str) -> tuple[Path, bytes]:
    """A model whose weights are said to lie in ``location``; and their bytes."""
    proto = model()
    tensor = weights(proto)
    raw = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **facts}.items():
        tensor.external_data.add(key=key, value=value)
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path, raw


def graph_of(path: Path) -> Graph:
    return import_model(path).graph


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_onnx(path)
    return str(caught.value)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize("location", ["w.bin", "./w.bin", "inner/w.bin", "inner/../w.bin"])
def test_inside(home: Path, location: str) -> None:
    (home / "inner").mkdir()
    path, raw = outside(home, location, offset="8", length=str(6 * 3 * 4))
    (home / location).write_bytes(bytes(8) + raw + bytes(9))
    proto = read_proto(path)
    assert weights(proto).raw_data == raw
    assert not any(item.data_location for item in proto.graph.initializer)
    imported = import_model(path)
    samples = RNG.normal(0, 2, (50, 6))
    (op,) = imported.graph.inputs
    for result in check_qonnx(imported, samples, trace(imported.graph, op.encode(samples))):
        assert result.exact


def test_a_copy_is_whole(home: Path, tmp_path: Path) -> None:
    path, raw = outside(home, "w.bin")
    (home / "w.bin").write_bytes(raw)
    (tmp_path / "elsewhere").mkdir()
    copies = [tmp_path / "elsewhere" / f"{index}.onnx" for index in (1, 2)]
    for copy in copies:
        copy_model(path, copy)
    assert copies[0].read_bytes() == copies[1].read_bytes()
    before = graph_of(path)
    (home / "w.bin").unlink()
    after = import_model(copies[0], name=before.name).graph
    assert format_graph(after) == format_graph(before)
    assert [op.weight.tolist() for op in after.ops if hasattr(op, "weight")] == [
        op.weight.tolist() for op in before.ops if hasattr(op, "weight")
    ]
    plain = home / "plain.onnx"
    plain.write_bytes(model().SerializeToString())
    copy_model(plain, copies[1])
    assert copies[1].read_bytes() == plain.read_bytes()


@pytest.mark.parametrize(
    "location",
    ["../w.bin", "inner/../../w.bin", "/etc/hostname", "..", ".", "inner", "fifo", "link.bin",
     "inner/link.bin", "loop", "no.bin", "w.bin\0", "..\\w.bin", "x" * 5000, "", "/dev/zero"],
)  # fmt: skip
def test_elsewhere(home: Path, location: str) -> None:
    (home / "inner").mkdir()
    (home.parent / "w.bin").write_bytes(bytes(6 * 3 * 4))
    os.mkfifo(home / "fifo")
    (home / "link.bin").symlink_to("../w.bin")
    (home / "inner" / "link.bin").symlink_to(home.parent / "w.bin")
    (home / "loop").symlink_to("loop")
    message = refused(outside(home, location)[0])
    assert "initializer" in message or "tensor 'const" in message
    assert "\0" not in message
    assert len(message) < 1500


def test_a_link_inside_the_folder(home: Path) -> None:
    path, raw = outside(home, "link.bin")
    (home / "w.bin").write_bytes(raw)
    (home / "link.bin").symlink_to("w.bin")
    assert weights(read_proto(path)).raw_data == raw


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"offset": "1"}, "is cut off: 72 bytes from 1 on, of a file 'w.bin' of 72"),
        ({"offset": str(2**63)}, "is cut off"),
        ({"offset": "-1"}, "has the offset '-1'"),
        ({"offset": "9" * 5000}, "has the offset '999"),
        ({"length": "4"}, "has 4 bytes in 'w.bin', but its shape and type need 72"),
        ({"length": "x"}, "has the length 'x'"),
    ],
)
def test_offset_and_length(home: Path, facts: dict[str, str], said: str) -> None:
    path, raw = outside(home, "w.bin", **facts)
    (home / "w.bin").write_bytes(raw)
    message = refused(path)
    assert said in message
    assert len(message) < 1000


def test_shape_of_what_lies_outside(home: Path) -> None:
    path, raw = outside(home, "w.bin")
    (home / "w.bin").write_bytes(raw)
    proto = onnx.ModelProto.FromString(path.read_bytes())
    (tensor,) = (item for item in proto.graph.initializer if item.data_location)
    for dims in ((2**60, 2**60), (-1, 6), (10**6, 10**6)):
        tensor.dims[:] = dims
        path.write_bytes(proto.SerializeToString())
        assert "tensor 'const" in refused(path)


def test_limits(home: Path) -> None:
    path, raw = outside(home, "w.bin")
    (home / "w.bin").write_bytes(raw)
    small = Limits(nodes=1)
    with pytest.raises(InputError, match=r"nodes .the limit is 1.*--limits nodes=NUMBER"):
        read_proto(path, small)
    big = home / "big.onnx"
    with big.open("wb") as stream:
        stream.truncate(2 * 10**9)
    with pytest.raises(InputError, match="the model has 2,000 MB .the limit is 1000 MB"):
        read_proto(big)
    with pytest.raises(InputError, match="cannot read the model: Is a directory"):
        read_proto(home)
    os.mkfifo(home / "fifo.onnx")
    with pytest.raises(InputError, match="no regular file"):
        read_proto(home / "fifo.onnx")


def test_files_that_are_small_until_they_are_parsed(home: Path) -> None:
    """Two bytes a node: parsing twenty megabytes of them would take gigabytes."""
    graph = b"\x0a\x00" * 10_000_000
    length, size = b"", len(graph)
    while size:
        length += bytes([(size & 127) | (128 if size > 127 else 0)])
        size >>= 7
    path = home / "bomb.onnx"
    path.write_bytes(b"\x3a" + length + graph)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="the file has more than 1,000,000 fields"):
        read_proto(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes
