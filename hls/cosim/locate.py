"""Finds where in a design a wrong answer starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.errors import CheckFailed, InputError
from hwcompress.hls.cosim.frames import Frames
from hwcompress.hls.cosim.verilated import VerilatedDesign
from hwcompress.hls.rtl.stream import StreamSpec

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
    integers: Frames,
    traces: Mapping[str, np.ndarray],
) -> Difference | None:
    """Runs the design with observation ports and names the first layer that is wrong.

    Layers are compared in the design's order, in which every layer comes after
    all whose results it reads, so that the answer is a layer where an error
    starts and not one that only passes it on. If the design stops or breaks the
    stream protocol, what passed until then is compared all the same.

    Args:
        design_folder: a generated design.
        build_folder: where the library with observation ports is built.
        integers: samples ``(n, *shape)`` of every input tensor, or of the only
            one; few are enough.
        traces: expected integers ``(n, *shape)`` of every tensor, by name.

    Returns:
        The first difference, or None if every observed tensor is right.

    Raises:
        InputError: ``traces`` lacks an observed tensor.
        CheckFailed: the run fails and no value is wrong up to there. (A tensor
            that is only late, since the design stopped, is no wrong value.)
    """
    model = VerilatedDesign.build(design_folder, build_folder, taps=True)
    observed = model.design.taps
    lacking = [tap.stream.tensor for tap in observed if tap.stream.tensor not in traces]
    if lacking:
        raise InputError(f"no expected integers for {', '.join(lacking)}")
    run, failure = model.observe(integers)
    for tap in observed:
        wanted = _shaped(traces[tap.stream.tensor], tap.stream)
        got = run.taps[tap.stream.tensor]
        found = compare_traces(
            tap.op, tap.stream.tensor, got, wanted if failure is None else wanted[: len(got)]
        )
        if found is not None:
            return found
    if failure is not None:
        raise failure
    # Behind the last observation point there are still the output ports.
    for port in model.design.outputs:
        if port.tensor in traces:
            wanted = _shaped(traces[port.tensor], port)
            found = compare_traces(
                f"output port {port.port}", port.tensor, run.values[port.tensor], wanted
            )
            if found is not None:
                return found
    return None


def _shaped(values: np.ndarray, spec: StreamSpec) -> np.ndarray:
    array = np.asarray(values)
    return array.reshape(len(array), *spec.shape)
