"""The decoder in Verilog gives the symbols of the decoder in Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.packing.huffman import HuffmanCode
from hwcompress.packing.octets import Bits, word_bits
from hwcompress.packing.verilog import decoder_tables, write_decoder
from hwcompress.tools.resolve import need
from hwcompress.tools.run import run

BENCH = """
module bench;
    reg clk = 0, rst = 1, s_valid = 0, m_ready = 0;
    wire s_ready, m_valid;
    wire [WIDTH-1:0] m_data;
    reg [0:0] bits [0:BITS-1];
    integer place = 0, place_next = 0, count = 0, file, cycles = 0;
    reg [31:0] dice = 32'd1;
    huffman dut (.clk(clk), .rst(rst), .s_data(bits[place]), .s_valid(s_valid),
                 .s_ready(s_ready), .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready));
    always #5 clk = !clk;
    initial begin
        $readmemb("bits.txt", bits);
        file = $fopen("found.txt", "w");
        repeat (3) @(negedge clk);
        rst = 0;
    end
    // Signals change at the falling edge; transfers are seen just before the rising one.
    always @(negedge clk) if (!rst) begin
        dice = dice * 32'd1664525 + 32'd1013904223;
        s_valid = place < BITS && (dice[31:30] != 0 || !STALLS);
        m_ready = dice[29:28] != 0 || !STALLS;
        #4;
        cycles = cycles + 1;
        if (m_valid && m_ready) begin
            $fdisplay(file, "%0d", m_data);
            count = count + 1;
            if (count == SYMBOLS) begin
                $fdisplay(file, "cycles %0d", cycles);
                $fclose(file);
                $finish;
            end
        end
        if (s_valid && s_ready) place_next = place + 1; else place_next = place;
    end
    always @(posedge clk) #1 place = place_next;
    initial begin #(10 * (12 * BITS + 1000)); $display("stuck"); $finish; end
endmodule
"""


def decoded(
    code: HuffmanCode,
    symbols: np.ndarray,
    width: int,
    bits: np.ndarray,
    count: int,
    folder: Path,
    stalls: bool,
) -> tuple[np.ndarray, int]:
    """Symbols, and the cycles that they took."""
    write_decoder(code, symbols, width, folder)
    (folder / "bits.txt").write_text("\n".join(map(str, bits)) + "\n")
    numbers = {"WIDTH": width, "BITS": bits.size, "SYMBOLS": count, "STALLS": int(stalls)}
    text = BENCH
    for name, number in numbers.items():
        text = text.replace(name, str(number))
    (folder / "bench.v").write_text(text)
    compiler, simulator = need("iverilog", purpose="the test"), need("vvp", purpose="the test")
    words = ["-g2005", "-Wall", "-o", "bench.vvp", "huffman.v", "bench.v"]
    run(compiler, words, cwd=folder, log=folder / "compile.log")
    said = (folder / "compile.log").read_text()
    assert "huffman.v" not in "\n".join(said.splitlines()[1:]), said
    run(simulator, ["bench.vvp"], cwd=folder, log=folder / "run.log", timeout=300)
    *lines, last = (folder / "found.txt").read_text().splitlines()
    raw = np.array([int(line) for line in lines])
    assert last.startswith("cycles "), (folder / "run.log").read_text()
    return raw, int(last.split()[1])


def check(seed: int, symbols: int, count: int, folder: Path, *, stalls: bool) -> None:
    random = np.random.default_rng(seed)
    index = random.choice(symbols, count, p=random.dirichlet(np.full(symbols, 0.4)))
    index[:symbols] = np.arange(symbols)
    code = HuffmanCode.for_counts(np.bincount(index))
    values = np.sort(random.choice(np.arange(-128, 128), symbols, replace=False))
    bits = word_bits(code.words[index], code.lengths[index])
    found, cycles = decoded(code, values, 8, bits, count, folder, stalls)
    expected, end = code.decode(Bits(np.packbits(bits), bits.size), 0, count)
    assert end == bits.size
    assert np.array_equal(found, values[expected] & 255)
    fixed = count * (symbols - 1).bit_length()
    print(f"\n{count} symbols as Python's from {bits.size} bits; of one length {fixed} bits")
    if not stalls:
        assert cycles == bits.size + 1  # a bit each, and the register at the end


@pytest.mark.parametrize("stalls", [False, True])
@pytest.mark.parametrize("symbols", [2, 17, 200])
def test_symbols(symbols: int, stalls: bool, tmp_path: Path) -> None:
    check(symbols, symbols, 3000, tmp_path, stalls=stalls)


def test_a_hundred_thousand_symbols(tmp_path: Path) -> None:
    check(1, 16, 100_000, tmp_path, stalls=True)


def test_words_of_fifteen_bits(tmp_path: Path) -> None:
    """The longest ones: first words and sums at the end of their fields."""
    counts = 2 ** np.arange(16)
    counts[0] = 1
    code = HuffmanCode.for_counts(counts)
    assert code.lengths.max() == 15
    index = np.tile(np.arange(16), 20)
    bits = word_bits(code.words[index], code.lengths[index])
    found, _ = decoded(code, np.arange(16), 5, bits, index.size, tmp_path, True)
    assert np.array_equal(found, index)


def test_tables_of_a_known_code() -> None:
    """RFC 1951, section 3.2.2: lengths 3, 3, 3, 3, 3, 2, 4, 4 of A to H."""
    code = HuffmanCode(np.array([3, 3, 3, 3, 3, 2, 4, 4]))
    assert [f"{word:0{size}b}" for word, size in zip(code.words, code.lengths, strict=True)] == [
        "010",
        "011",
        "100",
        "101",
        "110",
        "00",
        "1110",
        "1111",
    ]
    rows, order = decoder_tables(code)
    assert rows.tolist() == [[0, 0, 0], [0, 1, 0], [2, 5, 1], [14, 2, 6]]
    assert order.tolist() == [5, 0, 1, 2, 3, 4, 6, 7]


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a code of one symbol"):
        decoder_tables(HuffmanCode(np.array([0])))
    code = HuffmanCode(np.array([1, 1]))
    with pytest.raises(InputError, match="2 symbols of 3 bits for a code of 2"):
        write_decoder(code, np.array([0, 8]), 3, tmp_path)
