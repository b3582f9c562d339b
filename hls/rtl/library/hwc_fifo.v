// First-in first-out buffer of DEPTH beats (DEPTH >= 3).
//
// The last beat waits in the output register of the memory, the others in its
// DEPTH - 1 words; few of them become LUT memory, many block memory.
// Contract: see hwc_skid. Timing: latency 2, one beat a cycle; s_ready depends
// on registers only. The memory has one write and one registered read port.
module hwc_fifo #(
    parameter WIDTH = 8,  // bits of a beat
    parameter DEPTH = 16  // beats held, at least 3
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] s_data,
    input  wire             s_valid,
    output wire             s_ready,
    output wire [WIDTH-1:0] m_data,
    output wire             m_valid,
    input  wire             m_ready
);
    localparam          WORDS  = DEPTH - 1;
    localparam          AW     = $clog2(WORDS);
    localparam          CW     = $clog2(WORDS + 1);
    localparam [31:0]   FULL_W = WORDS;
    localparam [31:0]   LAST_W = WORDS - 1;
    localparam [CW-1:0] FULL   = FULL_W[CW-1:0];
    localparam [AW-1:0] LAST   = LAST_W[AW-1:0];

    reg [WIDTH-1:0] memory [0:WORDS-1];
    reg [AW-1:0]    wr_q;
    reg [AW-1:0]    rd_q;
    reg [CW-1:0]    count_q;  // beats in the memory
    reg [WIDTH-1:0] out_q;
    reg             out_valid_q;

    wire out_free = m_ready | ~out_valid_q;
    wire some     = (count_q != {CW{1'b0}});
    wire write    = s_valid & s_ready;
    wire read     = out_free & some;

    // A power of two wraps by itself.
    wire wr_end = (WORDS != 1 << AW) & (wr_q == LAST);
    wire rd_end = (WORDS != 1 << AW) & (rd_q == LAST);

    assign s_ready = (count_q != FULL);
    assign m_data  = out_q;
    assign m_valid = out_valid_q;

    always @(posedge clk) begin
        if (write)
            memory[wr_q] <= s_data;
        if (out_free)
            out_q <= memory[rd_q];
    end

    always @(posedge clk) begin
        if (rst) begin
            wr_q        <= {AW{1'b0}};
            rd_q        <= {AW{1'b0}};
            count_q     <= {CW{1'b0}};
            out_valid_q <= 1'b0;
        end else begin
            if (write)
                wr_q <= wr_end ? {AW{1'b0}} : wr_q + 1'b1;
            if (read)
                rd_q <= rd_end ? {AW{1'b0}} : rd_q + 1'b1;
            if (write ^ read)
                count_q <= count_q + {{(CW-1){read}}, 1'b1};  // less one, or one more
            if (out_free)
                out_valid_q <= some;
        end
    end
endmodule
