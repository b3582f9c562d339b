"""Simulation of generated RTL against expected integers.

Two ways: :class:`~hwcompress.hls.cosim.verilated.VerilatedDesign` runs whole
data sets through a verilated library in one call, and
:func:`~hwcompress.hls.cosim.bench.run_bench` checks the stream protocol on
tens of frames under cocotb. :func:`~hwcompress.hls.cosim.locate.first_difference`
names the layer where a wrong design goes wrong.
"""

__all__: list[str] = []
