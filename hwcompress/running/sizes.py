"""How much is done at once, so that a run takes no more memory than it may."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hwcompress.errors import InputError

__all__ = ["Sizes", "parse_size", "plan_sizes", "size_text"]

_UNITS = {
    "": 1,
    "b": 1,
    **{
        f"{letter}{end}": 1000**power for power, letter in enumerate("kmgt", 1) for end in ("", "b")
    },
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}
_LARGEST = 1 << 50

# Chunks of samples, with what is made of them, where nothing else is asked for.
_USUAL_BYTES = 64_000_000
_MOST_SAMPLES = 1 << 18


@dataclass(frozen=True)
class Sizes:
    """Samples of a chunk, and the memory of each of the simulator's plans, ``None``: no limit."""

    chunk: int
    simulator: int | None


def parse_size(text: str) -> int:
    """Bytes: ``500M``, ``2G``, ``1.5GiB``, ``64000000``; M is a million, MiB is 2**20.

    Raises:
        InputError: not of this form, or not positive.
    """
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]{0,3})", text.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise InputError(f"--memory is {text!r}", remedy="give a size such as 500M, 2G or 1.5GiB")
    size = int(float(match[1]) * _UNITS[match[2]])
    if not 0 < size <= _LARGEST:
        raise InputError(f"--memory is {text!r}", remedy="give more than nothing, and less than 1P")
    return size


def size_text(size: int) -> str:
    """Bytes for people."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"


def plan_sizes(per_sample: int, fixed: int, plans: int, memory: int | None) -> Sizes:
    """Divide the memory between the simulator's blocks and the chunks of samples.

    Args:
        per_sample: bytes that a sample of a chunk takes, with all that is made of it.
        fixed: bytes that a chunk of any size takes.
        plans: how many plans the simulator runs, each with blocks of its own.
        memory: bytes for all of it; ``None``: as many as are usual.

    Raises:
        InputError: it is too little for one sample.
    """
    if memory is None:
        return Sizes(max(1, min(_MOST_SAMPLES, _USUAL_BYTES // per_sample)), None)
    simulator = memory // 2
    chunk = (memory - simulator - fixed) // per_sample
    if chunk < 1:
        least = 2 * (fixed + per_sample)
        raise InputError(
            f"--memory of {size_text(memory)} is too little",
            why=f"one sample with all that is kept of it takes {size_text(per_sample)}, reading it"
            f" {size_text(fixed)}, and half of the memory is the simulator's",
            remedy=f"give {size_text(least + least // 20)} or more",
        )
    return Sizes(min(_MOST_SAMPLES, chunk), simulator // plans)
