// Replay buffer: every vector of WORDS beats leaves TIMES times in a row.
// TIMES >= 2.
//
// Holds two vectors, so that the next one arrives while this one is replayed.
// The first pass follows the arrival beat by beat.
// Contract: see hwc_skid. Timing: latency 3, one output beat a cycle; s_ready
// depends on registers only. One write and one registered read port.
module hwc_replay #(
    parameter WIDTH = 8,  // bits of a beat
    parameter WORDS = 4,  // beats of a vector
    parameter TIMES = 2   // times that it leaves, at least 2
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
    localparam DEPTH = 2 * WORDS;
    localparam AW    = $clog2(DEPTH);
    localparam CW    = $clog2(DEPTH + 1);
    localparam PW    = $clog2(TIMES);
    localparam [31:0] DEPTH_W = DEPTH;
    localparam [31:0] WORDS_W = WORDS;
    localparam [31:0] WLAST_W = WORDS - 1;
    localparam [31:0] DLAST_W = DEPTH - 1;
    localparam [31:0] PLAST_W = TIMES - 1;
    localparam [CW-1:0] FULL      = DEPTH_W[CW-1:0];
    localparam [CW-1:0] VECTOR    = WORDS_W[CW-1:0];
    localparam [CW-1:0] LAST_WORD = WLAST_W[CW-1:0];
    localparam [AW-1:0] LAST_ADDR = DLAST_W[AW-1:0];
    localparam [AW-1:0] HALF      = WORDS_W[AW-1:0];
    localparam [PW-1:0] LAST_PASS = PLAST_W[PW-1:0];

    reg [WIDTH-1:0] memory [0:DEPTH-1];
    reg [AW-1:0]    wr_q;
    reg [AW-1:0]    rd_q;
    reg [CW-1:0]    have_q;   // beats held, from the start of the current vector
    reg [CW-1:0]    word_q;   // beat of the current vector to be read next
    reg [PW-1:0]    pass_q;
    reg             upper_q;  // the current vector lies in the upper half
    reg [WIDTH-1:0] read_q;
    reg             read_valid_q;

    wire en;
    wire write     = s_valid & s_ready;
    wire read      = en & (have_q > word_q);
    wire last_word = (word_q == LAST_WORD);
    wire last_pass = (pass_q == LAST_PASS);
    wire finish    = read & last_word & last_pass;

    assign s_ready = (have_q != FULL);

    always @(posedge clk) begin
        if (write)
            memory[wr_q] <= s_data;
        if (en)
            read_q <= memory[rd_q];
    end

    always @(posedge clk) begin
        if (rst) begin
            wr_q         <= {AW{1'b0}};
            rd_q         <= {AW{1'b0}};
            have_q       <= {CW{1'b0}};
            word_q       <= {CW{1'b0}};
            pass_q       <= {PW{1'b0}};
            upper_q      <= 1'b0;
            read_valid_q <= 1'b0;
        end else begin
            if (write)
                wr_q <= (wr_q == LAST_ADDR) ? {AW{1'b0}} : wr_q + 1'b1;
            have_q <= have_q + {{(CW-1){1'b0}}, write} - (finish ? VECTOR : {CW{1'b0}});
            if (read) begin
                if (last_word & ~last_pass)
                    rd_q <= upper_q ? HALF : {AW{1'b0}};
                else
                    rd_q <= (rd_q == LAST_ADDR) ? {AW{1'b0}} : rd_q + 1'b1;
                word_q <= last_word ? {CW{1'b0}} : word_q + 1'b1;
                if (last_word)
                    pass_q <= last_pass ? {PW{1'b0}} : pass_q + 1'b1;
                if (finish)
                    upper_q <= ~upper_q;
            end
            if (en)
                read_valid_q <= read;
        end
    end

    hwc_skid #(.WIDTH(WIDTH)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(read_q), .s_valid(read_valid_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
