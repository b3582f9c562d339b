"""When the surroundings of a simulated design pause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.rtl.design import Design

__all__ = ["Patterns", "Pauses", "Stalls"]


@dataclass(frozen=True, slots=True)
class Stalls:
    """Random pauses, of every port on its own: chance in a thousand, and the seed.

    ``input_permille`` is the chance that a pause begins before the next input
    beat is offered, ``output_permille`` the chance that one begins in a cycle.
    A pause lasts 1 to ``2 * burst - 1`` cycles, evenly distributed.
    """

    input_permille: int
    output_permille: int
    seed: int = 1
    burst: int = 1

    def __post_init__(self) -> None:
        for name in ("input_permille", "output_permille"):
            value = getattr(self, name)
            if not 0 <= value <= 990:
                raise InputError(f"{name} is {value}", why="expected 0 to 990")
        if not 1 <= self.burst <= 1 << 20:
            raise InputError(f"burst is {self.burst}", why="expected 1 to 1048576")

    def pattern(self, port: str, *, offers: bool) -> np.ndarray:
        """None: the pauses are drawn while the design runs."""
        del port, offers
        return np.empty(0, np.uint8)


@dataclass(frozen=True)
class Patterns:
    """Pauses cycle by cycle, the same that the token machine is given.

    Args:
        offers: by input port, 0 and 1 ``(cycles,)``, repeated for ever: in a
            cycle with 0 no new beat is offered (one that is waiting stays).
        accepts: by output port: in a cycle with 0 no beat is accepted.

    Ports without a pattern never pause. Cycle 0 is the first one after reset.
    """

    offers: Mapping[str, np.ndarray] = field(default_factory=dict)
    accepts: Mapping[str, np.ndarray] = field(default_factory=dict)

    input_permille = 0
    output_permille = 0
    burst = 1

    def pattern(self, port: str, *, offers: bool) -> np.ndarray:
        """uint8 ``(cycles,)`` of a port, empty if it never pauses."""
        given = (self.offers if offers else self.accepts).get(port, ())
        return np.ascontiguousarray(given, np.uint8)

    def check(self, design: Design) -> None:
        """Raise :class:`InputError` unless the patterns fit the ports of ``design``."""
        for what, given, ports in (
            ("offers", self.offers, design.inputs),
            ("accepts", self.accepts, design.outputs),
        ):
            names = [spec.port for spec in ports]
            for port, pattern in given.items():
                if port not in names:
                    raise InputError(
                        f"{what} of {port!r}", why=f"the ports there are {', '.join(names)}"
                    )
                values = np.asarray(pattern)
                if values.ndim != 1 or not np.isin(values, (0, 1)).all() or not values.any():
                    raise InputError(
                        f"{what} of {port!r} are no pattern",
                        why="expected a row of 0 and 1, not all of them 0",
                    )


Pauses = Stalls | Patterns
"""Either kind."""
