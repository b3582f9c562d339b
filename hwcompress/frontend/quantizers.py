"""The quantizers as functions from real numbers to integer levels.

Definitions: the QONNX operator pages (Quant, BipolarQuant, Trunc) and their
reference code in the package ``qonnx``, ``custom_op/general``; for ONNX's own
QuantizeLinear :mod:`hwcompress.frontend.linear_quantizer`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.linear_quantizer import aligned, output_type
from hwcompress.frontend.onnx_model import Node
from hwcompress.ir import BIPOLAR, IntType

__all__ = ["ROUNDINGS", "Quantizer", "read_quantizer"]

_MAX_ZERO = 2.0**31

Rounding = Callable[[np.ndarray], np.ndarray]

ROUNDINGS: dict[str, Rounding] = {
    "ROUND": np.rint,
    "HALF_EVEN": np.rint,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "DOWN": np.trunc,
    "ROUND_TO_ZERO": np.trunc,  # as Brevitas writes it
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
}


@dataclass(frozen=True, eq=False)
class Quantizer:
    """``real -> level``, and what a level stands for.

    ``scale`` and ``zero`` broadcast against the source tensor; a level ``q``
    stands for ``(q - zero) * scale``. ``before`` maps real values to the
    units that are rounded, ``after`` what is rounded to levels. ``dtype`` is
    ``None`` where nothing clamps the levels (Trunc, version 1).
    """

    dtype: IntType | None
    scale: np.ndarray
    zero: np.ndarray
    before: Callable[[np.ndarray], np.ndarray]
    rounding: str
    after: Callable[[np.ndarray], np.ndarray] | None = None

    def levels(self, real: np.ndarray) -> np.ndarray:
        """Integer levels (int64) of real values."""
        return self.rounded(self.before(real))

    def rounded(self, units: np.ndarray) -> np.ndarray:
        """Integer levels of units: values as :attr:`before` gives them."""
        if self.dtype is not None and self.dtype.is_bipolar:
            return np.where(units >= 0, 1, -1).astype(np.int64)
        if self.after is not None:
            units = self.after(ROUNDINGS[self.rounding](units))
        if self.dtype is not None:
            units = np.clip(units, self.dtype.lo, self.dtype.hi)
        return ROUNDINGS[self.rounding](units).astype(np.int64)

    def real(self, levels: np.ndarray) -> np.ndarray:
        """What levels stand for, float64."""
        return np.asarray((levels - self.zero) * self.scale)

    def neighbours(
        self, real: np.ndarray, within: float | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """What real values become if they are ``within`` levels lower, and higher."""
        units = self.before(real)
        return self.real(self.rounded(units - within)), self.real(self.rounded(units + within))

    def distance(self, real: np.ndarray) -> np.ndarray:
        """Distance of each value from the nearest step of the quantizer, in levels."""
        if self.dtype is not None and self.dtype.is_bipolar:
            return np.asarray(np.abs(self.before(real) / 2.0))
        units = self.before(real)
        half = 0.5 if self.rounding.startswith(("ROUND", "HALF")) else 0.0
        near = np.abs(units - half - np.rint(units - half))
        if self.dtype is None:
            return near
        # Beyond the clamp nothing steps any more.
        at = units if self.after is None else self.after(units)
        outside = np.maximum(self.dtype.lo - at, at - self.dtype.hi)
        return np.where(outside > 0, np.maximum(near, outside), near)


def _scalar(value: np.ndarray, what: str, node: Node) -> float:
    if value.size != 1:
        raise UnsupportedError(
            f"{what} differs per channel {value.shape}",
            where=node.label,
            remedy="use one value for the whole tensor",
        )
    number = float(value.reshape(-1)[0])
    if not np.isfinite(number):
        raise UnsupportedError(f"{what} is {number}", where=node.label)
    return number


def _int_type(node: Node, bits: float, signed: bool, narrow: bool) -> IntType:
    if bits != int(bits) or not 1 <= bits <= 32:
        raise UnsupportedError(
            f"bit width {bits} is not a whole number from 1 to 32", where=node.label
        )
    if signed:
        # One signed bit: QONNX reads it as bipolar.
        return BIPOLAR if bits == 1 else IntType.signed_bits(int(bits), narrow=narrow)
    if bits == 1 and narrow:
        raise UnsupportedError("one unsigned narrow bit has a single level", where=node.label)
    return IntType.unsigned_bits(int(bits), narrow=narrow)


def read_quantizer(node: Node, parameters: list[np.ndarray]) -> Quantizer:
    """The quantizer of a Quant, IntQuant, BipolarQuant, Trunc or QuantizeLinear node.

    A QuantizeLinear gives integers, which in the source stand for themselves:
    scale 1, zero point 0.

    Args:
        node: the node.
        parameters: float64 values of all inputs but the first.

    Raises:
        UnsupportedError: a parameter is outside what can be expressed.
    """
    wanted = {"BipolarQuant": (1,), "Trunc": (4, 5), "QuantizeLinear": (2,)}.get(node.op, (3,))
    if len(parameters) not in wanted:
        raise UnsupportedError(
            f"{len(parameters)} parameters, not {' or '.join(map(str, wanted))}", where=node.label
        )
    scale = parameters[0]
    _check_scale(scale, "scale", node)
    if node.op == "BipolarQuant":
        return Quantizer(BIPOLAR, scale, np.zeros(()), lambda x: x / scale, "ROUND")
    zero = parameters[1]
    if not np.array_equal(zero, np.rint(zero)) or np.any(np.abs(zero) > _MAX_ZERO):
        raise UnsupportedError(
            f"zero point {_short(zero)} is not an integer below 2^31", where=node.label
        )
    if node.op == "QuantizeLinear":
        return _read_linear(node, scale, zero)
    rounding = node.text("rounding_mode", "FLOOR" if node.op == "Trunc" else "ROUND").upper()
    if rounding not in ROUNDINGS:
        raise UnsupportedError(
            f"rounding mode {rounding!r}", where=node.label, why=f"known: {', '.join(ROUNDINGS)}"
        )
    signed, narrow = bool(node.integer("signed", 1)), bool(node.integer("narrow", 0))
    if node.op != "Trunc":
        dtype = _int_type(node, _scalar(parameters[2], "bit width", node), signed, narrow)
        return Quantizer(dtype, scale, zero, lambda x: x / scale + zero, rounding)
    return _read_trunc(node, parameters, rounding, signed, narrow)


def _read_linear(node: Node, scale: np.ndarray, zero: np.ndarray) -> Quantizer:
    def before(real: np.ndarray) -> np.ndarray:
        # In the data's precision (:mod:`hwcompress.frontend.stored`).
        return np.asarray(real / aligned(node, scale, real.shape).astype(real.dtype))

    def after(rounded: np.ndarray) -> np.ndarray:
        return np.asarray(rounded + aligned(node, zero, rounded.shape))

    return Quantizer(output_type(node), np.ones(()), np.zeros(()), before, "ROUND", after)


def _check_scale(scale: np.ndarray, what: str, node: Node) -> None:
    # Beyond, float32 arithmetic on the values overflows or loses its digits.
    scale = np.asarray(scale, np.float64)  # float16 does not hold the bounds
    if scale.size == 0 or not np.all((scale >= 2.0**-100) & (scale <= 2.0**100)):
        raise UnsupportedError(
            f"{what} {_short(scale)} is not a positive number of a usual size",
            where=node.label,
            remedy="calibrate or train the quantizer on data that reaches it",
        )


def _short(values: np.ndarray) -> str:
    """The first odd value of an array, for messages."""
    flat = values.reshape(-1)
    odd = flat[~(np.isfinite(flat) & (flat > 0) & (flat == np.rint(flat)))]
    return f"{(odd if odd.size else flat)[0]:g}" if flat.size else "of no element"


def _read_trunc(
    node: Node, parameters: list[np.ndarray], rounding: str, signed: bool, narrow: bool
) -> Quantizer:
    scale, zero = parameters[0], parameters[1]
    if len(parameters) == 4:  # version 1: levels keep the input's scale, nothing clamps
        in_bits = _scalar(parameters[2], "input bit width", node)
        out_bits = _scalar(parameters[3], "output bit width", node)
        if not (1 <= in_bits <= 64 and 1 <= out_bits <= 64):
            raise UnsupportedError(
                f"bit widths {in_bits:g} and {out_bits:g} are not from 1 to 64", where=node.label
            )
        divisor = np.asarray(2.0 ** (in_bits - out_bits))
        return Quantizer(None, scale, zero, lambda x: np.rint(x / scale + zero) / divisor, rounding)
    out_scale = parameters[3]
    _check_scale(out_scale, "output scale", node)
    out_bits = _scalar(parameters[4], "output bit width", node)
    if signed and out_bits == 1:  # not bipolar here: {-1, 0}
        if narrow:
            raise UnsupportedError("one signed narrow bit has a single level", where=node.label)
        dtype = IntType(-1, 0)
    else:
        dtype = _int_type(node, out_bits, signed, narrow)
    ratio = 2.0 ** np.rint(np.log2(out_scale / scale))
    return Quantizer(
        dtype, out_scale, zero / ratio, lambda x: np.rint(x / scale + zero) / ratio, rounding
    )
