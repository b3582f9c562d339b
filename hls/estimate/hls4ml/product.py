"""A matrix product as hls4ml builds it, and what its constants are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from hwcompress.errors import InputError

__all__ = ["Multiplier", "Product", "Strategy", "Weights", "signed_digits"]

Strategy = Literal["latency", "resource"]
Multiplier = Literal["auto", "dsp", "fabric"]

_HARD = 3  # signed digits from which a constant is multiplied by, and not added up
_SPREAD = 3.0  # standard deviations of an assumed weight from zero to the largest one


def signed_digits(values: np.ndarray) -> np.ndarray:
    """Digits other than zero of integers written with digits -1, 0, 1, as few as possible.

    The non-adjacent form of G. W. Reitwiesner, Binary Arithmetic, 1960: its digits are where
    ``x`` and ``3 x`` differ.
    """
    size = np.abs(values.astype(np.int64))
    return np.bitwise_count(size ^ (3 * size)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Weights:
    """What high-level synthesis sees of the constants of a matrix.

    A constant of one signed digit is a wire, of two an adder, of more (a hard one) a
    multiplication, which is made once for an input even where several outputs need it.

    Args:
        nonzero: constants other than zero.
        two: those of two signed digits.
        hard: products of an input and a constant of three or more, equal ones once.
        hard_bits: bits of the constants of those products, summed.
    """

    nonzero: int
    two: int
    hard: int
    hard_bits: int

    @classmethod
    def of(cls, matrix: np.ndarray) -> Weights:
        """The constants of an integer matrix ``(inputs, outputs)``."""
        digits = signed_digits(matrix)
        hard = np.unique(
            np.argwhere(digits >= _HARD)[:, 0] * _KEY + matrix[digits >= _HARD] + _HALF
        )
        sizes = np.abs(hard % _KEY - _HALF)
        bits = np.ceil(np.log2(sizes + 1)).astype(np.int64)
        return cls(
            int(np.count_nonzero(matrix)), int((digits == 2).sum()), len(hard), int(bits.sum())
        )

    @classmethod
    def assumed(cls, inputs: int, outputs: int, bits: int, density: float = 1.0) -> Weights:
        """Those of an unknown matrix: normally distributed, a third of the range wide.

        Args:
            inputs: of the matrix.
            outputs: of the matrix.
            bits: of a weight, with its sign.
            density: share of the weights that are not zero.

        Raises:
            InputError: no bits, or a share that is none.
        """
        if bits < 1 or not 0 <= density <= 1:
            raise InputError(
                f"weights of {bits} bits, {density:g} of them not zero",
                remedy="at least 1 bit, and a share from 0 to 1",
            )
        share = _shares(min(bits, 16))
        nonzero = round(inputs * outputs * density)
        # Of the constants that outputs have in common, the first alone counts.
        hard = sum(inputs * (1 - (1 - p) ** (nonzero / inputs)) for p, _ in share.hard)
        size = sum(inputs * (1 - (1 - p) ** (nonzero / inputs)) * b for p, b in share.hard)
        return cls(nonzero, round(nonzero * share.two), round(hard), round(size))


_KEY, _HALF = 1 << 40, 1 << 39


@dataclass(frozen=True)
class _Shares:
    two: float
    hard: tuple[tuple[float, int], ...]  # probability and bits of every hard constant


@lru_cache
def _shares(bits: int) -> _Shares:
    top = max(1, (1 << (bits - 1)) - 1)
    values = np.array([x for x in range(-top, top + 1) if x])
    weight = np.exp(-0.5 * (_SPREAD * values / top) ** 2)
    weight /= weight.sum()
    digits = signed_digits(values)
    hard = digits >= _HARD
    return _Shares(
        float(weight[digits == 2].sum()),
        tuple(
            (float(p), int(x).bit_length())
            for p, x in zip(weight[hard], np.abs(values[hard]), strict=True)
        ),
    )


@dataclass(frozen=True, slots=True)
class Product:
    """One ``Dense`` or convolution layer of hls4ml.

    Args:
        inputs: of one dot product (window and channels of a convolution).
        outputs: dot products at a time (filters of a convolution).
        weights: their constants.
        weight_bits: of a constant.
        input_bits: of an input.
        sum_bits: of a sum.
        reuse: reuse factor.
        strategy: ``latency`` (constants in the logic) or ``resource`` (constants in memories).
        stream: whether it reads a stream of pixels (io_stream), else an array (io_parallel).
        pixels: that it goes through for a frame: of the input on a stream, else of the output.
        window: whether it moves a window over the input.
        copies: how many times it is there side by side.
        multiplier: ``auto``, or what a directive forces hard products into.
    """

    inputs: int
    outputs: int
    weights: Weights
    weight_bits: int
    input_bits: int
    sum_bits: int
    reuse: int = 1
    strategy: Strategy = "latency"
    stream: bool = False
    pixels: int = 1
    window: bool = False
    copies: int = 1
    multiplier: Multiplier = "auto"

    def __post_init__(self) -> None:
        counts = {
            name: getattr(self, name)
            for name in (
                "inputs", "outputs", "weight_bits", "input_bits", "sum_bits", "reuse", "pixels",
                "copies",
            )
        }  # fmt: skip
        wrong = [f"{name} {value}" for name, value in counts.items() if value < 1]
        if self.strategy not in ("latency", "resource"):
            wrong.append(f"strategy {self.strategy!r}")
        if self.multiplier not in ("auto", "dsp", "fabric"):
            wrong.append(f"multiplier {self.multiplier!r}")
        if self.weights.nonzero > self.inputs * self.outputs:
            wrong.append(f"{self.weights.nonzero} weights")
        if wrong:
            raise InputError(
                f"no layer of hls4ml: {', '.join(wrong)}",
                where=f"{self.inputs} x {self.outputs} product",
                remedy="counts from 1 on, at most inputs x outputs weights, strategy latency or"
                " resource, multiplier auto, dsp or fabric",
            )

    @property
    def multipliers(self) -> int:
        """Multiplications in a clock cycle: ``ceil(inputs outputs / reuse)``."""
        return -(-self.inputs * self.outputs // self.reuse)

    @property
    def limit(self) -> int:
        """The most multipliers of the Latency strategy, which leaves zeros out.

        ``multiplier_limit`` of hls4ml's ``dense_config``.
        """
        zeros = self.inputs * self.outputs - self.weights.nonzero
        return max(0, self.multipliers - zeros // self.reuse)

    @property
    def levels(self) -> float:
        """Operations one after the other: a product, and a tree of additions."""
        return 1 + math.log2(max(1.0, self.weights.nonzero / self.outputs))
