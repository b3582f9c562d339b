"""Geometry of a sliding window, and when all its positions can leave in one beat."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Window"]

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Windows of ``kernel`` over an image; all pairs are (rows, columns).

    Args:
        image: size of the input image.
        output: size of the output image.
        kernel: size of the kernel.
        stride: distance of neighbouring windows.
        before: padding above and to the left.
        dilation: distance of neighbouring kernel positions.
    """

    image: Pair
    output: Pair
    kernel: Pair
    stride: Pair
    before: Pair
    dilation: Pair = (1, 1)

    @property
    def taps(self) -> int:
        """Positions of the kernel."""
        return self.kernel[0] * self.kernel[1]

    @property
    def reach(self) -> Pair:
        """Rows and columns from the first to the last kernel position."""
        rows, columns = (d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        return rows, columns

    @property
    def is_pointwise(self) -> bool:
        """Whether the windows are the pixels themselves, in order."""
        same = self.image == self.output and self.before == (0, 0)
        return same and self.kernel == (1, 1) and self.stride == (1, 1)

    def pixels_in(self, pixels: int) -> int:
        """Input pixels per beat for so many windows per beat."""
        if pixels == 1:
            return 1
        return pixels if self.is_pointwise else pixels * self.stride[1]

    def fits_parallel(self, pixels: int = 1) -> bool:
        """Whether ``hwc_window_parallel`` can make ``pixels`` windows a beat (see its header)."""
        width, taken = self.image[1], self.pixels_in(pixels)
        if self.output[1] % pixels or width % taken:
            return False
        if any(b >= reach for b, reach in zip(self.before, self.reach, strict=True)):
            return False
        if (self.output[0] - 1) * self.stride[0] - self.before[0] >= self.image[0]:
            return False  # a window that begins below the image would release rows of the next
        # A row of windows takes no longer than its pixels, and waits for less than a row.
        step = pixels * self.stride[1] // taken
        lag = ((pixels - 1) * self.stride[1] + self.reach[1] - 1 - self.before[1]) // taken
        groups = width // taken
        return (self.output[1] // pixels - 1) * step < groups and lag < groups

    def pixel_choices(self) -> tuple[int, ...]:
        """Windows per beat, beyond one, that are possible."""
        width = self.output[1]
        divisors = (d for d in range(2, width + 1) if width % d == 0)
        if self.is_pointwise:
            return tuple(divisors)
        return tuple(d for d in divisors if self.fits_parallel(d))

    def parallel_cycles(self, words: int, folds: int, pixels: int) -> int:
        """Cycles of ``hwc_window_parallel`` for an image: ``words`` beats a pixel group.

        A row of windows takes the beats of its pixels, and ``folds`` cycles
        instead of one for every beat of windows that leaves; or the input
        comes slower than that.
        """
        row = self.image[1] // self.pixels_in(pixels) * words
        leaving = self.output[1] // pixels * words
        return max(self.image[0] * row, self.output[0] * (row + (folds - 1) * leaving))

    def bank_depth(self, words: int, pixels: int) -> int:
        """Beats of one of the ``reach[0]`` memories of ``hwc_window_parallel``.

        The rows of the last windows of an image and those of the first ones
        of the next fit together.
        """
        row = self.image[1] // self.pixels_in(pixels) * words
        reach, stride = self.reach[0], self.stride[0]
        if reach == 1 and stride == 1:  # no rows are kept: a short buffer
            return 2 * self.reach[1] * words + 4
        # From the last windows' first row, over rows that no window needs, to the
        # next image's first window.
        last = max(0, (self.output[0] - 1) * stride - self.before[0])
        change = self.image[0] - last + reach - self.before[0]
        turns = -(-max(2 * reach, reach + stride, change) // reach)
        return max(turns * row, 4)
