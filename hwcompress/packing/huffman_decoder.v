// Canonical Huffman decoder: a bit a cycle in, a symbol out after the last bit of its word.
//
// Handshakes as everywhere: a transfer happens in a cycle with valid and ready; valid waits for no
// ready, and there is no path from valid to ready. Words come with their first bit first.
// The tables are those of hwcompress.packing.verilog: LENGTHS has a row for each length from 1
// on, {first word, number of words, place of the first one's symbol}, 16 bits each; SYMBOLS
// has the symbols, shorter words first, words of one length in ascending order.

`default_nettype none

module hwc_huffman_decoder #(
    parameter WIDTH = 8,
    parameter COUNT = 2,
    parameter LONGEST = 1,
    parameter LENGTHS = "lengths.hex",
    parameter SYMBOLS = "symbols.hex"
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             s_data,
    input  wire             s_valid,
    output wire             s_ready,
    output reg  [WIDTH-1:0] m_data,
    output reg              m_valid,
    input  wire             m_ready
);
    reg [47:0] lengths [0:LONGEST-1];
    reg [WIDTH-1:0] symbols [0:COUNT-1];

    initial begin
        $readmemh(LENGTHS, lengths);
        $readmemh(SYMBOLS, symbols);
    end

    reg [14:0] begun;
    reg [3:0] before;

    wire [15:0] word = {begun, s_data};
    wire [47:0] row = lengths[before];
    wire [15:0] place = word - row[47:32];
    // A word that is no shorter one is not below the first of its length.
    wire ends = place < row[31:16];
    wire [15:0] index = place + row[15:0];

    assign s_ready = !m_valid || m_ready;

    always @(posedge clk) begin
        if (rst) begin
            m_valid <= 1'b0;
            begun <= 15'd0;
            before <= 4'd0;
        end else if (s_ready) begin
            m_valid <= s_valid && ends;
            if (s_valid) begin
                begun <= ends ? 15'd0 : word[14:0];
                before <= ends ? 4'd0 : before + 4'd1;
            end
        end
        if (s_ready && s_valid && ends)
            m_data <= symbols[index];
    end
endmodule

`default_nettype wire
