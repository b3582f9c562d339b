"""What a tensor of the source model is known to be while the frontend walks the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.frontend.function import ScalarFunction
from hwcompress.ir import IntType

__all__ = ["Constant", "Symbolic", "Value"]


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
        shape: its shape in the source, with a batch axis of length 1.
        order: for each element of the source tensor (flat), the flat index
            of the element of ``base`` that it is a function of. A transpose
            in the source changes only this.
        function: the function, per channel (last axis) of ``base``.
        head: this tensor before the first function that is not affine.
        tail: the operators applied since ``head``.
        raw: where ``base`` is ``""``, the model's input.
    """

    base: str
    shape: tuple[int, ...]
    order: np.ndarray
    function: ScalarFunction
    head: Symbolic | None = None
    tail: tuple[str, ...] = ()
    raw: str = ""

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
        return Symbolic(base, shape, order, function(self.function), head, self.tail)


Value = Constant | Symbolic
