"""Streaming Verilog: one engine per layer, AXI4-Stream between them."""

from hwcompress.hls.rtl.design import Design, LayerSpec, MemorySpec, TapSpec
from hwcompress.hls.rtl.generate import generate
from hwcompress.hls.rtl.stream import StreamSpec

__all__ = ["Design", "LayerSpec", "MemorySpec", "StreamSpec", "TapSpec", "generate"]
