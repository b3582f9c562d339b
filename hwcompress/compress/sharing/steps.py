"""Steps of recipes: pruning by magnitude, shared values, codewords."""

from hwcompress.compress.sharing.product_step import ProductQuantize
from hwcompress.compress.sharing.prune_step import Prune
from hwcompress.compress.sharing.share_step import Share

__all__ = ["ProductQuantize", "Prune", "Share"]
