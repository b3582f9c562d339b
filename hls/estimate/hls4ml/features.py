"""LUTs and flip-flops of a layer as sums of features, whose coefficients are fitted."""

from __future__ import annotations

from hwcompress.hls.estimate.hls4ml.product import Product
from hwcompress.hls.estimate.hls4ml.rules import in_dsp, stages_of

__all__ = ["FEATURES", "ff_features", "lut_features"]

FEATURES = {
    ("latency", "lut"): (
        "bits of the sums: constants other than zero, times bits of a sum",
        "bits of the adders in products by constants of two digits",
        "bits of the multipliers made of LUTs: bits of input times bits of constant",
        "bits of inputs that share a multiplier",
        "bits of the sums of products in DSP blocks",
        "bits of the window",
    ),
    ("latency", "ff"): (
        "bits of the sums at the pipeline's cuts, of a new input every cycle",
        "the same, of a reuse factor of 2 and more",
        "bits of the window, or of what is read from a stream",
    ),
    ("resource", "lut"): (
        "bits of the inputs that multipliers choose from, where a dot product needs several",
        "bits of inputs, outputs and products",
        "bits of the multipliers made of LUTs",
        "layers",
    ),
    ("resource", "ff"): (
        "bits of the products",
        "bits of inputs and outputs",
    ),
}
"""What the features count, by strategy and resource."""


def lut_features(product: Product) -> tuple[float, ...]:
    """Features of the LUTs, as :data:`FEATURES` has them."""
    weights, bits, sums = product.weights, product.input_bits, product.sum_bits
    fabric = not in_dsp(product)
    window = product.inputs * bits if product.window else 0
    if product.strategy == "resource":
        choice = product.multipliers * bits if product.reuse < product.inputs else 0
        ends = product.inputs * bits + (product.outputs + product.multipliers) * sums
        area = product.multipliers * bits * product.weight_bits if fabric else 0
        found = (choice, ends + window, area, 1)
    else:
        made = min(weights.hard, product.limit)
        size = weights.hard_bits / max(1, weights.hard)
        found = (
            weights.nonzero * sums,
            weights.two * (bits + 3),
            made * bits * size if fabric else 0,
            (weights.hard - made) * bits,
            0 if fabric else made * sums,
            window,
        )  # type: ignore[assignment]  # as many as the strategy has
    return tuple(float(product.copies * value) for value in found)


def ff_features(product: Product, clock_ns: float, family: str) -> tuple[float, ...]:
    """Features of the flip-flops, as :data:`FEATURES` has them.

    A pipeline of ``n`` stages cuts the tree of additions at ``n`` places, evenly; a tree of
    ``levels`` levels has ``2 ** -levels`` of its inputs left after that many.
    """
    sums = product.sum_bits
    read = product.inputs * product.input_bits if product.window or product.stream else 0
    if product.strategy == "resource":
        ends = product.inputs * product.input_bits + product.outputs * sums
        return product.copies * product.multipliers * sums, float(product.copies * ends)
    stages = max(1, stages_of(product, clock_ns, family))
    left = sum(2 ** (-product.levels * (cut + 0.5) / stages) for cut in range(stages))
    cut = product.copies * product.weights.nonzero * sums * left
    once = product.reuse == 1
    return (cut if once else 0.0, 0.0 if once else cut, float(product.copies * read))
