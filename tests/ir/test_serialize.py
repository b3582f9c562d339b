"""Graphs on disk: round trip, the same bytes, damaged files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwcompress.errors import GraphError, HwcompressError, InputError
from hwcompress.ir import Affine, Dense, Graph, Input, IntType, Output, load, save
from hwcompress.ir.serialize import FORMAT
from tests.conformance.generators import KINDS, random_dag, random_network, random_op_graph


def _assert_same(a: Graph, b: Graph) -> None:
    assert (a.name, a.notes, dict(a.tensors)) == (b.name, b.notes, dict(b.tensors))
    assert len(a.ops) == len(b.ops)
    for one, other in zip(a.ops, b.ops, strict=True):
        assert type(one) is type(other)
        for field in fields(one):
            mine, theirs = getattr(one, field.name), getattr(other, field.name)
            if isinstance(mine, np.ndarray):
                assert mine.dtype == theirs.dtype
                assert np.array_equal(mine, theirs)
            else:
                assert mine == theirs
                assert type(mine) is type(theirs)


def _bytes(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "graph.json").read_bytes(), (folder / "graph.npz").read_bytes()


def _graph() -> Graph:
    boundaries = np.array([-0.5, 0.25, 1e300])
    ops = [
        Input("in", (), ("x",), (2, 3), (1, 0), (3, 2), IntType(0, 3), 0.1, 1.5, boundaries),
        Output("out", ("x",), (), (2, 3), (1, 0), ("relu", "softmax")),
    ]
    affine = {"x": Affine((0.1, 3.0), (0.0, -2.5))}
    return Graph.build("net", ops, affine, ["first line", "second line"])


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_of_operations(kind: str, tmp_path: Path) -> None:
    for seed in range(10):
        graph = random_op_graph(kind, seed)
        save(graph, tmp_path)
        _assert_same(graph, load(tmp_path))


def test_round_trip_of_networks(tmp_path: Path) -> None:
    for graph in [make(seed) for make in (random_network, random_dag) for seed in range(10)]:
        save(graph, tmp_path)
        first = _bytes(tmp_path)
        again = load(tmp_path)
        _assert_same(graph, again)
        save(again, tmp_path)
        assert _bytes(tmp_path) == first


def test_round_trip_of_metadata(tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    _assert_same(_graph(), load(tmp_path))


def test_bytes_do_not_depend_on_the_order_of_axes_in_memory(tmp_path: Path) -> None:
    graph = random_op_graph("Conv", 5)
    for name in ("c", "f"):
        (tmp_path / name).mkdir()
    save(graph, tmp_path / "c")
    (op,) = graph.layers
    turned = replace(op, weight=np.asfortranarray(op.weight))  # type: ignore[attr-defined, call-arg]
    assert not turned.weight.flags.c_contiguous  # type: ignore[attr-defined]
    save(Graph.build(graph.name, [graph.ops[0], turned, graph.ops[2]]), tmp_path / "f")
    assert _bytes(tmp_path / "c") == _bytes(tmp_path / "f")


def test_numpy_scalars_are_stored_as_numbers(tmp_path: Path) -> None:
    two = np.int64(2)
    ops = [
        Input("in", (), ("x",), (two,), (0,), (two,), IntType(0, 3), np.float32(0.5)),
        Output("out", ("x",), ()),
    ]
    save(Graph.build("g", ops, {"x": Affine((np.float32(0.5),))}), tmp_path)
    graph = load(tmp_path)
    assert graph.inputs[0].shape == (2,)
    assert graph.tensors["x"].affine.scale == (0.5,)


def test_nothing_is_pickled(tmp_path: Path) -> None:
    save(random_network(1), tmp_path)
    with np.load(tmp_path / "graph.npz", allow_pickle=False) as archive:
        assert {archive[key].dtype for key in archive.files} <= {
            np.dtype(np.int64), np.dtype(np.float64),
        }  # fmt: skip


def _edit(folder: Path, change: Callable[[Any], None]) -> None:
    document = json.loads((folder / "graph.json").read_text())
    change(document)
    (folder / "graph.json").write_text(json.dumps(document))


def test_changed_type_is_refused(tmp_path: Path) -> None:
    save(random_op_graph("Dense", 0), tmp_path)
    _edit(tmp_path, lambda document: document["tensors"]["y"]["type"].update(hi=10**6))
    with pytest.raises(GraphError, match="stored type of tensor 'y' is not the inferred one"):
        load(tmp_path)


def test_changed_weight_is_refused_where_it_changes_a_type(tmp_path: Path) -> None:
    source = Input("in", (), ("x",), (1,), (0,), (1,), IntType(0, 3), 1.0)
    for weight in (1, 2):
        dense = Dense("d", ("x",), ("y",), np.array([[weight]]), IntType(0, 3))
        (tmp_path / str(weight)).mkdir()
        save(Graph.build("g", [source, dense, Output("o", ("y",), ())]), tmp_path / str(weight))
    (tmp_path / "1" / "graph.npz").write_bytes((tmp_path / "2" / "graph.npz").read_bytes())
    with pytest.raises(GraphError, match="stored type of tensor 'y' is not the inferred one"):
        load(tmp_path / "1")


def test_other_format(tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    _edit(tmp_path, lambda document: document.update(format="other-2"))
    with pytest.raises(InputError, match=f"not a graph of format '{FORMAT}'"):
        load(tmp_path)
    (tmp_path / "graph.json").write_text("[1, 2]")
    with pytest.raises(InputError, match=f"not a graph of format '{FORMAT}'"):
        load(tmp_path)


def test_unknown_operation(tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    _edit(tmp_path, lambda document: document["ops"][0].update(op="Warp"))
    with pytest.raises(GraphError, match="unknown operation 'Warp' .known are Add, ArgMax, "):
        load(tmp_path)


_DAMAGE: list[Callable[[Any], Any]] = [
    lambda document: document.pop("ops"),
    lambda document: document.pop("tensors"),
    lambda document: document.pop("notes"),
    lambda document: document.update(ops=3),
    lambda document: document.update(tensors=[1]),
    lambda document: document["ops"].append("x"),
    lambda document: document["ops"][0].pop("scale"),
    lambda document: document["ops"][0].update(surprise=1),
    lambda document: document["ops"][0].update(arrays=["nothing"]),
    lambda document: document["ops"][0].update(op=["a"]),
    lambda document: document["ops"][0].update(axes=None),
    lambda document: document["ops"][0].update(dtype=None),
    lambda document: document["ops"][0].update(dtype={"lo": "a", "hi": 1, "step": 1}),
    lambda document: document["ops"][0].update(scale="a"),
    lambda document: document["tensors"]["x"].pop("scale"),
    lambda document: document["tensors"]["x"].update(shape=3),
    lambda document: document["tensors"]["x"].update(shape=[[1]]),
    lambda document: document["tensors"]["x"].update(type=7),
    lambda document: document["tensors"].pop("x"),
]


@pytest.mark.parametrize("change", _DAMAGE, ids=map(str, range(len(_DAMAGE))))
def test_damaged_document(change: Callable[[Any], Any], tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    _edit(tmp_path, change)
    with pytest.raises((InputError, GraphError), match=r"damaged integer graph|stored type|Input"):
        load(tmp_path)


@pytest.mark.parametrize("missing", ["graph.json", "graph.npz"])
def test_missing_file(missing: str, tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match="cannot read the integer graph: .*Remedy: give a folder"):
        load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"no archive", b"PK\x03\x04", b"\x93NUMPY\x01\x00garbage", b"\x80\x04K\x01."]
)
def test_not_an_archive(content: bytes, tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    (tmp_path / "graph.npz").write_bytes(content)
    with pytest.raises(InputError, match="cannot read the integer graph"):
        load(tmp_path)


def test_a_plain_array_is_no_archive(tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    with (tmp_path / "graph.npz").open("wb") as stream:
        np.save(stream, np.arange(3))
    with pytest.raises(InputError, match="cannot read the integer graph"):
        load(tmp_path)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    np.savez(tmp_path / "graph.npz", **{"in/boundaries": np.array([{}], object)})
    with pytest.raises(InputError, match="cannot read the integer graph"):
        load(tmp_path)


def test_truncated_archive(tmp_path: Path) -> None:
    """Every shorter file is refused with our error, whatever the libraries say to it."""
    save(random_op_graph("Conv", 5), tmp_path)
    whole = (tmp_path / "graph.npz").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "graph.npz").write_bytes(whole[:length])
        with pytest.raises(InputError, match="cannot read the integer graph"):
            load(tmp_path)


def test_flipped_bytes_never_pass_unseen(tmp_path: Path) -> None:
    """A changed byte gives one of our errors, or leaves the graph as it was."""
    graph = random_op_graph("Dense", 2)
    save(graph, tmp_path)
    rng = np.random.default_rng(0)
    for name in ("graph.npz", "graph.json"):
        whole = (tmp_path / name).read_bytes()
        refused = 0
        for _ in range(150):
            damaged = bytearray(whole)
            damaged[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
            (tmp_path / name).write_bytes(bytes(damaged))
            try:
                again = load(tmp_path)
            except HwcompressError:
                refused += 1
                continue
            if name == "graph.npz":
                _assert_same(graph, again)
        assert refused > 50
        (tmp_path / name).write_bytes(whole)


def test_truncated_document(tmp_path: Path) -> None:
    save(_graph(), tmp_path)
    text = (tmp_path / "graph.json").read_text()
    for length in range(0, len(text) - 2, 11):
        (tmp_path / "graph.json").write_text(text[:length])
        with pytest.raises(InputError, match="cannot read the integer graph"):
            load(tmp_path)


def test_archive_members_are_dated_the_same(tmp_path: Path) -> None:
    save(random_network(2), tmp_path)
    with zipfile.ZipFile(tmp_path / "graph.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
