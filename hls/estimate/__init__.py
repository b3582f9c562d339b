"""Resources of modules and designs before synthesis, with a known error."""

from hwcompress.hls.estimate.design import (
    DesignEstimate,
    InstanceEstimate,
    estimate_design,
    estimate_graph,
    estimate_plan,
)
from hwcompress.hls.estimate.estimate import Estimate

__all__ = [
    "DesignEstimate",
    "Estimate",
    "InstanceEstimate",
    "estimate_design",
    "estimate_graph",
    "estimate_plan",
]
