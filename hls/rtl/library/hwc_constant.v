// Source of a constant: the same beats frame after frame, from no input.
//
// WORDS words of a memory go round; each one is given REPEAT times in a row, and
// every beat holds COPIES of it side by side. So a tensor that is the same in all
// channels, at all positions or both takes no more memory than its period.
// TABLE: hex file of WORDS words of WIDTH bits.
//
// BEATS is for the reader and the timing model: a frame has that many, a
// multiple of WORDS * REPEAT. The stream itself has no end and no frames.
// Contract: see hwc_skid, without an input side. Timing: latency 2 after reset,
// one beat a cycle. Control: a pipeline of one stage that takes nothing, then
// hwc_skid.
/* verilator lint_off UNUSEDPARAM */  // BEATS
module hwc_constant #(
    parameter WIDTH  = 8,   // bits of a word
    parameter COPIES = 1,   // copies of a word in a beat
    parameter WORDS  = 4,   // words that go round
    parameter REPEAT = 1,   // beats in a row that hold the same word
    parameter BEATS  = 4,   // beats of a frame
    parameter TABLE  = ""   // hex file
) (
    input  wire                    clk,
    input  wire                    rst,
    output wire [COPIES*WIDTH-1:0] m_data,
    output wire                    m_valid,
    input  wire                    m_ready
);
    localparam AW = (WORDS > 1) ? $clog2(WORDS) : 1;

    wire             en;
    wire             next;  // the beats of this word have been read
    wire [AW-1:0]    addr;
    wire [WIDTH-1:0] word;
    reg              valid_q;

    always @(posedge clk) begin
        if (rst)
            valid_q <= 1'b0;
        else if (en)
            valid_q <= 1'b1;
    end

    generate
        if (REPEAT > 1) begin : gen_repeat
            localparam          RW     = $clog2(REPEAT);
            localparam [31:0]   LAST_W = REPEAT - 1;
            localparam [RW-1:0] LAST   = LAST_W[RW-1:0];
            reg [RW-1:0] count_q;
            assign next = (count_q == LAST);
            always @(posedge clk) begin
                if (rst)
                    count_q <= {RW{1'b0}};
                else if (en)
                    count_q <= next ? {RW{1'b0}} : count_q + 1'b1;
            end
        end else begin : gen_once
            assign next = 1'b1;
        end

        if (WORDS > 1) begin : gen_words
            localparam [31:0]   LAST_W = WORDS - 1;
            localparam [AW-1:0] LAST   = LAST_W[AW-1:0];
            reg [AW-1:0] addr_q;
            assign addr = addr_q;
            always @(posedge clk) begin
                if (rst)
                    addr_q <= {AW{1'b0}};
                else if (en & next)
                    addr_q <= (addr_q == LAST) ? {AW{1'b0}} : addr_q + 1'b1;
            end
        end else begin : gen_word
            wire unused = next;
            assign addr = {AW{1'b0}};
        end
    endgenerate

    hwc_rom #(.WIDTH(WIDTH), .DEPTH(WORDS), .TABLE(TABLE)) words (
        .clk(clk), .en(en), .addr(addr), .data(word)
    );

    hwc_skid #(.WIDTH(COPIES*WIDTH)) out_slice (
        .clk(clk), .rst(rst),
        .s_data({COPIES{word}}), .s_valid(valid_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
/* verilator lint_on UNUSEDPARAM */
