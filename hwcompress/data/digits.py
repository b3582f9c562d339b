"""The embedded data set: scikit-learn's handwritten digits."""

from __future__ import annotations

import numpy as np

from hwcompress.data.dataset import Dataset, stratified_split

__all__ = ["DIGITS_SEED", "digits"]

DIGITS_SEED = 20
"""Of the split, fixed: accuracies of different builds can be compared."""

_TEST_SHARE = 0.25


def digits() -> Dataset:
    """1797 images of 8 x 8 pixels with the values 0 to 16, ten classes.

    A quarter of each class is the test set. Samples have the shape
    ``(1, 8, 8)``; one step is worth 1/16, so that reals lie in 0..1 and the
    scale is a power of two.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = bunch.data.astype(np.uint8).reshape(-1, 1, 8, 8)
    y = bunch.target.astype(np.int64)
    first, second = stratified_split(y, _TEST_SHARE, DIGITS_SEED)
    return Dataset(
        "scikit-learn digits",
        x[first],
        y[first],
        x[second],
        y[second],
        1 / 16,
        (
            "pixels 0..16, scaled by 1/16",
            f"fixed split into {first.size} training and {second.size} test samples",
        ),
    )
