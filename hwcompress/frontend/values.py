"""What a tensor of the source model is known to be while the frontend walks the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.frontend.function import ScalarFunction
from hwcompress.ir import IntType

__all__ = ["Constant", "OnHost", "Symbolic", "Value"]


@dataclass(frozen=True, eq=False)
class Constant:
    """A tensor with a known value; for a quantized one also its integers.

    ``value = (levels - zero) * scale``, where ``scale`` and ``zero``
    broadcast against ``levels``.
    """

    value: np.ndarray
    levels: np.ndarray | None = None
    scale: np.ndarray | None = None
    zero: np.ndarray | None = None
    dtype: IntType | None = None


@dataclass(frozen=True, eq=False)
class Symbolic:
    """A tensor computed from the model's inputs.

    Attributes:
        base: the integer tensor of the graph that it is a function of, the
            name of a sum that no quantizer has closed yet
            (:mod:`hwcompress.frontend.sums`), or ``""`` for a raw,
            real-valued input of the model.
        shape: its shape in the source for a batch of one.
        order: for each element of the source tensor (flat), the flat index
            of the element of ``base`` that it is a function of. A transpose
            in the source changes only this.
        function: the function, per channel (last axis) of ``base``.
        head: this tensor before the first function that is not affine.
        tail: the operators applied since ``head``.
        raw: where ``base`` is ``""``, the model's input.
        steps: what a host has to do to get from ``head`` to this tensor
            (:mod:`hwcompress.ir.ops.host`); ``None`` if it has no words for it.
        grid: scale and offset per channel of ``base``, if every value is a whole number of
            steps of such a grid though no function says so: after a Round or a comparison.
        unrounded: the function before a Round that made the grid, in steps of the grid.
    """

    base: str
    shape: tuple[int, ...]
    order: np.ndarray
    function: ScalarFunction
    head: Symbolic | None = None
    tail: tuple[str, ...] = ()
    raw: str = ""
    steps: tuple[str, ...] | None = ()
    grid: tuple[np.ndarray, np.ndarray] | None = None
    unrounded: ScalarFunction | None = None

    def moved(self, shape: tuple[int, ...], order: np.ndarray) -> Symbolic:
        """The same elements in another shape and order."""
        head = self.head.moved(shape, order) if self.head is not None else None
        return replace(self, shape=shape, order=order, head=head)

    def rebased(
        self,
        base: str,
        shape: tuple[int, ...],
        order: np.ndarray,
        function: Callable[[ScalarFunction], ScalarFunction],
    ) -> Symbolic:
        """The same over another tensor of the graph: ``function`` turns each function
        of the old base (this one's, and its head's) into one of the new."""
        head = self.head.rebased(base, shape, order, function) if self.head is not None else None
        result = function(self.function)
        grid = self.grid
        if grid is not None:  # its channels may be others now
            uniform = all(np.all(item == item[0]) for item in grid)
            size = result.channels
            grid = (np.repeat(grid[0][:1], size), np.repeat(grid[1][:1], size)) if uniform else None
        before = None if self.unrounded is None else function(self.unrounded)
        return Symbolic(base, shape, order, result, head, self.tail, "", self.steps, grid, before)


@dataclass(frozen=True, eq=False)
class OnHost:
    """A tensor that the host computes from one that the graph gives: a Softmax, a TopK's values.

    Attributes:
        head: what the graph gives.
        steps: what the host does to its real values (:mod:`hwcompress.ir.ops.host`).
        shape: of the result, with a batch axis of length 1.
        maker: the node, for messages.
        tail: the operators.
    """

    head: Symbolic
    steps: tuple[str, ...]
    shape: tuple[int, ...]
    maker: str
    tail: tuple[str, ...]


Value = Constant | Symbolic | OnHost
