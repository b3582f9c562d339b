"""The parts of a run: sizes, chosen samples, input types from a stream, files, drawn samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.data import stream_arrays
from hwcompress.errors import InputError
from hwcompress.frontend.input_types import derive_input_type
from hwcompress.frontend.integer_inputs import _are_levels
from hwcompress.ir import BIPOLAR, Graph, Input, IntType, Output
from hwcompress.running.array_file import ArrayFile
from hwcompress.running.choice import parse_choice
from hwcompress.running.encode import Encoder
from hwcompress.running.sizes import parse_size, plan_sizes
from hwcompress.running.source import DrawnSource, StoredSource
from hwcompress.running.summary import Summary
from hwcompress.sim.real_input import feed_dtype

RNG = np.random.default_rng(7)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500M", 500_000_000),
        ("2G", 2 * 10**9),
        ("1.5GiB", 3 << 29),
        ("64000", 64_000),
        ("8 kb", 8000),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "0", "-1M", "1X", "1e9", "9999999T", "1.5.2G"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(InputError, match="--memory is"):
        parse_size(text)


def test_memory_is_divided() -> None:
    sizes = plan_sizes(1000, 50_000, 2, 10_000_000)
    assert sizes.simulator == 2_500_000
    assert 1000 * sizes.chunk + 50_000 + 2 * sizes.simulator <= 10_000_000
    assert plan_sizes(1, 0, 1, None).chunk == 1 << 18
    assert plan_sizes(10**12, 0, 1, None).chunk == 1
    with pytest.raises(
        InputError, match=r"--memory of 100 kB is too little .*Remedy: give"
    ) as caught:
        plan_sizes(1000, 50_000, 1, 100_000)
    least = parse_size(str(caught.value).split("give ")[-1].removesuffix(" or more"))
    assert plan_sizes(1000, 50_000, 1, least).chunk >= 1


def test_chosen_samples() -> None:
    choice = parse_choice("30-40, 0,5,10-20,12-25,1")
    expected = [0, 1, 5, *range(10, 26), *range(30, 41)]
    assert choice.last == 40
    for size in (1, 7, 100):
        found = [
            start + int(row)
            for start in range(0, 60, size)
            for row in np.arange(min(size, 60 - start))[choice.within(start, min(size, 60 - start))]
        ]
        assert found == expected
    assert parse_choice("").within(5, 3) == slice(3)
    for text in ("a", "3-1", "1,,2", "-1", "1:2"):
        with pytest.raises(InputError, match="--samples has"):
            parse_choice(text)


def kinds_of_samples() -> list[np.ndarray]:
    return [
        RNG.choice([-1.0, 1.0], 40),
        np.ones(40),
        RNG.integers(0, 100, 40).astype(float),
        RNG.integers(-100, 100, 40).astype(float),
        RNG.integers(0, 256, 40) / 255,
        RNG.integers(-40, 40, 40) / 8,
        RNG.integers(-(1 << 15), 1 << 15, 40) / 1024,
        RNG.integers(-(1 << 20), 1 << 20, 40) / 4096,
        RNG.normal(0, 3, 40),
        RNG.uniform(0, 1e-4, 40),
        np.r_[RNG.integers(0, 5, 39).astype(float), 0.5],
        np.zeros(40),
        np.r_[np.zeros(39), 1e6],
    ]


@pytest.mark.parametrize("number", range(len(kinds_of_samples())))
@pytest.mark.parametrize("size", [1, 3, 40])
def test_the_type_of_an_input_follows_from_chunks(number: int, size: int) -> None:
    x = kinds_of_samples()[number].astype(np.float32).reshape(-1, 2)
    summary = Summary()
    for start in range(0, len(x), size):
        summary.add(x[start : start + size])
    few = summary.samples((3, 2))
    assert few.shape[1:] == (3, 2) and few.dtype == np.float32
    for levels in (IntType(0, 99), IntType(-128, 127)):
        assert _are_levels(few, levels) == _are_levels(x, levels)
    assert derive_input_type(few) == derive_input_type(x)


def graph_of(dtype: IntType, scale: float = 1.0) -> Graph:
    return Graph.build(
        "g",
        [
            Input("in", (), ("x",), (2, 3, 3), (1, 2, 0), (3, 3, 2), dtype, scale),
            Output("out", ("x",), ()),
        ],
    )


@pytest.mark.parametrize(
    "dtype", [BIPOLAR, IntType(-8, 7), IntType(0, 255), IntType(0, 256), IntType(0, 1 << 40)]
)
@pytest.mark.parametrize("threads", [1, 2])
def test_encoding_in_pieces(dtype: IntType, threads: int) -> None:
    (op,) = graph_of(dtype, 0.37).inputs
    x = RNG.integers(0, 256, (5000, 2, 3, 3), np.uint8)
    for stored, scale in ((x, 1 / 255), (RNG.normal(0, 99, x.shape), 1.0)):
        made = Encoder(op, scale, "data", threads)(stored)
        real = (stored / 255 if scale < 1 else stored).astype(np.float32)
        assert made.dtype == feed_dtype(op)
        assert np.array_equal(made, op.encode(real))


def test_drawn_samples_do_not_depend_on_chunks() -> None:
    for dtype in (BIPOLAR, IntType(-8, 7), IntType(0, 2), IntType(0, 1 << 40)):
        source = DrawnSource(graph_of(dtype), 50, 3)
        parts = [
            np.concatenate([fed.feeds["x"] for fed in source.chunks(size)]) for size in (1, 7, 50)
        ]
        assert np.array_equal(parts[0], parts[1]) and np.array_equal(parts[0], parts[2])
        assert dtype.contains(parts[0]) and len(np.unique(parts[0])) > 1


def test_samples_that_do_not_fit() -> None:
    graph = graph_of(IntType(0, 3))
    with pytest.raises(InputError, match=r"samples of shape \(7,\) do not fit"):
        StoredSource(graph, {"x": "in"}, stream_arrays([np.ones((3, 7))]), 1)
    with pytest.raises(InputError, match="no samples for input 'in'"):
        StoredSource(graph, {"x": "in"}, stream_arrays([{"other": np.ones((3, 18))}]), 1)


@pytest.mark.parametrize("kind", [".npy", ".npz"])
def test_arrays_written_in_pieces(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a{kind}"
    x = RNG.normal(0, 1, (1000, 3, 2))
    others = {"/layer/0:1": RNG.integers(0, 9, (1000, 4)).astype(np.int8)} if kind == ".npz" else {}
    for _ in range(2):  # a file that is there is replaced
        with ArrayFile(path, "--out") as file:
            for start, stop in ((0, 1), (1, 1), (1, 999), (999, 1000)):
                rows = slice(start, stop)
                file.add({"x": x[rows], **{name: item[rows] for name, item in others.items()}})
            assert len(list(tmp_path.iterdir())) == 1 + path.exists()
        assert [item.name for item in tmp_path.iterdir()] == [path.name]
    found = np.load(path, allow_pickle=False)
    for name, values in {"x": x, **others}.items():
        array = found if kind == ".npy" else found[name]
        assert array.dtype == values.dtype and np.array_equal(array, values)


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), ArrayFile(path, "--out") as file:
        file.add({"x": np.ones((3, 2)) * (1 // int(not path.exists()))})
    assert [item.name for item in tmp_path.iterdir()] == ["a.npy"]
    assert path.read_bytes() == b"old"


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--out .* cannot be written .*name a file in a folder"):
        ArrayFile(tmp_path / "no" / "a.npy", "--out").__enter__()
    with pytest.raises(InputError, match=r"is neither \.npy nor \.npz"):
        ArrayFile(tmp_path / "a.txt", "--out")
    (tmp_path / "b.npz").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        ArrayFile(tmp_path / "b.npz", "--out")
