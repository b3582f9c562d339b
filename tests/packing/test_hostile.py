"""Packed files that are damaged, cut off or made to do harm: one message each, and quickly."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import time
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.limits import DEFAULT_LIMITS, Limits
from hwcompress.packing import pack_graph, read_packed, unpack_graph
from hwcompress.packing.arrays import code_array
from hwcompress.packing.facts import read_facts
from hwcompress.packing.octets import ByteReader, ByteWriter
from tests.conformance.generators import random_dag, random_network

HEADER = struct.Struct("<4sHHQ32s")
SECONDS = 5.0


def signed(body: bytes) -> bytes:
    """A body with a header that fits: an attacker computes digests, too."""
    digest = hashlib.sha256(body).digest()
    return HEADER.pack(b"HWC\x1a", 1, 0, len(body), digest) + body


@cache
def body_of(make: Callable[[int], Graph], seed: int) -> bytes:
    return pack_graph(make(seed)).data[HEADER.size :]


def attempt(data: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    """The message; empty if the data are a graph. Anything else fails the test."""
    start = time.process_time()
    try:
        graph = unpack_graph(data, where="file.hwc", limits=limits)
    except InputError as error:
        said = str(error)
        assert said.startswith("file.hwc: ") and "Remedy: " in said
        assert "damaged packed graph (AttributeError" not in said, said
    else:
        assert isinstance(graph, Graph)
        said = ""
    assert time.process_time() - start < SECONDS
    return said


def with_facts(change: Callable[[dict[str, Any]], None], arrays: bytes = b"") -> bytes:
    """A small graph, its facts changed."""
    facts = {
        "name": "net",
        "ops": [
            [
                "Input",
                "in",
                [],
                ["x"],
                {
                    "source_shape": [4],
                    "axes": [0],
                    "shape": [4],
                    "dtype": [0, 15],
                    "scale": 1.0,
                },
            ],
            ["Output", "out", ["x"], [], {}],
        ],
        "affine": {},
        "notes": [],
    }
    change(facts)
    return with_text(json.dumps(facts).encode(), arrays)


def with_text(text: bytes, arrays: bytes = b"") -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(text) + packer.flush()
    writer = ByteWriter()
    writer.number(len(packed))
    return signed(bytes(writer.data) + packed + arrays)


def test_the_small_graph_is_one() -> None:
    assert attempt(with_facts(lambda facts: None)) == ""


def test_every_length_that_is_cut_off_is_refused() -> None:
    data = pack_graph(random_network(3)).data
    for length in range(len(data)):
        assert attempt(data[:length])
    assert "cut off or has a tail" in attempt(data + b"\0")
    body = data[HEADER.size :]
    for length in range(len(body)):
        assert attempt(signed(body[:length])), length
    assert "1 bytes follow the last array" in attempt(signed(body + b"\0"))


def test_every_flipped_bit_is_found() -> None:
    data = pack_graph(random_network(0)).data
    for place in range(len(data)):
        for bit in range(8):
            broken = bytearray(data)
            broken[place] ^= 1 << bit
            assert attempt(bytes(broken))


@pytest.mark.parametrize("make", [random_network, random_dag])
def test_random_damage_under_a_right_digest(make: Callable[[int], Graph]) -> None:
    refused = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        body = bytearray(body_of(make, seed % 5))
        for _ in range(int(random.integers(1, 5))):
            place = int(random.integers(0, len(body)))
            if random.random() < 0.5:
                body[place] = int(random.integers(0, 256))
            elif random.random() < 0.5:
                del body[place]
            else:
                body.insert(place, int(random.integers(0, 256)))
        refused += bool(attempt(signed(bytes(body))))
    assert refused > 70


@pytest.mark.long
@pytest.mark.parametrize("make", [random_network, random_dag])
def test_random_damage_long(make: Callable[[int], Graph]) -> None:
    bodies = [body_of(make, seed) for seed in range(20)]
    for seed in range(5000):
        random = np.random.default_rng(seed)
        body = bytearray(bodies[seed % 20])
        for place in random.integers(0, len(body), int(random.integers(1, 6))):
            body[place] = int(random.integers(0, 256))
        attempt(signed(bytes(body)))


def mutated(random: np.random.Generator, value: Any, depth: int = 0) -> Any:
    """A JSON document with something replaced somewhere."""
    strange = [None, True, -1, 0, 1, 1 << 40, 1 << 70, 1.5, 1e308, "", "x", "#", [], [[]], {}, [0]]
    if random.random() < 0.15 or not isinstance(value, list | dict) or not value:
        return strange[int(random.integers(0, len(strange)))]
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[int(random.integers(0, len(keys)))]
    copied = dict(value) if isinstance(value, dict) else list(value)
    if random.random() < 0.1:
        del copied[key]
    else:
        copied[key] = mutated(random, value[key], depth + 1)
    return copied


@pytest.mark.parametrize("make", [random_network, random_dag])
def test_strange_facts(make: Callable[[int], Graph]) -> None:
    for seed in range(150):
        random = np.random.default_rng(seed)
        reader = ByteReader(body_of(make, seed % 5))
        facts = read_facts(reader.take(reader.number()), 1 << 20)
        arrays = bytes(reader.take(reader.left))
        attempt(with_text(json.dumps(mutated(random, facts)).encode(), arrays))


def test_deep_and_long_documents() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    assert "cannot be read" in attempt(with_text(deep))
    assert "cannot be read" in attempt(with_text(b'{"name":' + b"9" * 10_000 + b"}"))
    assert "cannot be read" in attempt(with_text(b"\xff\xfe"))
    assert "NaN is no number" in attempt(with_text(b'{"name": NaN}'))
    long = with_text(b" " * 3_000_000)
    assert len(long) < 4000
    assert "unpacks to more than 20000 bytes" in attempt(long, Limits(memory_mb=1))


def test_arrays_that_would_fill_the_memory() -> None:
    def change(facts: dict[str, Any]) -> None:
        dense = ["Dense", "d", ["x"], ["y"], {"weight": "#", "wtype": [0, 0]}]
        facts["ops"][1:] = [dense, ["Output", "out", ["y"], [], {}]]

    writer = ByteWriter()
    for number in (1, 2, 4, 1 << 40):  # way: values, two axes
        writer.number(number)
    said = attempt(with_facts(change, bytes(writer.data) + b"\x03\x00\x00"))
    assert "weight: an array of shape (4, 1099511627776)" in said
    assert "the limit is 4,000 MB" in said and "--limits memory-mb=NUMBER" in said
    small = code_array(np.zeros((125_001, 4), np.int64)).data
    said = attempt(with_facts(change, small), Limits(memory_mb=4))
    assert "array of shape (125001, 4)" in said


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source_shape": [1 << 61], "shape": [1 << 61]}, "a tensor of shape"),
        ({"source_shape": [9000000], "shape": [9000000]}, "a tensor of shape"),
        ({"shape": [5]}, "is not (5,)"),
        ({"shape": ["4"]}, "no tuple[int, ...]"),
        ({"shape": 4}, "no tuple[int, ...]"),
        ({"dtype": [3, 1]}, "lo 3 > hi 1"),
        ({"dtype": [3]}, "no IntType"),
        ({"scale": "1"}, "scale is '1', no float"),
        ({"scale": 1e400}, "cannot be read"),
        ({"scale": True}, "no float"),
        ({"boundaries": [0.5]}, "boundaries is no array"),
        ({"name": "y"}, "unknown field 'name'"),
        ({"strange": 1}, "unknown field 'strange'"),
        ({"axes": None}, "no tuple[int, ...]"),
    ],
)
def test_fields_of_an_input(fields: dict[str, object], message: str) -> None:
    assert message in attempt(with_facts(lambda facts: facts["ops"][0][4].update(fields)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda facts: facts.pop("notes"), "does not have the parts"),
        (lambda facts: facts.update(extra=1), "does not have the parts"),
        (lambda facts: facts.update(name=1), "'name' of the graph is no str"),
        (lambda facts: facts.update(notes=[1]), "a note is no text"),
        (lambda facts: facts.update(affine={"x": [[1.0], []]}), "are no numbers"),
        (lambda facts: facts.update(affine={"x": [[1.0, 2.0], [0.0]]}), "2 scales or offsets"),
        (lambda facts: facts["ops"].append("x"), "no list of five parts"),
        (lambda facts: facts["ops"][1].__setitem__(0, "System"), "unknown operation 'System'"),
        (lambda facts: facts["ops"][1].__setitem__(0, ["System"]), "unknown operation"),
        (lambda facts: facts["ops"][1].__setitem__(2, ["z"]), "made by no earlier operation"),
        (lambda facts: facts["ops"][1].__setitem__(2, []), "takes 1 inputs, is given 0"),
        (lambda facts: facts["ops"][1].__setitem__(4, {"host": ["exec"]}), "host function 'exec'"),
        (lambda facts: facts["ops"][0][4].pop("scale"), "it lacks a field"),
        (lambda facts: facts["ops"].pop(), "at least one Input and one Output"),
        (
            lambda facts: facts["ops"].insert(
                1, ["Reshape", "r", ["x"], ["y"], {"shape": [2, 2, 1 << 50]}]
            ),
            "a tensor of shape",
        ),
    ],
)
def test_facts_that_are_none(change: Callable[[dict[str, Any]], None], message: str) -> None:
    assert message in attempt(with_facts(change))


def test_tensors_that_grow_beyond_the_limit() -> None:
    def change(facts: dict[str, Any]) -> None:
        facts["ops"][0][4].update(source_shape=[1, 1, 4], axes=[0, 1, 2], shape=[1, 1, 4])
        grow = [
            ["Upsample", f"u{i}", ["x" if i == 0 else f"y{i}"], [f"y{i + 1}"], {"factor": [900, 2]}]
            for i in range(5)
        ]
        facts["ops"][1:] = [*grow, ["Output", "out", ["y5"], [], {}]]

    assert "the limit is 8388608 elements" in attempt(with_facts(change))


def test_windows_that_take_long_to_go_through() -> None:
    def change(facts: dict[str, Any]) -> None:
        facts["ops"][0][4].update(source_shape=[1, 1, 4], axes=[0, 1, 2], shape=[1, 1, 4])
        up = ["ConvTranspose", "c", ["x"], ["y"], {"weight": "#", "wtype": [0, 1]}]
        up[4]["stride"] = [100_000, 100_000]  # type: ignore[index]
        facts["ops"][1:] = [up, ["Output", "out", ["y"], [], {}]]

    weight = code_array(np.ones((1, 1, 1, 4), np.int64)).data
    assert "stride (100000, 100000)" in attempt(with_facts(change, weight))


def test_too_many_operations() -> None:
    def change(facts: dict[str, Any]) -> None:
        facts["ops"] = facts["ops"][:1] * 11

    assert "has 11 operations (the limit is 10)" in attempt(with_facts(change), Limits(nodes=10))


def test_other_files() -> None:
    assert "its header alone is longer" in attempt(b"HWC")
    assert "is no packed graph (.hwc)" in attempt(b"PK\x03\x04" + bytes(100))
    header = bytearray(with_facts(lambda facts: None))
    header[4] = 2
    assert "version 2, flags 0 (this hwcompress reads version 1)" in attempt(bytes(header))


def test_paths(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the packed graph: No such file"):
        read_packed(tmp_path / "none.hwc")
    with pytest.raises(InputError, match="cannot read the packed graph: Is a directory"):
        read_packed(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no regular file"):
        read_packed(tmp_path / "pipe")
