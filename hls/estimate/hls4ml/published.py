"""Whole designs of publications beside the estimate."""

from __future__ import annotations

from dataclasses import dataclass

from hwcompress.hls.estimate.hls4ml.estimate import estimate_product
from hwcompress.hls.estimate.hls4ml.product import Product, Weights
from hwcompress.hls.estimate.hls4ml.reports import Counts
from hwcompress.hls.estimate.hls4ml.synthesis import synthesized

__all__ = ["PUBLISHED", "Published"]


@dataclass(frozen=True, slots=True)
class Published:
    """A multilayer perceptron from a publication.

    Args:
        name: of the network, and what is public of it.
        source: where the figures are from.
        sizes: inputs, and outputs of every layer.
        weight_bits: of the constants.
        input_bits: of the input, and then of the activations.
        density: share of the weights that are not zero.
        reuse: reuse factor; beyond 1 with the Resource strategy.
        clock_ns: clock period.
        family: of devices.
        lut: as published, after logic synthesis or later.
        ff: likewise; None where it is not published.
        dsp: likewise.
        weights: of every layer; assumed where there are none.
    """

    name: str
    source: str
    sizes: tuple[int, ...]
    weight_bits: int
    input_bits: tuple[int, int]
    density: float
    reuse: int
    clock_ns: float
    family: str
    lut: int
    ff: int | None
    dsp: int
    weights: tuple[Weights, ...] = ()

    @property
    def products(self) -> list[Product]:
        """Its layers, with assumed weights and sums as wide as they must be."""
        found = []
        for place, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            bits = self.input_bits[min(place, 1)]
            assumed = Weights.assumed(inputs, outputs, self.weight_bits, self.density)
            found.append(
                Product(
                    inputs=inputs,
                    outputs=outputs,
                    weights=self.weights[place] if self.weights else assumed,
                    weight_bits=self.weight_bits,
                    input_bits=bits,
                    sum_bits=self.weight_bits + bits + (inputs - 1).bit_length(),
                    reuse=min(self.reuse, inputs * outputs),
                    strategy="latency" if self.reuse == 1 else "resource",
                )
            )
        return found

    def estimate(self) -> Counts:
        """Resources after logic synthesis, of the matrix products alone."""
        total = Counts()
        for product in self.products:
            total = total.plus(estimate_product(product, self.clock_ns, self.family))
        return synthesized(total)


_JETS = (16, 64, 32, 32, 5)
# Of the 6-bit jet tagger of the QONNX model zoo.
_ZOO = (
    Weights(842, 429, 30, 126), Weights(1123, 449, 24, 102), Weights(613, 329, 37, 160),
    Weights(128, 66, 30, 140),
)  # fmt: skip

PUBLISHED = (
    Published(
        "jets, 6 bits (QKeras); weights of the QONNX model zoo's", "arXiv:2609.16367, table II",
        _JETS, 6, (16, 6), 1.0, 1, 5.0, "ultrascale+", 39_782, 8_128, 124, _ZOO,
    ),
    Published(
        "the same; weights assumed", "arXiv:2609.16367, table II", _JETS, 6, (16, 6), 1.0, 1, 5.0,
        "ultrascale+", 39_782, 8_128, 124,
    ),
    Published(
        "jets (Fahim et al.), bits not stated, 6 assumed", "table IV of the PolyLUT paper",
        _JETS, 6, (16, 6), 1.0, 1, 5.0, "ultrascale+", 63_251, 4_394, 38,
    ),
    Published(
        "jets 16-8-8-5, 12 bits, reuse 4", "dwn-fpga-study, xc7a35t", (16, 8, 8, 5), 12, (12, 12),
        1.0, 4, 10.0, "7series", 8_749, None, 53,
    ),
)  # fmt: skip
"""The designs. Weights that are not public are assumed, all of them not zero."""
