"""Data files: what is read, and what every wrong one says."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from hwcompress.data import adapt_samples, check_labels, digits, load_dataset, to_real
from hwcompress.data.dataset import stratified_split
from hwcompress.errors import InputError

RNG = np.random.default_rng(5)
IMAGES = RNG.integers(0, 256, (30, 4, 5), np.uint8)
LABELS = np.arange(30) % 3


def idx_bytes(values: np.ndarray, code: int = 8) -> bytes:
    head = bytes([0, 0, code, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(values.dtype.newbyteorder(">")).tobytes()


def write_idx(path: Path, values: np.ndarray, code: int = 8) -> Path:
    content = idx_bytes(values, code)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def npz(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


def fails(path: Path | str, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        load_dataset(path, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


class TestRead:
    def test_x_and_y(self, tmp_path: Path) -> None:
        data = load_dataset(npz(tmp_path, x=IMAGES, y=LABELS))
        assert np.array_equal(data.x_test, IMAGES)
        assert np.array_equal(data.y_test, LABELS)
        assert data.x_train.shape == (0, 4, 5)
        assert data.classes == 3
        assert data.scale == 1 / 255
        assert data.notes == ("uint8 samples, scaled by 1/255 (the default, see --input-scale)",)
        assert data.name == "data"

    def test_only_x(self, tmp_path: Path) -> None:
        data = load_dataset(npz(tmp_path, x=IMAGES))
        assert data.y_test is None
        assert data.classes is None

    def test_npy(self, tmp_path: Path) -> None:
        images, labels = tmp_path / "x.npy", tmp_path / "y.npy"
        np.save(images, IMAGES)
        assert load_dataset(images).y_test is None
        np.save(labels, LABELS)
        for data in (load_dataset(images, labels=labels), load_dataset(f"{images},{labels}")):
            assert np.array_equal(data.x_test, IMAGES)
            assert np.array_equal(data.y_test, LABELS)
        np.save(images, np.array([{}], dtype=object), allow_pickle=True)
        assert "x.npy" in fails(images)

    def test_given_split(self, tmp_path: Path) -> None:
        path = npz(
            tmp_path, x_train=IMAGES[:20], y_train=LABELS[:20], x_test=IMAGES[20:],
            y_test=LABELS[20:],
        )  # fmt: skip
        data = load_dataset(path, training=True)
        assert np.array_equal(data.x_train, IMAGES[:20])
        assert np.array_equal(data.y_test, LABELS[20:])

    def test_made_split(self, tmp_path: Path) -> None:
        path = npz(tmp_path, x=IMAGES, y=LABELS)
        data = load_dataset(path, training=True, seed=4)
        assert data.x_train.shape[0] == 24
        assert np.array_equal(np.bincount(data.y_test), [2, 2, 2])
        assert data.notes[-1] == (
            "split into 24 training and 6 test samples, seed 4; 20% of each class"
        )
        again, other = load_dataset(path, training=True, seed=4), load_dataset(path, training=True)
        assert np.array_equal(data.x_test, again.x_test)
        assert not np.array_equal(data.x_test, other.x_test)

    @pytest.mark.parametrize("end", ["", ".gz"])
    def test_idx_pair(self, tmp_path: Path, end: str) -> None:
        path = write_idx(tmp_path / f"t10k-images-idx3-ubyte{end}", IMAGES)
        assert load_dataset(path).y_test is None
        write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", LABELS.astype(np.uint8))
        data = load_dataset(path)
        assert np.array_equal(data.x_test, IMAGES)
        assert np.array_equal(data.y_test, LABELS)

    def test_idx_named_labels(self, tmp_path: Path) -> None:
        images = write_idx(tmp_path / "a.idx", IMAGES)
        labels = write_idx(tmp_path / "b.idx", LABELS.astype(np.uint8))
        for data in (load_dataset(f"{images},{labels}"), load_dataset(images, labels=labels)):
            assert np.array_equal(data.y_test, LABELS)
        np.save(tmp_path / "b.npy", LABELS)
        assert load_dataset(images, labels=tmp_path / "b.npy").classes == 3

    @pytest.mark.parametrize(
        ("code", "dtype"),
        [(8, np.uint8), (9, np.int8), (11, np.int16), (12, np.int32), (13, np.float32),
         (14, np.float64)],
    )  # fmt: skip
    def test_idx_types(self, tmp_path: Path, code: int, dtype: type) -> None:
        values = RNG.integers(0, 100, (6, 7)).astype(dtype)
        data = load_dataset(write_idx(tmp_path / "a", values, code))
        assert data.x_test.dtype == dtype
        assert np.array_equal(data.x_test, values)

    def test_mnist_folder(self, tmp_path: Path) -> None:
        write_idx(tmp_path / "train-images-idx3-ubyte.gz", IMAGES[:20])
        write_idx(tmp_path / "train-labels-idx1-ubyte.gz", LABELS[:20].astype(np.uint8))
        write_idx(tmp_path / "t10k-images-idx3-ubyte", IMAGES[20:])
        write_idx(tmp_path / "t10k-labels-idx1-ubyte", LABELS[20:].astype(np.uint8))
        data = load_dataset(tmp_path, training=True)
        assert (len(data.x_train), len(data.x_test)) == (20, 10)
        assert np.array_equal(data.y_train, LABELS[:20])

    def test_scales(self, tmp_path: Path) -> None:
        assert load_dataset(npz(tmp_path, x=IMAGES), scale=1.0).scale == 1.0
        assert load_dataset(npz(tmp_path, x=IMAGES.astype(np.int16))).scale == 1.0
        assert load_dataset(npz(tmp_path, x=IMAGES.astype(float))).notes == ()
        assert load_dataset(npz(tmp_path, x=IMAGES > 9)).x_test.dtype == np.uint8

    def test_pixels_are_divided_by_255(self) -> None:
        pixels = np.arange(256, dtype=np.uint8)
        expected = pixels.astype(np.float32) / np.float32(255)
        assert np.array_equal(to_real(pixels, 1 / 255), expected)
        assert np.array_equal(to_real(pixels, 0.3), (pixels * 0.3).astype(np.float32))
        assert np.array_equal(to_real(pixels, 1.0), pixels.astype(np.float32))

    def test_labels_in_other_forms(self) -> None:
        assert np.array_equal(check_labels(np.array([[0.0], [2.0]]), 2, "y"), [0, 2])
        assert check_labels(np.array([True, False]), 2, "y").dtype == np.int64

    def test_digits(self) -> None:
        data = digits()
        assert data.x_train.shape == (1347, 1, 8, 8)
        assert data.x_test.shape == (450, 1, 8, 8)
        assert data.real_test().max() == 1.0
        assert min(np.bincount(data.y_test)) == 44

    def test_split_keeps_single_samples_for_training(self) -> None:
        train, test = stratified_split(np.array([0, 0, 0, 1, 2, 2]), 0.5, 0)
        assert 3 in train
        assert sorted([*train, *test]) == list(range(6))


class TestErrors:
    def test_missing(self, tmp_path: Path) -> None:
        assert "there is no file" in fails(tmp_path / "no.npz")
        images = write_idx(tmp_path / "a.idx", IMAGES)
        assert "there is no file" in fails(images, labels=tmp_path / "no.idx")

    def test_neither_format(self, tmp_path: Path) -> None:
        path = tmp_path / "data.csv"
        path.write_text("1,2,3")
        kinds = "neither an .npz, an .npy nor an IDX file"
        assert f"{kinds} (its first bytes are of none)" in fails(path)
        path.write_text("")
        assert f"{kinds} (it is empty)" in fails(path)

    @pytest.mark.parametrize("keep", [0, 10, 300])
    def test_cut_npz(self, tmp_path: Path, keep: int) -> None:
        path = npz(tmp_path, x=IMAGES, y=LABELS)
        path.write_bytes(path.read_bytes()[:keep])
        assert "the file is damaged or cut off, or no .npz" in fails(path)

    def test_damaged_npz(self, tmp_path: Path) -> None:
        path = npz(tmp_path, x=IMAGES)
        content = bytearray(path.read_bytes())
        content[200] ^= 255
        path.write_bytes(content)
        assert "the file is damaged or cut off" in fails(path)

    def test_python_objects(self, tmp_path: Path) -> None:
        path = npz(tmp_path, x=np.array([{}, None], object))
        assert "holds Python objects, which are not loaded" in fails(path)

    def test_other_keys(self, tmp_path: Path) -> None:
        message = fails(npz(tmp_path, images=IMAGES))
        assert "no samples found (it holds images)" in message
        assert "name them (x, y), (x_train, y_train, x_test, y_test) or only x" in message
        assert "no samples found" in fails(npz(tmp_path, x_train=IMAGES))

    def test_no_numbers(self, tmp_path: Path) -> None:
        assert "are no numbers" in fails(npz(tmp_path, x=np.array(["a", "b"])))

    @pytest.mark.parametrize("shape", [(0, 4, 5), (0,)])
    def test_empty(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        assert "the data set is empty" in fails(npz(tmp_path, x=np.zeros(shape)))

    @pytest.mark.parametrize("shape", [(3,), (3, 0)])
    def test_no_sample_axis(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        assert f"samples of shape {shape}" in fails(npz(tmp_path, x=np.zeros(shape)))

    def test_scalar(self, tmp_path: Path) -> None:
        assert "data.npz: x: a single number" in fails(npz(tmp_path, x=np.float64(3)))

    def test_beyond_float32(self, tmp_path: Path) -> None:
        x = IMAGES.astype(np.float64)
        x[3, 1, 2] = -1e39
        message = fails(npz(tmp_path, x=x))
        assert "data.npz: x: -1e+39 in sample 3, position (1, 2), is too large" in message

    def test_nan(self, tmp_path: Path) -> None:
        x = IMAGES.astype(np.float32)
        x[3, 1, 2] = x[7, 0, 0] = np.nan
        message = fails(npz(tmp_path, x=x))
        assert "data.npz: x: 2 of 600 values are NaN" in message
        assert "(the first in sample 3, position (1, 2), is nan)" in message
        x[1, 0, 0] = -np.inf
        message = fails(npz(tmp_path, x=x))
        assert "3 of 600 values are NaN or infinite (the first in sample 1" in message
        assert "is -inf" in message

    def test_labels(self, tmp_path: Path) -> None:
        def with_labels(y: np.ndarray) -> str:
            return fails(npz(tmp_path, x=IMAGES, y=y))

        assert "30 samples but 29 labels" in with_labels(LABELS[:29])
        assert "labels of dtype float64 are not integers" in with_labels(LABELS + 0.5)
        assert "labels of dtype float64 are not integers" in with_labels(LABELS * np.nan)
        assert "labels of shape (30, 3)" in with_labels(np.eye(3)[LABELS])
        assert "label -1 of sample 0 is out of range" in with_labels(LABELS - 1)
        assert "are not integers" in with_labels(np.array(["cat"] * 30))

    def test_label_beyond_the_classes(self) -> None:
        with pytest.raises(InputError, match=r"label 2 of sample 2 .*\(allowed are 0..1\)"):
            check_labels(LABELS, 30, "y", classes=2)

    def test_train_and_test_differ(self, tmp_path: Path) -> None:
        path = npz(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:, :2])
        assert "training samples of shape (4, 5), test samples of shape (2, 5)" in fails(path)

    def test_nothing_to_set_aside(self, tmp_path: Path) -> None:
        path = npz(tmp_path, x=IMAGES[:3], y=LABELS[:3])
        assert "too few samples to set some aside" in fails(path, training=True)

    def test_scale_of_reals(self, tmp_path: Path) -> None:
        path = npz(tmp_path, x=IMAGES.astype(np.float32))
        assert "--input-scale 0.5 is given for samples of dtype float32" in fails(path, scale=0.5)

    def test_npz_with_labels_aside(self, tmp_path: Path) -> None:
        path = npz(tmp_path, x=IMAGES)
        assert "an .npz holds its own labels" in fails(path, labels=path)

    def test_cut_idx(self, tmp_path: Path) -> None:
        path, content = tmp_path / "a.idx", idx_bytes(IMAGES)
        path.write_bytes(content[:-1])
        message = fails(path)
        assert "the file is cut off (shape (30, 4, 5) needs 600 bytes, it has 599)" in message
        path.write_bytes(content + b"1")
        assert "the file is longer than its header says" in fails(path)
        path.write_bytes(content[:9])
        assert "cut off within its header" in fails(path)

    def test_cut_gzip(self, tmp_path: Path) -> None:
        path = tmp_path / "a.idx.gz"
        path.write_bytes(gzip.compress(idx_bytes(IMAGES))[:-20])
        assert "the file is damaged or cut off" in fails(path)

    def test_labels_that_are_no_idx(self, tmp_path: Path) -> None:
        images, labels = write_idx(tmp_path / "a.idx", IMAGES), tmp_path / "b.idx"
        labels.write_text("0,1,2")
        assert "not an IDX file (it starts with 302c312c)" in fails(images, labels=labels)
        (tmp_path / "b.npy").write_text("0,1,2")
        assert "the file is damaged or cut off, or no .npy" in fails(
            images, labels=tmp_path / "b.npy"
        )

    def test_folder_without_data(self, tmp_path: Path) -> None:
        assert "the folder has no t10k-images-idx3-ubyte[.gz]" in fails(tmp_path)


class TestShapes:
    @pytest.mark.parametrize(
        ("stored", "wanted", "note"),
        [
            ((4, 5), (4, 5), ""),
            ((4, 5), (1, 4, 5), "samples of shape (4, 5) taken as (1, 4, 5)"),
            ((1, 4, 5), (4, 5), "samples of shape (1, 4, 5) taken as (4, 5)"),
            ((20,), (1, 4, 5), "samples of shape (20,) taken as (1, 4, 5), row by row"),
            ((4, 5), (20,), "samples of shape (4, 5) taken as (20,), row by row"),
            ((1, 20), (20,), "samples of shape (1, 20) taken as (20,)"),
        ],
    )
    def test_fitting(self, stored: tuple[int, ...], wanted: tuple[int, ...], note: str) -> None:
        x = RNG.integers(0, 9, (3, *stored))
        fitted, said = adapt_samples(x, wanted)
        assert fitted.shape == (3, *wanted)
        assert np.array_equal(fitted.ravel(), x.ravel())
        assert said == note

    def test_other_number_of_values(self) -> None:
        with pytest.raises(InputError) as caught:
            adapt_samples(np.zeros((3, 4, 5)), (1, 28, 28), "mnist")
        assert str(caught.value) == (
            "mnist: samples of shape (4, 5) do not fit the model's input (1, 28, 28)"
            " (20 values against 784). Remedy: give data of the model's shape"
        )

    @pytest.mark.parametrize(
        ("stored", "wanted"), [((4, 5, 3), (3, 4, 5)), ((60,), (3, 4, 5)), ((5, 4), (4, 5))]
    )
    def test_unclear_order(self, stored: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        with pytest.raises(InputError, match="the order of the axes is not clear"):
            adapt_samples(np.zeros((3, *stored)), wanted)
