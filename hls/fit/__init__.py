"""Choosing how every engine of a design is made, under all limits at once."""

from hwcompress.hls.fit.estimated import EstimatedCost, budget_of, capacity_of
from hwcompress.hls.fit.menu import DEFAULT_OFFER, Offer
from hwcompress.hls.fit.search import Fitted, fit

__all__ = [
    "DEFAULT_OFFER",
    "EstimatedCost",
    "Fitted",
    "Offer",
    "budget_of",
    "capacity_of",
    "fit",
]
