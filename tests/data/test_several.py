"""Data of models with several inputs: what is read, and what every wrong file says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from hwcompress.data import Dataset, Shapes, load_dataset, wanted_arrays
from hwcompress.errors import InputError

RNG = np.random.default_rng(6)
IMAGES = RNG.integers(0, 256, (30, 2, 4, 4), np.uint8)
VECTORS = RNG.normal(0, 1, (30, 6))
LABELS = np.arange(30) % 3
INPUTS: Shapes = {"image": (2, 4, 4), "energy": (6,)}


def load(folder: Path, inputs: Shapes = INPUTS, **parts: object) -> Dataset:
    """The data set of a file with these arrays; options start with an underscore."""
    options = {name[1:]: item for name, item in parts.items() if name[0] == "_"}
    np.savez(folder / "two.npz", **{n: a for n, a in parts.items() if n[0] != "_"})  # type: ignore[arg-type]
    return load_dataset(folder / "two.npz", inputs=inputs, **options)  # type: ignore[arg-type]


def fails(folder: Path, inputs: Shapes = INPUTS, **parts: object) -> str:
    with pytest.raises(InputError) as caught:
        load(folder, inputs, **parts)
    return str(caught.value)


def by_name(samples: object) -> Mapping[str, np.ndarray]:
    assert isinstance(samples, Mapping)
    return samples


def test_arrays_of_each_input(tmp_path: Path) -> None:
    data = load(tmp_path, energy=VECTORS, image=IMAGES, y=LABELS)
    assert list(data.sample_shapes.items()) == [("image", (2, 4, 4)), ("energy", (6,))]
    assert (data.train_count, data.test_count, data.classes) == (0, 30, 3)
    real = by_name(data.real_test())
    assert np.array_equal(real["image"], (IMAGES / 255).astype(np.float32))
    assert np.array_equal(real["energy"], VECTORS.astype(np.float32))
    assert data.notes == ("image: uint8 samples, scaled by 1/255 (the default, see --input-scale)",)


def test_a_scale_is_for_the_integers(tmp_path: Path) -> None:
    data = load(tmp_path, energy=VECTORS, image=IMAGES, _scale=0.5)
    assert data.scale == {"image": 0.5, "energy": 1.0}
    message = fails(tmp_path, energy=VECTORS, image=IMAGES / 255, _scale=0.5)
    assert "--input-scale 0.5 is given for samples of dtype float64" in message


def test_training_and_test_set(tmp_path: Path) -> None:
    parts = {"image": IMAGES, "energy": VECTORS, "y": LABELS}
    split = {f"{name}_train": item for name, item in parts.items()}
    split |= {f"{name}_test": item[:9] for name, item in parts.items()}
    data = load(tmp_path, **split)
    assert (data.train_count, data.test_count) == (30, 9)
    assert data.y_test is not None
    assert np.array_equal(data.y_test, LABELS[:9])
    only_test = load(tmp_path, **{name: item for name, item in split.items() if "test" in name})
    assert (only_test.train_count, only_test.test_count) == (0, 9)


def test_samples_are_set_aside_together(tmp_path: Path) -> None:
    rows = np.arange(30.0)
    data = load(
        tmp_path, {"a": (1,), "b": None}, a=rows, b=rows[:, None] * 2, y=LABELS, _training=True
    )
    assert (data.train_count, data.test_count) == (24, 6)
    for part, labels in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        a, b = by_name(part)["a"], by_name(part)["b"]
        assert np.array_equal(a * 2, b)
        assert labels is not None
        assert np.array_equal(a[:, 0].astype(int) % 3, labels)


def test_shapes_that_fit_are_taken(tmp_path: Path) -> None:
    data = load(tmp_path, image=IMAGES, energy=VECTORS.reshape(30, 1, 6, 1))
    assert by_name(data.x_test)["energy"].shape == (30, 6)
    assert "energy: samples of shape (1, 6, 1) taken as (6,)" in data.notes


def test_an_input_called_y(tmp_path: Path) -> None:
    inputs: Shapes = {"x": (6,), "y": (1,)}
    data = load(tmp_path, inputs, x=VECTORS, y=LABELS / 2, labels=LABELS)
    assert np.array_equal(by_name(data.x_test)["y"][:, 0], LABELS / 2)
    assert data.y_test is not None
    assert np.array_equal(data.y_test, LABELS)
    assert "n samples each, and labels (n)" in wanted_arrays(inputs)


def test_arrays_of_inputs_that_nothing_reads(tmp_path: Path) -> None:
    parts = {"image": IMAGES, "energy": VECTORS, "mask": VECTORS[:3]}
    assert load(tmp_path, **parts, _unused=("mask",)).test_count == 30
    assert "'mask' belongs to no input" in fails(tmp_path, **parts)


def test_the_only_input_by_its_name(tmp_path: Path) -> None:
    data = load(tmp_path, {"energy": (6,)}, energy=VECTORS, y=LABELS)
    assert isinstance(data.x_test, np.ndarray)
    assert data.x_test.shape == (30, 6)
    named_x = load(tmp_path, {"energy": (6,)}, x=VECTORS[:4], energy=VECTORS)
    assert named_x.test_count == 4


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"image": IMAGES}, "no array for input 'energy' of the model (energy is missing; the file"
         " holds image). Remedy: give an .npz with an array for each input, image (n, 2, 4, 4),"
         " energy (n, 6), n samples each, and labels y (n) if there are any"),
        ({"x": IMAGES, "y": LABELS}, "no array for input 'image'"),
        ({"image_train": IMAGES, "energy_train": VECTORS}, "image_test is missing"),
        ({"image": IMAGES, "energy": VECTORS, "z": LABELS}, "'z' belongs to no input"),
        ({"image": IMAGES, "energy": VECTORS, "a": LABELS, "b": LABELS}, "(nor do 1 others)"),
        ({"image": IMAGES, "energy": VECTORS, "y_train": LABELS}, "'y_train' belongs to no input"),
        ({"image": IMAGES, "energy": VECTORS[:, :5]}, "energy: samples of shape (5,) do not fit the"
         " model's input (6,) (5 values against 6)"),
        ({"image": IMAGES, "energy": VECTORS[:7]}, "different numbers of samples (image: 30,"
         " energy: 7)"),
        ({"image": IMAGES, "energy": VECTORS * np.nan}, "energy: 180 of 180 values are NaN"),
        ({"image": IMAGES[:0], "energy": VECTORS[:0]}, "the data set is empty"),
        ({"image": IMAGES, "energy": VECTORS, "y": LABELS[:7]}, "30 samples but 7 labels"),
        ({"image": IMAGES, "energy": np.float64(3)}, "different numbers of samples"),
    ],
)  # fmt: skip
def test_wrong_arrays(tmp_path: Path, parts: dict[str, np.ndarray], said: str) -> None:
    assert said in fails(tmp_path, **parts)


def test_no_npz(tmp_path: Path) -> None:
    (tmp_path / "images.idx").write_bytes(b"\0\0\x08\x01")
    for path, said in (("images.idx", "and the data are no .npz"), ("none", "there is no file")):
        with pytest.raises(InputError, match=said):
            load_dataset(tmp_path / path, inputs=INPUTS)


def test_training_shapes_differ(tmp_path: Path) -> None:
    inputs: Shapes = {"a": (6,), "b": None}
    said = fails(
        tmp_path,
        inputs,
        a_train=VECTORS,
        b_train=VECTORS,
        a_test=VECTORS,
        b_test=VECTORS[:, :2],
    )
    assert "b: training samples of shape (6,), test samples of shape (2,)" in said
