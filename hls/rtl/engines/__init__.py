"""Handlers, one file per family of engines; importing this package registers them."""

from hwcompress.hls.rtl.engines import constant, join, linear, order, pool, scalar, shape, table, up

__all__ = ["constant", "join", "linear", "order", "pool", "scalar", "shape", "table", "up"]
