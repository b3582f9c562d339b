"""The layers of an hls4ml plan as products, or as what else they take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from hwcompress.hls.estimate.hls4ml.product import Product, Strategy, Weights, signed_digits
from hwcompress.hls.estimate.hls4ml.reports import Counts
from hwcompress.hls.estimate.hls4ml.rules import dsps_each, memory_bram18
from hwcompress.hls.hls4ml.layer import Layer

__all__ = ["Site", "fifo_of", "other_of", "product_of"]

_DSP_BITS = 13
_SRL = 32  # bits of a LUT that is a shift register
_FIFO_BITS, _FIFO_WIDTH, _FIFO_DEPTH = 1024, 18, 1024
_TABLE_BITS = 64  # of a LUT


@dataclass(frozen=True, slots=True)
class Site:
    """A layer of a plan.

    Args:
        layer: of the plan.
        bits: of its first input, and of all of its inputs together.
        stream: whether tensors are streams of pixels.
    """

    layer: Layer
    bits: int
    stream: bool

    def number(self, name: str, default: int = 1) -> int:
        """An attribute of the layer that is a number."""
        return cast(int, self.layer.choice.attributes.get(name, default))

    def array(self, name: str) -> np.ndarray:
        """An attribute of the layer that is an array."""
        return cast(np.ndarray, self.layer.choice.attributes[name])

    @property
    def lanes(self) -> int:
        """Elements of the output at a time: of an array all, of a stream those of a pixel."""
        shape = self.layer.shape
        return math.prod(shape[-1:] if self.stream else shape)

    @property
    def positions(self) -> int:
        """Pixels of the output."""
        return math.prod(self.layer.shape[:-1])


def product_of(site: Site) -> Product | None:
    """The matrix product that a layer is, or None for any other layer."""
    choice = site.layer.choice
    if choice.class_name == "Dense":
        return _product(site, site.array("weight_data"), window=False)
    if choice.class_name == "Conv2D":
        weight = site.array("weight_data")
        return _product(site, weight.reshape(-1, weight.shape[-1]), window=True)
    if choice.class_name in ("HwcCorrelation", "HwcTransposed"):
        name = "taps" if choice.class_name == "HwcTransposed" else "weight"
        return _grouped(site, site.array(f"{name}_data").T, choice.types[name].bits)
    return None


def _product(site: Site, matrix: np.ndarray, *, window: bool) -> Product:
    choice = site.layer.choice
    return Product(
        inputs=matrix.shape[0],
        outputs=matrix.shape[1],
        weights=Weights.of(matrix),
        weight_bits=choice.types["weight"].bits,
        input_bits=site.bits,
        sum_bits=choice.types["accum"].bits,
        reuse=choice.reuse,
        strategy=cast(Strategy, choice.strategy.lower()),
        stream=site.stream,
        pixels=_pixels(site) if window else 1,
        window=window and site.stream,
    )


def _grouped(site: Site, matrix: np.ndarray, weight_bits: int) -> Product:
    """A window of our own C++: constants in the logic, one pixel of the output at a time."""
    choice = site.layer.choice
    groups = np.array_split(matrix, site.number("groups"), axis=1)
    parts = [Weights.of(group) for group in groups]
    return Product(
        inputs=matrix.shape[0],
        outputs=matrix.shape[1],
        weights=Weights(
            sum(part.nonzero for part in parts), sum(part.two for part in parts),
            sum(part.hard for part in parts), sum(part.hard_bits for part in parts),
        ),
        weight_bits=weight_bits,
        input_bits=choice.types["window"].bits if "window" in choice.types else site.bits,
        sum_bits=choice.types["accum"].bits,
        reuse=choice.reuse,
        stream=site.stream,
        pixels=_pixels(site) if choice.class_name == "HwcCorrelation" else site.positions,
        window=site.stream,
    )  # fmt: skip


def _pixels(site: Site) -> int:
    """Pixels that a window goes through: of the padded input on a stream, else of the output."""
    if not site.stream:
        return site.positions
    height = site.number("in_height") + site.number("pad_top", 0) + site.number("pad_bottom", 0)
    width = site.number("in_width") + site.number("pad_left", 0) + site.number("pad_right", 0)
    return height * width


def other_of(site: Site) -> Counts:
    """Resources of a layer that is no matrix product, by structure alone; nothing is fitted.

    LUTs: two bits of a comparison with a constant, one bit of an addition, of a choice between
    two, 64 bits of a table. Flip-flops: the result.
    """
    choice = site.layer.choice
    lanes, bits = site.lanes, choice.result.bits
    ff = float(lanes * bits)
    name = choice.class_name
    if name in ("InputLayer", "Reshape"):
        return Counts()
    if name == "HwcThreshold":
        each = site.number("n_steps") * (choice.types["accum"].bits / 2 + 1)
        return Counts(lanes * each, ff)
    if name == "HwcRescale":
        return _rescale(site, ff)
    if name == "HwcTable":
        words = site.number("n_rows") * site.number("n_entries")
        blocks = memory_bram18(choice.types["entry"].bits, words)
        luts = 0.0 if blocks else words * choice.types["entry"].bits / _TABLE_BITS
        return Counts(lanes * luts, ff, 0.0, float(lanes * blocks))
    if name in ("MaxPooling2D", "HwcMaxPool", "HwcSumPool"):
        taps = _taps(site)
        each = (taps - 1) * bits * (1.0 if name == "HwcSumPool" else 1.5)
        return Counts(lanes * each + _lines(site), ff + taps * lanes * site.bits * site.stream)
    if name == "HwcAdd":
        return Counts(lanes * bits * max(1, len(site.layer.sources) - 1), ff)
    if name == "HwcMul":
        if site.bits >= _DSP_BITS:
            return Counts(0.0, ff, float(lanes * dsps_each(site.bits, site.bits)))
        return Counts(float(lanes * site.bits * site.bits), ff)
    if name in ("HwcArgMax", "HwcTopK"):
        size, kept = site.number("n_in"), site.number("k")
        return Counts(1.5 * size * kept * site.bits, float(size * site.bits))
    return Counts(0.0, ff)  # copies and moves


def _rescale(site: Site, ff: float) -> Counts:
    """A product by a constant, an addition, a rounding and two bounds."""
    choice = site.layer.choice
    accum = choice.types["accum"].bits
    digits = signed_digits(site.array("mul_data"))
    if site.bits >= _DSP_BITS and float(digits.mean()) >= 3:
        return Counts(2.0 * site.lanes * accum, ff, float(site.lanes))
    adders = float(np.maximum(digits, 1).mean())
    return Counts(site.lanes * accum * (adders + 1), ff)


def _taps(site: Site) -> int:
    names = ("pool", "kernel")
    return max(site.number(f"{name}_height") * site.number(f"{name}_width") for name in names)


def _lines(site: Site) -> float:
    """LUTs of the rows that a window on a stream keeps, as shift registers."""
    if not site.stream:
        return 0.0
    rows = max(site.number("pool_height"), site.number("kernel_height")) - 1
    width = site.number("in_width") + site.number("pad_left", 0) + site.number("pad_right", 0)
    return float(rows * site.number("n_chan") * site.bits * -(-width // _SRL))


def line_luts(site: Site) -> float:
    """LUTs of the rows that a convolution on a stream keeps."""
    if not site.stream:
        return 0.0
    rows = max(site.number("filt_height"), site.number("kernel_height")) - 1
    width = site.number("in_width") + site.number("pad_left", 0) + site.number("pad_right", 0)
    return float(rows * site.number("n_chan") * site.bits * -(-width // _SRL))


def fifo_of(site: Site) -> Counts:
    """The buffer behind a layer on streams: one word a pixel, room for a frame.

    Block RAMs of 18 bits and 1024 words from 1024 bits on, else shift registers.
    """
    if not site.stream or not site.layer.sources:
        return Counts()
    width = site.lanes * site.layer.choice.result.bits
    depth = max(1, site.positions)
    if width * depth > _FIFO_BITS:
        blocks = -(-width // _FIFO_WIDTH) * -(-depth // _FIFO_DEPTH)
        return Counts(float(width), float(width), 0.0, float(blocks))
    return Counts(float(width * -(-depth // _SRL)), float(width))


def bits_of(layer: Layer, layers: Mapping[str, Layer]) -> int:
    """Bits of an element of a layer's first input; of its own result where it has none."""
    if not layer.sources:
        return layer.choice.result.bits
    return max(layers[name].choice.result.bits for name in layer.sources)
