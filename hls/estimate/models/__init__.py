"""The structure of every module, by subject; importing this registers them."""

from hwcompress.hls.estimate.models import (  # noqa: F401
    buffers,
    layers,
    logic,
    products,
    reload,
    streams,
    sums,
    windows,
)
