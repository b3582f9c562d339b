"""What is to be flipped: bits by rate, or by list; and such lists as files."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hwcompress.errors import InputError

__all__ = ["FLIPS_FORMAT", "Faults", "Flip", "load_flips", "save_flips"]

FLIPS_FORMAT = "hwcompress-flips-1"


@dataclass(frozen=True, slots=True)
class Flip:
    """One bit that is the other one.

    Args:
        where: without ``sample`` a layer with weights or thresholds: the bit is flipped in
            its memory, for every sample. With ``sample`` a tensor.
        index: position in the layer's weights ``(M, K)`` or ``(M, KH, KW, C / groups)``, in
            its thresholds ``(rows, K)``, or in the tensor's shape; a single number counts
            elements with the last axis fastest.
        bit: 0 is the lowest one of the stored form.
        sample: number of the sample, from 0, or ``"every"``.
    """

    where: str
    index: tuple[int, ...] | int
    bit: int
    sample: int | Literal["every"] | None = None

    def __post_init__(self) -> None:
        index = self.index if isinstance(self.index, tuple) else (self.index,)
        if not isinstance(self.where, str) or not index or not all(map(_natural, index)):
            raise self.fail(
                f"index {self.index!r} is no number from 0, and no tuple of such numbers"
            )
        if not _natural(self.bit):
            raise self.fail(f"bit {self.bit!r} is no number from 0")
        if self.sample not in (None, "every") and not _natural(self.sample):
            raise self.fail(
                f"sample {self.sample!r} is no number from 0",
                "give a number, 'every', or nothing for weights and thresholds",
            )

    def fail(self, what: str, remedy: str = "") -> InputError:
        """An error about this flip (to be raised by the caller)."""
        return InputError(what, where=f"flip in {self.where!r}", remedy=remedy)


@dataclass(frozen=True)
class Faults:
    """Bits that flip.

    A rate is the probability with which each bit flips, independently of the others. Flips
    by rate and by list add up: a bit that both hit is flipped twice, which is not at all.

    Args:
        weights: rate for the bits of weight memories; the flips hold for all samples.
        thresholds: likewise, of threshold memories.
        activations: rate for the bits of tensors, of every sample anew.
        flips: further flips, none twice.
        seed: decides which bits the rates hit. The same seed gives the same flips, whatever
            the block size and the number of threads.
        only: names of layers and tensors that the rates are for; by default all.

    Raises:
        InputError: a rate is not within 0..1, or a flip is given twice.
    """

    weights: float = 0.0
    thresholds: float = 0.0
    activations: float = 0.0
    flips: tuple[Flip, ...] = ()
    seed: int = 0
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("weights", "thresholds", "activations"):
            rate = getattr(self, name)
            if not isinstance(rate, int | float) or not math.isfinite(rate) or not 0 <= rate <= 1:
                raise InputError(
                    f"fault rate {rate!r} of {name}", remedy="give a probability from 0 to 1"
                )
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise InputError(f"seed {self.seed!r} of faults is no whole number")
        object.__setattr__(self, "flips", tuple(self.flips))
        object.__setattr__(self, "only", tuple(self.only))
        most = Counter(self.flips).most_common(1)
        if most and most[0][1] > 1:
            raise most[0][0].fail(f"{most[0][0]} is given {most[0][1]} times", "give it once")


def save_flips(path: Path, flips: Iterable[Flip]) -> None:
    """Write flips as JSON."""
    rows = [
        {
            "where": flip.where,
            "index": list(flip.index) if isinstance(flip.index, tuple) else flip.index,
            "bit": flip.bit,
            "sample": flip.sample,
        }
        for flip in flips
    ]
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    head = f'{{\n "format": "{FLIPS_FORMAT}",\n "flips": ['
    path.write_text(f"{head}\n{lines}\n ]\n}}\n", encoding="utf-8")


def load_flips(path: Path) -> tuple[Flip, ...]:
    """Read what :func:`save_flips` wrote.

    Raises:
        InputError: the file cannot be read, or is of another format.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or document.get("format") != FLIPS_FORMAT:
            raise ValueError(f"its format is not {FLIPS_FORMAT!r}")
        return tuple(
            Flip(
                where=row["where"],
                index=tuple(row["index"]) if isinstance(row["index"], list) else row["index"],
                bit=row["bit"],
                sample=row["sample"],
            )
            for row in document["flips"]
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            "no list of flips",
            where=str(path),
            why=" ".join(str(error).split())[:200],
            remedy="give a file that save_flips wrote",
        ) from error


def _natural(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
