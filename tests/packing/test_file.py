"""Packed graphs: the same integers, thresholds, names and scales; every byte is accounted for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.ir import OPERATIONS, Affine, Graph, fingerprint
from hwcompress.packing import pack_graph, read_packed, unpack_graph, write_packed
from tests.conformance.generators import KINDS, random_dag, random_network, random_op_graph


def assert_same(one: Graph, other: Graph) -> None:
    """Field by field, without the help of what the packer itself compares."""
    assert (one.name, one.notes) == (other.name, other.notes)
    assert dict(one.tensors) == dict(other.tensors)
    assert [op.kind for op in one.ops] == [op.kind for op in other.ops]
    for a, b in zip(one.ops, other.ops, strict=True):
        for field in dataclasses.fields(a):
            left, right = getattr(a, field.name), getattr(b, field.name)
            if isinstance(left, np.ndarray):
                assert left.dtype == right.dtype and np.array_equal(left, right), a.name
            else:
                assert type(left) is type(right) and left == right, (a.name, field.name)


def check(graph: Graph, huffman: bool = True) -> None:
    packed = pack_graph(graph, huffman=huffman)
    assert packed.size.total == len(packed.data)
    again = unpack_graph(packed.data)
    assert_same(again, graph)
    assert pack_graph(again, huffman=huffman).data == packed.data


@pytest.mark.parametrize("kind", KINDS)
def test_every_operation(kind: str) -> None:
    assert set(KINDS) == set(OPERATIONS) - {"Input", "Output"}
    for seed in range(6):
        check(random_op_graph(kind, seed), huffman=seed % 2 == 0)


@pytest.mark.parametrize("make", [random_network, random_dag])
def test_networks(make: object) -> None:
    for seed in range(8):
        check(make(seed))


def test_a_file_has_as_many_bytes_as_reported(tmp_path: Path) -> None:
    graph = random_network(3)
    size = write_packed(graph, tmp_path / "net.hwc")
    assert (tmp_path / "net.hwc").stat().st_size == size.total
    assert size.total == size.header + size.facts + size.tables + size.words
    assert sum(array.elements for array in size.arrays) == sum(
        getattr(op, field.name).size
        for op in graph.ops
        for field in dataclasses.fields(op)
        if isinstance(getattr(op, field.name), np.ndarray)
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.hwc"]
    assert_same(read_packed(tmp_path / "net.hwc"), graph)
    assert fingerprint(read_packed(tmp_path / "net.hwc")) == fingerprint(graph)


def test_files_do_not_depend_on_the_order_of_axes_in_memory() -> None:
    graph = random_op_graph("Dense", 0)
    turned = [
        dataclasses.replace(op, weight=np.asfortranarray(op.weight)) if op.kind == "Dense" else op
        for op in graph.ops
    ]
    affine = {name: tensor.affine for name, tensor in graph.tensors.items()}
    other = Graph.build(graph.name, turned, affine, graph.notes)
    assert pack_graph(other).data == pack_graph(graph).data


def test_names_of_any_text(tmp_path: Path) -> None:
    graph = random_network(1)
    renamed = Graph.build(
        'ネット \N{SNOWMAN} "quoted"',
        graph.ops,
        {name: tensor.affine for name, tensor in graph.tensors.items()},
        ["line\none", ""],
    )
    check(renamed)


def test_an_offset_of_minus_zero() -> None:
    graph = random_network(1)
    affine = dict.fromkeys(graph.tensors, Affine((1.0,), (-0.0,)))
    again = unpack_graph(pack_graph(Graph.build(graph.name, graph.ops, affine)).data)
    assert {repr(tensor.affine.offset) for tensor in again.tensors.values()} == {"(-0.0,)"}


def test_a_width_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="relative indices of 1 bits"):
        pack_graph(random_op_graph("Dense", 0), index_bits=1)
