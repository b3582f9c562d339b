"""Integer graphs as small files: canonical Huffman codes, relative indices, ``.hwc``."""

from hwcompress.packing.file import Packed, pack_graph, read_packed, unpack_graph, write_packed
from hwcompress.packing.sizes import ArraySize, PackedSize

__all__ = [
    "ArraySize",
    "Packed",
    "PackedSize",
    "pack_graph",
    "read_packed",
    "unpack_graph",
    "write_packed",
]
