"""Dumps are read in blocks, and what is no dump is refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.frontend import import_model
from hwcompress.levels import Dump
from hwcompress.limits import DEFAULT_LIMITS, Limits, set_limits
from tests.inspect.nets import image_net


def arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {
        "first": random.integers(-9, 9, (10, 4, 4, 3)).astype(np.int16),
        "second": np.asfortranarray(random.integers(0, 9, (10, 5))),
        "third": random.integers(0, 2, 10).astype(bool),
        "fourth": random.integers(-9, 9, (10, 2)).astype(np.float32),
    }


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_blocks(tmp_path: Path, save: object) -> None:
    assert callable(save)
    file = tmp_path / "d.npz"
    given = arrays()
    if save is np.savez_compressed:  # column by column, no sample could be read alone
        given["second"] = np.ascontiguousarray(given["second"])
    save(file, **given)
    with Dump(file) as dump:
        assert dump.tensors == ("first", "second", "third", "fourth")
        assert dump.count == 10 and dump.shapes["third"] == (1,)
        parts = [dump.read(["third", "second", "first"], count) for count in (3, 3, 3, 1)]
    for name in ("third", "second", "first"):
        whole = np.concatenate([part[name] for part in parts])
        assert whole.dtype == np.int64
        assert np.array_equal(whole, arrays()[name].reshape(whole.shape))


def test_arrays_that_the_graph_does_not_have(tmp_path: Path) -> None:
    """Labels, for instance; they may have any length."""
    graph = import_model(image_net(tmp_path)).graph
    file = tmp_path / "d.npz"
    np.savez(file, labels=np.zeros(99), gemm_7=np.zeros((3, 5), int))
    with Dump(file, graph) as dump:
        assert dump.tensors == ("gemm_7",) and dump.count == 3
    with pytest.raises(InputError, match="'labels' has 99 samples, tensor 'gemm_7' 3"):
        Dump(file)


def test_names_of_ends(tmp_path: Path) -> None:
    """As a build and `simulate --out` write them."""
    graph = import_model(image_net(tmp_path)).graph
    (end,) = graph.outputs
    assert end.name not in graph.tensors
    file = tmp_path / "d.npz"
    for name in (end.name, "output0"):
        np.savez(file, input0=np.zeros((2, 72), int), **{name: np.ones((2, 5), int)})
        with Dump(file, graph) as dump:
            assert dump.tensors == ("input", "gemm_7")
            assert dump.read(["gemm_7"], 2)["gemm_7"].sum() == 10
    np.savez(file, output0=np.zeros((2, 5), int), gemm_7=np.ones((2, 5), int))
    with Dump(file, graph) as dump:
        assert dump.read(["gemm_7"], 2)["gemm_7"].sum() == 10, "the tensor's own name wins"


def _entry(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("t.npy", data)
    return file.getvalue()


def _npy(values: np.ndarray, *, objects: bool = False) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, values, allow_pickle=objects)
    return file.getvalue()


def _huge() -> bytes:
    file = io.BytesIO()
    header = {"descr": "<i8", "fortran_order": False, "shape": (4, 1 << 50)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('unpickled')",))


ONES = np.ones((4, 100), np.int64)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "damaged or cut off"),
        (b"these are words", "damaged or cut off"),
        (_entry(_npy(ONES))[:1000], "damaged or cut off"),
        (_entry(_npy(ONES)[:-8]), "its header announces"),
        (_entry(_npy(ONES) + b"more"), "its header announces"),
        (_entry(b"no array"), "damaged or cut off"),
        (_entry(_huge()), "its header announces"),
        (_entry(_npy(np.array([_Harmful()]), objects=True)), "Python objects"),
        (_entry(pickle.dumps(_Harmful())), "damaged or cut off"),
        (_entry(_npy(np.zeros((0, 4)))), "no sample"),
        (_entry(_npy(np.array(4))), "a single number"),
    ],
)
def test_refused_files(tmp_path: Path, data: bytes, said: str) -> None:
    file = tmp_path / "d.npz"
    file.write_bytes(data)
    with pytest.raises(InputError, match=said) as caught:
        Dump(file)
    assert "d.npz" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        Dump(tmp_path / "no.npz")
    with pytest.raises(InputError, match="there is no file"):
        Dump(tmp_path)


def test_damage_that_only_the_data_show(tmp_path: Path) -> None:
    """The last sample is behind the others, and so is the checksum."""
    file = tmp_path / "d.npz"
    np.savez(file, t=np.ones((4, 1000), np.int64))
    data = bytearray(file.read_bytes())
    place = data.rindex(b"\x01" + bytes(7))
    data[place] = 3
    file.write_bytes(bytes(data))
    with Dump(file) as dump:
        dump.read(["t"], 3)
        with pytest.raises(InputError, match="damaged or cut off"):
            dump.read(["t"], 1)


def test_a_float_is_named_by_its_sample(tmp_path: Path) -> None:
    file = tmp_path / "d.npz"
    values = np.zeros((6, 2, 3))
    values[4, 1, 2] = 0.25
    np.savez(file, t=values)
    with Dump(file) as dump:
        dump.read(["t"], 3)
        with pytest.raises(InputError, match=r"holds 0.25 in sample 4, element \(1, 2\)"):
            dump.read(["t"], 3)


def test_a_sample_beyond_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "d.npz"
    np.savez_compressed(file, t=np.zeros((2, 200_000), np.int8))
    set_limits(Limits(data_mb=1))
    try:
        with pytest.raises(InputError, match="data-mb"):
            Dump(file)
    finally:
        set_limits(DEFAULT_LIMITS)


def test_random_damage(tmp_path: Path) -> None:
    """Bits, bytes, cuts: a message of ours, or what was stored."""
    file = tmp_path / "d.npz"
    given = {name: np.ascontiguousarray(values) for name, values in arrays().items()}
    ends = {"read": 0, "refused": 0}
    for seed in range(150):
        random = np.random.default_rng(seed)
        (np.savez if seed % 2 else np.savez_compressed)(file, **given)
        data = bytearray(file.read_bytes())
        for _ in range(random.integers(1, 5)):
            data[random.integers(len(data))] ^= 1 << random.integers(8)
        if seed % 5 == 0:
            place = random.integers(len(data))
            data[place : place + random.integers(40)] = bytes(random.integers(40))
        file.write_bytes(bytes(data[: random.integers(len(data))] if seed % 7 == 0 else data))
        try:
            with Dump(file) as dump:
                found = dump.read(dump.tensors, dump.count)
        except InputError:
            ends["refused"] += 1
            continue
        ends["read"] += 1
        for name, values in found.items():
            if name in given:  # a name has no checksum
                assert np.array_equal(values, given[name].reshape(values.shape)), seed
    assert ends["refused"] > 100 and ends["read"] > 0, ends
