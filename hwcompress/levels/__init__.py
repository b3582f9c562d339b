"""Levels of a run side by side: where the first integer differs.

:func:`~hwcompress.levels.between.diff` compares two traces in memory;
:func:`~hwcompress.levels.request.diff_request` runs levels (PyTorch, the runtime of the source's
file, float64, the definition, the simulator, hls4ml's C++, the Verilog) or reads dumps.
"""

from hwcompress.levels.between import diff
from hwcompress.levels.difference import Difference, DiffReport, Follows, TensorRow, Window
from hwcompress.levels.dump import Dump

__all__ = ["DiffReport", "Difference", "Dump", "Follows", "TensorRow", "Window", "diff"]
