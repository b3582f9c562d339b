"""The folding of every engine: how many lanes it computes at once."""

from hwcompress.hls.folding import join_engines as _join_engines  # noqa: F401  (registers)
from hwcompress.hls.folding import map_engines as _map_engines  # noqa: F401  (registers)
from hwcompress.hls.folding import up_engine as _up_engine  # noqa: F401  (registers)
from hwcompress.hls.folding.engines import Engine, engine
from hwcompress.hls.folding.folding import Folding, Lanes
from hwcompress.hls.folding.search import default_folding, legal_foldings
from hwcompress.hls.folding.style import Style

__all__ = ["Engine", "Folding", "Lanes", "Style", "default_folding", "engine", "legal_foldings"]
