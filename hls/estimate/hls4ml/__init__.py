"""Estimates of hls4ml designs, from public reports, with their large error.

Nothing here runs hls4ml or a vendor's tool: the plan of the project is enough.
"""

from hwcompress.hls.estimate.hls4ml.estimate import (
    Hls4mlEstimate,
    Hls4mlLayer,
    estimate_hls4ml,
    estimate_hls4ml_plan,
    estimate_product,
    family_of,
)
from hwcompress.hls.estimate.hls4ml.product import Product, Weights
from hwcompress.hls.estimate.hls4ml.reports import Counts

__all__ = [
    "Counts",
    "Hls4mlEstimate",
    "Hls4mlLayer",
    "Product",
    "Weights",
    "estimate_hls4ml",
    "estimate_hls4ml_plan",
    "estimate_product",
    "family_of",
]
