"""The tables of a code for the decoder in Verilog (``huffman_decoder.v``).

The decoder serves memories that are read once in order: configuration flash, external
memory. Weights of an engine are read again for every frame, in parallel, and stay plain.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwcompress.errors import InputError
from hwcompress.packing.huffman import HuffmanCode

__all__ = ["DECODER", "decoder_tables", "write_decoder"]

DECODER = Path(__file__).with_name("huffman_decoder.v")

_FIELD_BITS = 16


def decoder_tables(code: HuffmanCode) -> tuple[np.ndarray, np.ndarray]:
    """First word, number of words and place of the first one's symbol for each length,
    ``(longest, 3)``; and the symbols in the order of their words, ``(n,)``.

    Raises:
        InputError: a lone symbol, which needs no decoder.
    """
    if code.lengths.size == 1:
        raise InputError("a code of one symbol has no bits to decode")
    order = np.lexsort((np.arange(code.lengths.size), code.lengths))
    rows = []
    place = 0
    for length in range(1, int(code.lengths.max()) + 1):
        own = order[code.lengths[order] == length]
        first = int(code.words[own[0]]) if own.size else 0
        rows.append((first, own.size, place))
        place += own.size
    return np.array(rows, np.int64), order


def write_decoder(code: HuffmanCode, symbols: np.ndarray, width: int, folder: Path) -> Path:
    """Write ``huffman.v`` with the decoder and a top ``huffman`` for one code, and its tables.

    Args:
        code: of symbols ``0 ... n - 1``.
        symbols: what each of them stands for, ``(n,)`` integers of ``width`` bits, two's
            complement.
        width: bits of a symbol.
        folder: an existing one.

    Raises:
        InputError: a lone symbol, or one that does not fit.
    """
    rows, order = decoder_tables(code)
    if symbols.size != order.size or symbols.max() >> width or symbols.min() < -(1 << (width - 1)):
        raise InputError(f"{symbols.size} symbols of {width} bits for a code of {order.size}")
    lengths = ["".join(f"{int(number):0{_FIELD_BITS // 4}x}" for number in row) for row in rows]
    digits = (width + 3) // 4
    values = [f"{int(item) & ((1 << width) - 1):0{digits}x}" for item in symbols[order]]
    (folder / "lengths.hex").write_text("\n".join(lengths) + "\n", encoding="utf-8")
    (folder / "symbols.hex").write_text("\n".join(values) + "\n", encoding="utf-8")
    path = folder / "huffman.v"
    top = _TOP.format(width=width, count=order.size, longest=rows.shape[0], high=width - 1)
    path.write_text(DECODER.read_text(encoding="utf-8") + top, encoding="utf-8")
    return path


_TOP = """
module huffman (
    input  wire clk,
    input  wire rst,
    input  wire s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [{high}:0] m_data,
    output wire m_valid,
    input  wire m_ready
);
    hwc_huffman_decoder #(
        .WIDTH({width}),
        .COUNT({count}),
        .LONGEST({longest}),
        .LENGTHS("lengths.hex"),
        .SYMBOLS("symbols.hex")
    ) decoder (
        .clk(clk),
        .rst(rst),
        .s_data(s_data),
        .s_valid(s_valid),
        .s_ready(s_ready),
        .m_data(m_data),
        .m_valid(m_valid),
        .m_ready(m_ready)
    );
endmodule
"""
