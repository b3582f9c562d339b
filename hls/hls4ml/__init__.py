"""The integer graph as an hls4ml project with exact types on everything.

``import hls4ml`` inside this package is the library: imports are absolute.
"""

from hwcompress.hls.hls4ml.layer import REALISATION
from hwcompress.hls.hls4ml.library import Library
from hwcompress.hls.hls4ml.project import HlsProject, convert
from hwcompress.hls.hls4ml.vitis import CSynthesis, Synthesis

__all__ = ["REALISATION", "CSynthesis", "HlsProject", "Library", "Synthesis", "convert"]
