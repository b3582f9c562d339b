"""Handlers, one file per family of engines; importing this package registers them."""

from hwcompress.hls.rtl.engines import join, linear, order, pool, scalar, shape, table, up

__all__ = ["join", "linear", "order", "pool", "scalar", "shape", "table", "up"]
