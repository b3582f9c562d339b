"""Samples read chunk by chunk are those that are loaded whole, and every wrong file says so."""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from hwcompress.data import SampleStream, load_dataset, open_stream, stream_arrays
from hwcompress.errors import InputError
from hwcompress.limits import Limits, current_limits, set_limits
from hwcompress.samples import named
from tests.data.test_load import IMAGES, LABELS, idx_bytes, write_idx

RNG = np.random.default_rng(6)
REALS = RNG.normal(0, 1, (30, 4, 5)).astype(np.float32)


def gathered(stream: SampleStream, size: int) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """All chunks, one behind the other."""
    parts: dict[str, list[np.ndarray]] = {}
    labels, expected = [], 0
    for chunk in stream.chunks(size):
        assert chunk.start == expected
        assert 0 < chunk.count <= size
        expected += chunk.count
        for name, values in named(chunk.samples, ("",)).items():
            parts.setdefault(name, []).append(values)
        if chunk.labels is not None:
            labels.append(chunk.labels)
    whole = {name: np.concatenate(items) for name, items in parts.items()}
    return whole, np.concatenate(labels) if labels else None


def same_as_loaded(source: str | Path, **options: object) -> SampleStream:
    """The stream, which gives in chunks what ``load_dataset`` loads."""
    whole = load_dataset(source, **options)  # type: ignore[arg-type]
    stream = open_stream(source, **options)  # type: ignore[arg-type]
    assert stream.count == whole.test_count
    assert stream.name == whole.name
    assert stream.notes == whole.notes
    for size in (1, 7, 1000):
        samples, labels = gathered(stream, size)
        for name, values in named(whole.x_test, ("",)).items():
            assert samples[name].dtype == values.dtype.newbyteorder("=")
            assert np.array_equal(samples[name], values)
        assert (labels is None) == (whole.y_test is None)
        assert labels is None or np.array_equal(labels, whole.y_test)
    first = stream.first(3)
    real = named(stream.real(first.samples), ("",))
    for name, values in named(whole.real_test(), ("",)).items():
        assert np.array_equal(real[name], values[:3])
    return stream


class TestSameAsLoaded:
    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    @pytest.mark.parametrize("x", [IMAGES, REALS, IMAGES > 99, REALS.astype(">f8")])
    def test_npz(self, tmp_path: Path, save: object, x: np.ndarray) -> None:
        path = tmp_path / "d.npz"
        save(path, x=x, y=LABELS)  # type: ignore[operator]
        same_as_loaded(path)

    def test_sets_and_own_name(self, tmp_path: Path) -> None:
        path = tmp_path / "d.npz"
        np.savez(
            path, x_train=REALS[:20], y_train=LABELS[:20], x_test=REALS[20:], y_test=LABELS[20:]
        )
        same_as_loaded(path)
        stream = open_stream(path, role="train")
        assert np.array_equal(gathered(stream, 8)[0][""], REALS[:20])
        np.savez(path, pixels=REALS, y=LABELS)
        same_as_loaded(path, inputs={"pixels": (4, 5)})
        with pytest.raises(InputError, match="no training samples"):
            open_stream(path, role="train", inputs={"pixels": (4, 5)})

    def test_npy(self, tmp_path: Path) -> None:
        for name, values in (("x", REALS), ("y", LABELS[:, None])):
            np.save(tmp_path / f"{name}.npy", values)
        same_as_loaded(tmp_path / "x.npy")
        same_as_loaded(tmp_path / "x.npy", labels=tmp_path / "y.npy")
        same_as_loaded(f"{tmp_path / 'x.npy'},{tmp_path / 'y.npy'}")

    @pytest.mark.parametrize("end", ["", ".gz"])
    def test_idx(self, tmp_path: Path, end: str) -> None:
        path = write_idx(tmp_path / f"t10k-images-idx3-ubyte{end}", IMAGES)
        same_as_loaded(path)
        write_idx(tmp_path / f"t10k-labels-idx1-ubyte{end}", LABELS.astype(np.uint8))
        same_as_loaded(path)
        assert np.array_equal(gathered(open_stream(tmp_path), 11)[0][""], IMAGES)
        same_as_loaded(write_idx(tmp_path / f"reals{end}", REALS, 13))

    def test_several_inputs(self, tmp_path: Path) -> None:
        path = tmp_path / "d.npz"
        inputs = {"image": (4, 5), "weight": (1,), "y": (2,)}
        arrays = {"image": IMAGES, "weight": REALS[:, 0, 0], "y": REALS[:, 0, :2]}
        np.savez_compressed(path, **arrays, labels=LABELS, extra=REALS)
        stream = same_as_loaded(path, inputs=inputs, unused=["extra"])
        assert stream.scales == {"image": 1 / 255, "weight": 1.0, "y": 1.0}
        named_test = {f"{name}_test": item for name, item in arrays.items()}
        np.savez(path, **named_test, labels_test=LABELS)
        same_as_loaded(path, inputs=inputs)

    def test_scales(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "d.npz", x=IMAGES)
        same_as_loaded(tmp_path / "d.npz", scale=0.5)

    @pytest.mark.parametrize("kind", [".npy", ".npz"])
    def test_column_by_column(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / f"d{kind}"
        columns = np.asfortranarray(REALS)
        if kind == ".npy":
            np.save(path, columns)
        else:
            np.savez(path, a_first_one=LABELS, x=columns, y=LABELS)
        same_as_loaded(path)


class TestShards:
    def test_in_the_order_of_their_numbers(self, tmp_path: Path) -> None:
        for number, begin in ((1, 0), (2, 4), (10, 15)):
            rows = slice(begin, {0: 4, 4: 15, 15: 30}[begin])
            np.savez(tmp_path / f"part-{number}.npz", x=REALS[rows], y=LABELS[rows])
        for source in (tmp_path, str(tmp_path / "part-*.npz")):
            stream = open_stream(source)
            assert stream.count == 30
            for size in (1, 5, 30):
                samples, labels = gathered(stream, size)
                assert np.array_equal(samples[""], REALS)
                assert labels is not None and np.array_equal(labels, LABELS)

    def test_labels_in_files_of_their_own(self, tmp_path: Path) -> None:
        for number, cut in enumerate((slice(0, 13), slice(13, 30))):
            np.save(tmp_path / f"x-{number}.npy", REALS[cut])
        for number, cut in enumerate((slice(0, 5), slice(5, 6), slice(6, 30))):
            np.save(tmp_path / f"y-{number}.npy", LABELS[cut])
        stream = open_stream(f"{tmp_path}/x-*.npy,{tmp_path}/y-*.npy")
        samples, labels = gathered(stream, 4)
        assert np.array_equal(samples[""], REALS)
        assert labels is not None and np.array_equal(labels, LABELS)
        with pytest.raises(InputError, match=r"y-0\.npy: samples of shape \(5,\)"):
            open_stream(tmp_path)

    def test_wrong_ones(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"no \.npz and no \.npy files"):
            open_stream(tmp_path)
        with pytest.raises(InputError, match="no file matches"):
            open_stream(tmp_path / "*.npz")
        np.savez(tmp_path / "a.npz", x=REALS, y=LABELS)
        np.savez(tmp_path / "b.npz", x=REALS)
        with pytest.raises(InputError, match="1 of 2 files hold labels"):
            open_stream(tmp_path)
        np.savez(tmp_path / "b.npz", x=REALS[:, :2], y=LABELS)
        with pytest.raises(InputError, match=r"b\.npz: x: samples of shape \(2, 5\)"):
            open_stream(tmp_path)
        np.save(tmp_path / "c.npy", REALS)
        with pytest.raises(InputError, match=r"both \.npz and \.npy"):
            open_stream(tmp_path)
        with pytest.raises(InputError, match="an .npz holds its own labels"):
            open_stream(tmp_path / "a.npz", labels=tmp_path / "c.npy")


class TestDamaged:
    def drained(self, source: str | Path, size: int = 4) -> str:
        with pytest.raises(InputError) as caught:
            for _ in open_stream(source).chunks(size):
                pass
        message = str(caught.value)
        assert "\n" not in message
        return message

    def test_cut_off(self, tmp_path: Path) -> None:
        for path in (tmp_path / "d.npy", tmp_path / "d.npz"):
            (np.save if path.suffix == ".npy" else np.savez)(path, REALS)
            path.write_bytes(path.read_bytes()[:-50])
            assert "damaged or cut off" in self.drained(path)
        idx = tmp_path / "idx"
        idx.write_bytes(idx_bytes(IMAGES)[:-1])
        assert "cut off (shape (30, 4, 5) needs 600 bytes, it has 599)" in self.drained(idx)
        idx.write_bytes(idx_bytes(IMAGES) + b"1")
        assert "longer than its header says" in self.drained(idx)

    def test_gzip_cut_off_or_too_long(self, tmp_path: Path) -> None:
        path = write_idx(tmp_path / "a.gz", IMAGES)
        whole = path.read_bytes()
        path.write_bytes(whole[:-40])
        assert "the file is damaged or cut off" in self.drained(path)
        short = IMAGES[:20].copy()
        content = idx_bytes(IMAGES)[:16] + short.tobytes()
        path.write_bytes(gzip.compress(content))
        assert "it ends in row 20" in self.drained(path)
        path.write_bytes(gzip.compress(idx_bytes(IMAGES) + b"1"))
        assert "it goes on behind its 30 rows" in self.drained(path)

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_a_byte_is_another_one(self, tmp_path: Path, save: object) -> None:
        path = tmp_path / "d.npz"
        save(path, x=RNG.integers(-1 << 60, 1 << 60, (5000, 16)))  # type: ignore[operator]
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        chunks = open_stream(path).chunks(100)
        next(chunks)  # what comes before is good
        with pytest.raises(InputError, match=r"d\.npz: x: the file is damaged or cut off"):
            for _ in chunks:
                pass

    def test_a_header_that_lies(self, tmp_path: Path) -> None:
        path = tmp_path / "d.npy"
        np.save(path, REALS)
        path.write_bytes(path.read_bytes().replace(b"(30, 4, 5)", b"(31, 4, 5)"))
        assert "its header announces 2480 bytes, it has 2400" in self.drained(path)

    def test_python_objects_and_text(self, tmp_path: Path) -> None:
        path = tmp_path / "d.npz"
        np.savez(path, x=np.array([{}, None], object))
        assert "holds Python objects" in self.drained(path)
        np.savez(path, x=np.array([["a"]]))
        assert "are no numbers" in self.drained(path)
        path.write_text("1,2,3")
        assert "damaged or cut off, or no .npz" in self.drained(path)
        other = tmp_path / "d.csv"
        other.write_text("1,2,3")
        assert "neither an .npz, an .npy nor an IDX file" in self.drained(other)
        assert "there is no file" in self.drained(tmp_path / "no.npy")

    def test_no_regular_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.npy")
        assert "no regular file" in self.drained(tmp_path / "pipe.npy")

    def test_compressed_columns(self, tmp_path: Path) -> None:
        np.savez_compressed(tmp_path / "d.npz", x=np.asfortranarray(REALS))
        assert "column by column (Fortran's order) and compressed" in self.drained(
            tmp_path / "d.npz"
        )

    def test_another_compression(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", REALS)
        with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_BZIP2) as archive:
            archive.write(tmp_path / "x.npy", "x.npy")
        assert "compression method 12" in self.drained(tmp_path / "d.npz")

    @pytest.mark.parametrize("shape", [(0, 4), (3,), (3, 0), ()])
    def test_no_samples(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        np.save(tmp_path / "d.npy", np.zeros(shape))
        said = self.drained(tmp_path / "d.npy")
        wrong = ("the data set is empty", "a single number", f"samples of shape {shape}")
        assert any(text in said for text in wrong)

    def test_nan_with_the_number_of_its_sample(self, tmp_path: Path) -> None:
        x = REALS.copy()
        x[17, 2, 3] = np.nan
        np.save(tmp_path / "d.npy", x)
        assert "the first in sample 17, position (2, 3), is nan" in self.drained(tmp_path / "d.npy")

    def test_labels(self, tmp_path: Path) -> None:
        def said(y: np.ndarray) -> str:
            np.savez(tmp_path / "d.npz", x=REALS, y=y)
            return self.drained(tmp_path / "d.npz")

        y = LABELS.copy()
        y[22] = -1
        assert "label -1 of sample 22 is out of range" in said(y)
        assert "30 samples but 29 labels" in said(y[:29])
        assert "labels of shape (30, 3)" in said(np.eye(3)[LABELS])
        assert "are not integers" in said(LABELS + 0.5)

    def test_a_sample_beyond_the_limit(self, tmp_path: Path) -> None:
        np.save(tmp_path / "d.npy", np.zeros((1, 200_000)))
        before = current_limits()
        set_limits(Limits(data_mb=1))
        try:
            assert "a row of shape (200000,) takes 2 MB" in self.drained(tmp_path / "d.npy")
        finally:
            set_limits(before)


@pytest.mark.parametrize("kind", ["npy", "npz", "deflated", "idx", "gz", "columns"])
def test_random_damage_gives_samples_or_a_message(tmp_path: Path, kind: str) -> None:
    random = np.random.default_rng(11)
    path = tmp_path / {"deflated": "d.npz", "columns": "c.npy"}.get(kind, f"d.{kind}")
    match kind:
        case "npy" | "columns":
            np.save(path, REALS if kind == "npy" else np.asfortranarray(REALS))
        case "npz" | "deflated":
            (np.savez if kind == "npz" else np.savez_compressed)(path, x=REALS, y=LABELS)
        case _:
            write_idx(path, IMAGES)
    whole = path.read_bytes()
    heads = 160 if kind != "gz" else 40
    refused = []
    for _ in range(150):
        content = bytearray(whole)
        # Most of them in the header, and at the end, where a zip file has its directory.
        for _ in range(int(random.integers(1, 4))):
            at = int(random.choice([random.integers(heads), -random.integers(1, 250)]))
            content[at] = int(random.integers(256))
        if random.random() < 0.2:
            del content[int(random.integers(len(content))) :]
        path.write_bytes(content)
        try:
            stream = open_stream(path)
            assert stream.count is not None
            if stream.count < 1000:
                for _ in stream.chunks(8):
                    pass
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 20
    assert not any("\n" in message for message in refused)


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    """A file of 64 TB with a hole in it: neither disk nor memory have room for it."""
    path = tmp_path / "d.npy"
    rows = 10**12
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 16), }}"
    header = header.ljust(117) + "\n"
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    path.write_bytes(head)
    size = len(head) + 64 * rows
    try:
        os.truncate(path, size)
    except OSError:  # a file system with a lower limit
        rows = 10**10
        path.write_bytes(head.replace(b"1000000000000", b"10000000000  "))
        os.truncate(path, len(head) + 64 * rows)
    stream = open_stream(path)
    assert stream.count == rows
    chunks = stream.chunks(1000)
    for number in range(3):
        chunk = next(chunks)
        assert chunk.start == 1000 * number and chunk.samples.shape == (1000, 16)  # type: ignore[union-attr]
    chunks.close()
    path.unlink()


class TestLoops:
    def test_list_and_generator(self) -> None:
        items = [(REALS[:9], LABELS[:9]), (REALS[9:], LABELS[9:])]

        def loop() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            yield from items

        for stream, times in ((stream_arrays(items), 2), (stream_arrays(loop()), 1)):
            assert stream.count is None and stream.again == (times == 2)
            assert np.array_equal(stream.first(2).samples, REALS[:2])  # type: ignore[arg-type]
            for _ in range(times):
                samples, labels = gathered(stream, 5)
                assert np.array_equal(samples[""], REALS)
                assert labels is not None and np.array_equal(labels, LABELS)
        with pytest.raises(InputError, match="were gone through already"):
            gathered(stream, 5)

    def test_data_loader(self) -> None:
        pairs = TensorDataset(torch.from_numpy(REALS), torch.from_numpy(LABELS))
        stream = stream_arrays(DataLoader(pairs, batch_size=8))
        for _ in range(2):
            samples, labels = gathered(stream, 100)
            assert np.array_equal(samples[""], REALS)
            assert labels is not None and np.array_equal(labels, LABELS)

    def test_several_inputs(self) -> None:
        items = [{"a": REALS[:9], "b": IMAGES[:9]}, {"a": REALS[9:], "b": IMAGES[9:]}]
        stream = stream_arrays(items)
        assert stream.scales == {"a": 1.0, "b": 1 / 255}
        samples, labels = gathered(stream, 6)
        assert labels is None
        assert np.array_equal(samples["a"], REALS) and np.array_equal(samples["b"], IMAGES)

    @pytest.mark.parametrize(
        ("items", "said"),
        [
            ([], "the data set is empty"),
            ([REALS, REALS[:, :2]], r"sample 30 has shape \(2, 5\), the first \(4, 5\)"),
            ([REALS, IMAGES], "sample 30 is uint8, the first float32"),
            ([(REALS, LABELS), REALS], "the item with sample 30 has no labels"),
            ([{"a": REALS}, {"b": REALS}], "the item with sample 30 holds b"),
            ([{"a": REALS, "b": REALS[:3]}], "different numbers of samples"),
            ([(REALS, LABELS, LABELS)], "an item of 3 parts"),
            ([REALS, REALS * np.nan], "the first in sample 30"),
            ([(REALS, LABELS), (REALS, LABELS - 1)], "label -1 of sample 30"),
        ],
    )
    def test_wrong_items(self, items: list[object], said: str) -> None:
        with pytest.raises(InputError, match=said):
            gathered(stream_arrays(items), 50)  # type: ignore[arg-type]
