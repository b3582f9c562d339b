"""Finds where in a design a wrong answer starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.errors import CheckFailed, InputError
from hwcompress.hls.cosim.verilated import VerilatedDesign

__all__ = ["Difference", "compare_traces", "first_difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One element that differs.

    Args:
        op: the operation that makes the tensor.
        tensor: its name.
        sample: index of the sample.
        index: index in the sample; its last entry is the channel.
        got: what the realisation has; None if it gave no value for this sample.
        expected: what it should be.
        count: differing elements of this tensor, in all samples that were run.
    """

    op: str
    tensor: str
    sample: int
    index: tuple[int, ...]
    got: int | None
    expected: int
    count: int

    @property
    def channel(self) -> int:
        """Index on the last axis."""
        return self.index[-1]

    def __str__(self) -> str:
        got = "missing" if self.got is None else str(self.got)
        return (
            f"layer {self.op}, tensor {self.tensor}, sample {self.sample}, channel"
            f" {self.channel}, element {list(self.index)}: {got}, expected {self.expected}"
            f" ({self.count} elements of this tensor differ)"
        )

    def error(self, where: str) -> CheckFailed:
        """The error to raise for it."""
        return CheckFailed(str(self), where=where)


def compare_traces(
    op: str, tensor: str, got: np.ndarray, expected: np.ndarray
) -> Difference | None:
    """The first element, by sample, in which two traces ``(n, *shape)`` differ.

    ``got`` may hold fewer samples: a stream that stopped. Then the first
    missing sample is the difference, if those before are right.
    """
    known = len(got)
    wrong = np.argwhere(got != expected[:known])
    missing = (len(expected) - known) * int(np.prod(expected.shape[1:]))
    if len(wrong):
        sample, *index = (int(i) for i in wrong[0])
        value: int | None = int(got[(sample, *index)])
    elif missing:
        sample, index = known, [0] * (expected.ndim - 1)
        value = None
    else:
        return None
    wanted = int(expected[(sample, *index)])
    return Difference(op, tensor, sample, tuple(index), value, wanted, len(wrong) + missing)


def first_difference(
    design_folder: Path,
    build_folder: Path,
    integers: np.ndarray,
    traces: Mapping[str, np.ndarray],
) -> Difference | None:
    """Runs the design with observation ports and names the first layer that is wrong.

    Layers are compared in graph order, so that the answer is the layer where
    the error starts and not one that only passes it on.

    Args:
        design_folder: a generated design.
        build_folder: where the library with observation ports is built.
        integers: samples ``(n, *shape)``; few are enough.
        traces: expected integers ``(n, *shape)`` of every tensor, by name.

    Returns:
        The first difference, or None if every observed tensor is right.

    Raises:
        InputError: ``traces`` lacks an observed tensor.
        CheckFailed: the run fails before any tensor is complete (a deadlock).
    """
    model = VerilatedDesign.build(design_folder, build_folder, taps=True)
    observed = [(tap.op, tap.stream.tensor) for tap in model.design.taps]
    lacking = [tensor for _, tensor in observed if tensor not in traces]
    if lacking:
        raise InputError(f"no expected integers for {', '.join(lacking)}")
    run = model.run(integers)
    for op, tensor in observed:
        wanted = np.asarray(traces[tensor])
        spec = next(tap.stream for tap in model.design.taps if tap.stream.tensor == tensor)
        found = compare_traces(
            op, tensor, run.taps[tensor], wanted.reshape(len(wanted), *spec.shape)
        )
        if found is not None:
            return found
    output = model.design.outputs[0].tensor
    if output in traces:
        # Behind the last observation point there is still the output port.
        return compare_traces("output port", output, run.outputs, np.asarray(traces[output]))
    return None
