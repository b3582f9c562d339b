"""Handlers, one file per family of engines; importing this package registers them."""

from hwcompress.hls.rtl.engines import linear, pool, scalar, shape

__all__ = ["linear", "pool", "scalar", "shape"]
