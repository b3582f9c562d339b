"""How tensors lie in packed words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hwcompress.sim.words.dot_kernel import BITS, BYTES, PAIRS, WIDE

__all__ = ["CAPACITY", "Plane", "View", "image_of"]

CAPACITY = {WIDE: 1, PAIRS: 2, BYTES: 4, BITS: 32}
"""Integers of one word."""


def image_of(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Height, width and channels: a tensor that is no image is one pixel."""
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return 1, 1, int(np.prod(shape))


@dataclass(eq=False)
class Plane:
    """The words of one tensor, pixel by pixel, with a border around the image.

    ``zero`` is the integer that is stored as 0. ``border`` is (top, left, bottom, right),
    its pixels hold the integer ``pad``. ``base`` is the first row, once it is placed.
    """

    name: str
    kind: int
    height: int
    width: int
    channels: int
    zero: int = 0
    border: tuple[int, int, int, int] = (0, 0, 0, 0)
    pad: int | None = None
    base: int = field(default=-1, init=False)

    @property
    def words(self) -> int:
        """Words of one pixel."""
        return -(-self.channels // CAPACITY[self.kind])

    @property
    def step_y(self) -> int:
        """Rows from a pixel to the one below."""
        return (self.width + self.border[1] + self.border[3]) * self.words

    @property
    def rows(self) -> int:
        """Rows of the whole plane."""
        return (self.height + self.border[0] + self.border[2]) * self.step_y

    @property
    def first(self) -> int:
        """Row of the first pixel inside the border, from the plane's first."""
        return self.border[0] * self.step_y + self.border[1] * self.words

    @property
    def pad_word(self) -> np.ndarray:
        """Words of a pixel that holds ``pad`` everywhere, uint32 ``(words,)``.

        Single bits beyond the channels are 0, as in every other pixel: sums count them.
        """
        assert self.pad is not None
        capacity = CAPACITY[self.kind]
        bits = 32 // capacity
        value = int(self.pad > 0) if self.kind == BITS else (self.pad - self.zero) & (2**bits - 1)
        parts = np.zeros((self.words, capacity), np.uint64)
        parts.reshape(-1)[: self.channels] = value
        places = (np.arange(capacity) * bits).astype(np.uint64)
        return (parts << places).sum(axis=1, dtype=np.uint64).astype(np.uint32)


@dataclass(frozen=True, eq=False)
class View:
    """Where the elements of a graph tensor are found.

    Element ``(y, x, c)`` is element ``channel[c]`` of pixel ``(y + down[c], x + right[c])`` of
    ``planes[owner[c]]``. All planes are of one kind, zero and pitch.
    """

    shape: tuple[int, int, int]
    planes: tuple[Plane, ...]
    owner: np.ndarray
    down: np.ndarray
    right: np.ndarray
    channel: np.ndarray

    @classmethod
    def whole(cls, plane: Plane) -> View:
        """All of a plane."""
        none = np.zeros(plane.channels, np.int64)
        shape = (plane.height, plane.width, plane.channels)
        return cls(shape, (plane,), none, none, none, np.arange(plane.channels))

    @property
    def kind(self) -> int:
        """Of the words."""
        return self.planes[0].kind

    @property
    def zero(self) -> int:
        """The integer that is stored as 0."""
        return self.planes[0].zero

    @property
    def steps(self) -> tuple[int, int]:
        """Rows to the next pixel (below, to the right)."""
        return self.planes[0].step_y, self.planes[0].words

    @property
    def is_whole(self) -> bool:
        """Whether it is all of one plane, in its order."""
        moved = self.down.any() or self.right.any()
        order = np.arange(self.planes[0].channels)
        return len(self.planes) == 1 and not moved and np.array_equal(self.channel, order)

    def taken(self, channels: np.ndarray) -> View:
        """Some channels, in another order."""
        parts = (item[channels] for item in (self.owner, self.down, self.right, self.channel))
        return View((*self.shape[:2], channels.size), self.planes, *parts)

    def flat(self) -> View:
        """The same as one pixel."""
        y, x, c = (item.reshape(-1) for item in np.indices(self.shape))
        return View(
            (1, 1, y.size),
            self.planes,
            self.owner[c],
            self.down[c] + y,
            self.right[c] + x,
            self.channel[c],
        )

    @staticmethod
    def joined(views: Sequence[View]) -> View | None:
        """Channels side by side, if the planes have one form."""
        first = views[0]
        if any(
            (item.shape[:2], item.kind, item.zero, item.steps)
            != (first.shape[:2], first.kind, first.zero, first.steps)
            for item in views
        ):
            return None
        starts = np.cumsum([0, *(len(item.planes) for item in views)])
        return View(
            (*first.shape[:2], sum(item.shape[2] for item in views)),
            tuple(plane for item in views for plane in item.planes),
            np.concatenate([item.owner + at for item, at in zip(views, starts, strict=False)]),
            np.concatenate([item.down for item in views]),
            np.concatenate([item.right for item in views]),
            np.concatenate([item.channel for item in views]),
        )

    def places(self, y: np.ndarray, x: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and part of elements; pixels may lie on the border. The planes have a place."""
        capacity = CAPACITY[self.kind]
        starts = np.array([plane.base + plane.first for plane in self.planes])
        step_y, step_x = self.steps
        row = starts[self.owner[c]] + (y + self.down[c]) * step_y + (x + self.right[c]) * step_x
        return row + self.channel[c] // capacity, self.channel[c] % capacity

    def elements(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and part of every element, in the tensor's order."""
        y, x, c = (item.reshape(-1) for item in np.indices(self.shape))
        return self.places(y, x, c)
