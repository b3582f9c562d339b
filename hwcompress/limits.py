"""How large a model or a data file may be: what is larger is refused with a message.

A file says in a few bytes how much memory it wants. Every size is therefore compared with
these limits before anything of that size is made.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from hwcompress.errors import InputError

__all__ = [
    "DEFAULT_LIMITS",
    "MB",
    "Limits",
    "current_limits",
    "limit_remedy",
    "parse_limits",
    "set_limits",
]

MB = 1_000_000

_LARGEST = 1 << 40


@dataclass(frozen=True)
class Limits:
    """Limits on what is read.

    Attributes:
        model_mb: megabytes of a model file together with its external data, or of a file of
            weights.
        elements: elements of one tensor of a sample.
        memory_mb: megabytes of the constants of a model, stored and computed, and of the
            index tables of its tensors; of arrays of weights; of an unpacked exported program.
        nodes: nodes of a model.
        data_mb: megabytes of the samples and labels that are loaded, as the eight bytes that
            computing with an element takes.
    """

    model_mb: int = 1_000
    elements: int = 1 << 23
    memory_mb: int = 4_000
    nodes: int = 10_000
    data_mb: int = 4_000

    @property
    def model_bytes(self) -> int:
        """``model_mb`` in bytes."""
        return self.model_mb * MB

    @property
    def memory_bytes(self) -> int:
        """``memory_mb`` in bytes."""
        return self.memory_mb * MB

    @property
    def data_bytes(self) -> int:
        """``data_mb`` in bytes."""
        return self.data_mb * MB


DEFAULT_LIMITS = Limits()


_current = [DEFAULT_LIMITS]


def current_limits() -> Limits:
    """The limits of this process."""
    return _current[0]


def set_limits(limits: Limits) -> None:
    """Choose the limits of this process; the command line does it once, before any work."""
    _current[0] = limits


def limit_remedy(name: str) -> str:
    """How to raise a limit, for messages."""
    option = f"--limits {name.replace('_', '-')}=NUMBER"
    return f"if you trust the file, give `hwcompress {option} COMMAND ...`"


def parse_limits(text: str) -> Limits:
    """``model-mb=2000,elements=33554432``; limits that are not named keep their default.

    Raises:
        InputError: an unknown name, or no positive number.
    """
    names = [field.name.replace("_", "-") for field in fields(Limits)]
    changed: dict[str, int] = {}
    for part in filter(None, (item.strip() for item in text.split(","))):
        name, _, number = part.partition("=")
        digits = number.strip()
        if name.strip() not in names or not (digits.isascii() and digits.isdigit()):
            raise InputError(
                f"--limits has {part!r}",
                remedy=f"give NAME=NUMBER, separated by commas, of {', '.join(names)}",
            )
        # Longer ones would take long to convert.
        value = int(digits) if len(digits) < 20 else _LARGEST + 1
        if not 1 <= value <= _LARGEST:
            raise InputError(f"--limits has {part!r}", remedy=f"give 1 to {_LARGEST}")
        changed[name.strip().replace("-", "_")] = value
    return replace(DEFAULT_LIMITS, **changed)
