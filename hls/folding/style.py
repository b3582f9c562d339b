"""How an engine's multiplications and memories are made, where there is a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from hwcompress.errors import InputError

__all__ = ["DEFAULT_STYLE", "Memory", "Multiplier", "Style"]

Multiplier = Literal["auto", "lut", "dsp", "packed", "shift"]
Memory = Literal["auto", "logic", "distributed", "block"]

_DSP48E1 = (25, 18)


@dataclass(frozen=True, slots=True)
class Style:
    """Choices for one engine; none of them changes an integer.

    Args:
        multiplier: ``auto`` leaves it to the synthesis tool; ``lut`` logic;
            ``dsp`` a DSP block a product; ``packed`` several products a block.
            Bipolar and ternary factors never take a multiplier. Weights that are
            zero or powers of two shift the element with ``auto`` and ``lut``, too,
            if they cannot be reloaded; ``shift`` demands it (see
            :func:`hwcompress.hls.folding.powers.power_code`).
        memory: of the weights: ``auto``, ``logic`` (constants in LUTs),
            ``distributed`` or ``block`` RAM.
        reload: whether the weights can be written at run time over AXI4-Lite.
        dsp: signed widths of a DSP block's two factors, for ``packed``; by
            default those of Xilinx 7 (Xilinx UltraScale+ 27 x 18, ECP5 18 x 18,
            iCE40 16 x 16).

    Raises:
        InputError: an unknown choice.
    """

    multiplier: Multiplier = "auto"
    memory: Memory = "auto"
    reload: bool = False
    dsp: tuple[int, int] = _DSP48E1

    def __post_init__(self) -> None:
        for name, kinds in (("multiplier", Multiplier), ("memory", Memory)):
            value = getattr(self, name)
            if value not in get_args(kinds):
                raise InputError(
                    f"{name} is {value!r}", remedy=f"give one of {', '.join(get_args(kinds))}"
                )
        if type(self.reload) is not bool:
            raise InputError(f"reload is {self.reload!r}", remedy="give true or false")
        widths = self.dsp
        if len(widths) != 2 or any(type(width) is not int or width < 2 for width in widths):
            raise InputError(f"dsp is {widths!r}", remedy="give two widths, such as [25, 18]")
        if self.reload and self.memory == "logic":
            raise InputError(
                "weights that can be reloaded cannot be constants in logic",
                remedy="give memory auto, distributed or block",
            )

    def packing(
        self, lanes: int, pixels: int, x_bits: int, w_bits: int, shift: int
    ) -> tuple[int, int]:
        """Lanes and pixels whose products share a DSP block: as many products as fit.

        Args:
            lanes: lanes that see the same elements.
            pixels: pixels that meet the same weights.
            x_bits: stored width of an element.
            w_bits: stored width of a weight.
            shift: bits of a product's field (see ``hwc_mul_pack``).
        """
        wide, short = max(self.dsp), min(self.dsp)
        best = (1, 1)
        for count_w in range(1, lanes + 1):
            for count_x in range(1, pixels + 1):
                weight = (count_w - 1) * count_x * shift + w_bits + 1
                element = (count_x - 1) * shift + x_bits + 1
                fits = max(weight, element) <= wide and min(weight, element) <= short
                if fits and count_w * count_x > best[0] * best[1]:
                    best = (count_w, count_x)
            if (count_w - 1) * shift > wide:
                break
        return best

    def record(self) -> dict[str, Any]:
        """The choices that are not the default ones, for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
        return {name: v for name, v in plain.items() if values[name] != _default(name)}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Style:
        """From the record of an engine in a folding file; other keys are left alone.

        Raises:
            InputError: an unknown choice.
        """
        known = {field.name: record[field.name] for field in fields(cls) if field.name in record}
        if isinstance(known.get("dsp"), list):
            known["dsp"] = tuple(known["dsp"])
        return cls(**known)


def _default(name: str) -> Any:
    return getattr(DEFAULT_STYLE, name)


DEFAULT_STYLE = Style()
