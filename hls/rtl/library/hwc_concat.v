// COUNT streams one after the other: BEATS[0] beats of the first, BEATS[1] of
// the second, ..., and again; LONGEST is the largest of BEATS.
//
// The turns before that of input LEAD wait until it has a beat: where they hold
// constants, no beat of a frame leaves before the frame has come.
// Input i has LANES elements of WIDTHS[i] bits from bit OFFSETS[i] of s_data
// on, of KINDS[i], see hwc_cast; they leave as elements of OUT_BITS.
// Contract: see hwc_skid; a ready before LEAD also depends on the valid of that
// input. Timing: latency 1, one beat a cycle; every other s_ready depends on
// registers only.
module hwc_concat #(
    parameter LANES    = 1,                    // elements of a beat
    parameter COUNT    = 2,                    // inputs
    parameter S_WIDTH  = 8,                    // bits of s_data
    parameter [COUNT*32-1:0] OFFSETS = 64'h0000_0004_0000_0000,  // lowest bit of every input in s_data
    parameter [COUNT*16-1:0] WIDTHS  = 32'h0004_0004,  // bits of every input's element
    parameter [COUNT*4-1:0]  KINDS   = 8'h00,  // KIND of every input's elements
    parameter [COUNT*32-1:0] BEATS   = 64'h0000_0001_0000_0001,  // beats of every input's turn, 32 bits each
    parameter LONGEST  = 1,                    // largest of BEATS
    parameter LEAD     = 0,                    // input that those before it wait for
    parameter OUT_BITS = 4                     // bits of an output element
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire [S_WIDTH-1:0]        s_data,
    input  wire [COUNT-1:0]          s_valid,
    output wire [COUNT-1:0]          s_ready,
    output wire [LANES*OUT_BITS-1:0] m_data,
    output wire                      m_valid,
    input  wire                      m_ready
);
    localparam W = LANES * OUT_BITS;

    wire             en;
    wire [COUNT-1:0] turn;  // one bit: whose turn it is
    wire             there;  // the input that this turn waits for has a beat
    wire             valid = |(s_valid & turn) & there;

    assign s_ready = (en & there) ? turn : {COUNT{1'b0}};

    generate
        if (LEAD > 0) begin : gen_lead
            assign there = s_valid[LEAD] | ~|turn[LEAD-1:0];
        end else begin : gen_free
            assign there = 1'b1;
        end
    endgenerate

    hwc_turn #(.COUNT(COUNT), .LONGEST(LONGEST), .BEATS(BEATS)) turns (
        .clk(clk), .rst(rst), .step(en & valid), .turn(turn)
    );

    wire [(COUNT+1)*W-1:0] choice;
    assign choice[W-1:0] = {W{1'b0}};

    genvar i;
    generate
        for (i = 0; i < COUNT; i = i + 1) begin : gen_input
            localparam BITS = WIDTHS[i*16 +: 16];
            localparam FROM = OFFSETS[i*32 +: 32];
            wire [W-1:0] y;
            hwc_cast #(
                .LANES(LANES), .IN_BITS(BITS), .KIND(KINDS[i*4 +: 4]), .OUT_BITS(OUT_BITS)
            ) cast (.x(s_data[FROM +: LANES*BITS]), .y(y));
            assign choice[(i+1)*W +: W] = choice[i*W +: W] | (turn[i] ? y : {W{1'b0}});
        end
    endgenerate

    hwc_skid #(.WIDTH(W)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(choice[COUNT*W +: W]), .s_valid(valid), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
